//! Taking one's second factor away.

use super::{ACCOUNT, second_factor};
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error::{self, FormError},
    page_context::{UserPage, show},
};
use pages::{Chrome, Head, Section};

#[derive(askama::Template)]
#[template(path = "account/remove.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) chrome: Chrome,
    pub(super) partial: bool,
    pub(super) errors: FormError,
}

async fn form(person: &UserPage, errors: FormError) -> Answer {
    let page = Form {
        head: Head::new("Remove your second factor"),
        chrome: person.chrome(Section::Account).await?,
        partial: person.partial,
        errors,
    };
    Ok(show!(person, form_error::status(&page.errors), page))
}

/// `GET /account/second-factor/remove`
pub(crate) async fn show_form(person: UserPage) -> Answer {
    if !person.user.has_second_factor {
        return person.go(second_factor::SECOND_FACTOR);
    }
    second_factor::require_proof(&person).await?;
    form(&person, FormError::default()).await
}

/// `POST /account/second-factor/remove`
pub(crate) async fn remove(Posted(person, fields): Posted<UserPage>) -> Answer {
    if !person.user.has_second_factor {
        return person.go(second_factor::SECOND_FACTOR);
    }
    second_factor::require_proof(&person).await?;
    let Some(password) = fields.filled("password") else {
        return form(&person, FormError::new("password", "Enter your password.")).await;
    };
    match person.service().users().remove_second_factor(&person.ctx, &person.user, password).await {
        Ok(()) => person.go(&format!("{ACCOUNT}?done=second-factor-removed")),
        Err(rejection) => form(&person, form_error::rejected(&person, rejection)?).await,
    }
}
