//! Changing one's password.

use super::ACCOUNT;
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error::{self, FormError},
    page_context::{UserPage, show},
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
    pub(super) errors: FormError,
}

async fn form(person: &UserPage, errors: FormError) -> Answer {
    let page = Form {
        head: Head::new("Change your password"),
        chrome: person.chrome(Section::Account).await?,
        partial: person.partial,
        email: person.user.email.as_str().to_owned(),
        minimum: person.service().policy().password_minimum,
        errors,
    };
    Ok(show!(person, form_error::status(&page.errors), page))
}

/// `GET /account/password`
pub(crate) async fn show_form(person: UserPage) -> Answer {
    form(&person, FormError::default()).await
}

/// `POST /account/password`
pub(crate) async fn change(Posted(person, fields): Posted<UserPage>) -> Answer {
    let (current, new) = (fields.text("current"), fields.text("password"));
    if current.is_empty() {
        return form(&person, FormError::new("current", "Enter your present password.")).await;
    }
    match person.service().users().change_password(&person.ctx, &person.user, current, new).await {
        Ok(()) => person.go(&format!("{ACCOUNT}?done=password")),
        Err(rejection) => form(&person, form_error::rejected_at("current", &person, rejection)?).await,
    }
}
