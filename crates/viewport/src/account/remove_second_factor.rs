//! Taking one's second factor away.

use super::{ACCOUNT, second_factor};
use crate::{
    answer::Answer,
    form::Posted,
    trouble::{self, Trouble},
    visit::{Person, show},
};
use pages::{Chrome, Head, Section};

#[derive(askama::Template)]
#[template(path = "account/remove.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) chrome: Chrome,
    pub(super) partial: bool,
    pub(super) trouble: Trouble,
}

async fn form(person: &Person, trouble: Trouble) -> Answer {
    let page = Form {
        head: Head::new("Remove your second factor"),
        chrome: person.chrome(Section::Account).await?,
        partial: person.partial,
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(person, status, page))
}

/// `GET /account/second-factor/remove`
pub(crate) async fn ask(person: Person) -> Answer {
    if !person.visitor.has_second_factor {
        return person.go(second_factor::SECOND_FACTOR);
    }
    second_factor::require_proof(&person).await?;
    form(&person, Trouble::default()).await
}

/// `POST /account/second-factor/remove`
pub(crate) async fn remove(Posted(person, fields): Posted<Person>) -> Answer {
    if !person.visitor.has_second_factor {
        return person.go(second_factor::SECOND_FACTOR);
    }
    second_factor::require_proof(&person).await?;
    let Some(password) = fields.filled("password") else {
        return form(&person, Trouble::new("password", "Enter your password.")).await;
    };
    match person.service().remove_second_factor(&person.ctx, &person.visitor, password).await {
        Ok(()) => person.go(&format!("{ACCOUNT}?done=second-factor-removed")),
        Err(refusal) => form(&person, trouble::refused(&person, refusal)?).await,
    }
}
