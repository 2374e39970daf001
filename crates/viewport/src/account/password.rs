//! Changing one's password.

use super::ACCOUNT;
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{UserPage, show},
};
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "account/password.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) minimum: usize,
}

async fn form(person: &UserPage, errors: FormError) -> Answer {
    let page = Form {
        chrome: person.form("Change your password", Section::Account, errors).await?,
        minimum: person.service().policy().password_minimum,
    };
    Ok(show!(person, page))
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
