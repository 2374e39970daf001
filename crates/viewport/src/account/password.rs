//! Changing one's password.

use super::ACCOUNT;
use crate::{
    answer::Answer,
    form::Posted,
    trouble::{self, Trouble},
    visit::{Person, show},
};
use pages::{Chrome, Head, Section};

#[derive(askama::Template)]
#[template(path = "account/password.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) chrome: Chrome,
    pub(super) partial: bool,
    pub(super) email: String,
    pub(super) minimum: usize,
    pub(super) trouble: Trouble,
}

async fn form(person: &Person, trouble: Trouble) -> Answer {
    let page = Form {
        head: Head::new("Change your password"),
        chrome: person.chrome(Section::Account).await?,
        partial: person.partial,
        email: person.visitor.email.as_str().to_owned(),
        minimum: person.service().policy().password_minimum,
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(person, status, page))
}

/// `GET /account/password`
pub(crate) async fn ask(person: Person) -> Answer {
    form(&person, Trouble::default()).await
}

/// `POST /account/password`
pub(crate) async fn change(Posted(person, fields): Posted<Person>) -> Answer {
    let (current, new) = (fields.text("current"), fields.text("password"));
    if current.is_empty() {
        return form(&person, Trouble::new("current", "Enter your present password.")).await;
    }
    match person.service().change_password(&person.ctx, &person.visitor, current, new).await {
        Ok(()) => person.go(&format!("{ACCOUNT}?done=password")),
        Err(refusal) => form(&person, trouble::refused_at("current", &person, refusal)?).await,
    }
}
