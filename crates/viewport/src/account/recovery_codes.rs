//! Recovery codes: shown once, after a second factor was set up and whenever new ones are made.

use super::second_factor;
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{UserPage, show},
};
use pages::{Chrome, FormError, Section};

/// Why there are codes to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Enrolled,
    Replaced,
}

#[derive(askama::Template)]
#[template(path = "account/codes.html", blocks = ["content"])]
pub(super) struct Page<'a> {
    pub(super) chrome: Chrome,
    pub(super) occasion: Occasion,
    pub(super) codes: &'a [String],
}

pub(super) async fn show(person: &UserPage, occasion: Occasion, codes: &[String]) -> Answer {
    let page = Page { chrome: person.chrome("Recovery codes", Section::Account).await?, occasion, codes };
    Ok(show!(person, page))
}

/// `POST /account/second-factor/codes`
pub(crate) async fn replace(Posted(person, fields): Posted<UserPage>) -> Answer {
    if !person.user.has_second_factor {
        return person.go(second_factor::SECOND_FACTOR);
    }
    second_factor::require_proof(&person).await?;
    let Some(password) = fields.filled("password") else {
        return second_factor::enrolled(&person, FormError::new("password", "Enter your password.")).await;
    };
    match person.service().users().replace_recovery_codes(&person.ctx, &person.user, password).await {
        Ok(codes) => show(&person, Occasion::Replaced, &codes).await,
        Err(rejection) => second_factor::enrolled(&person, form_error::rejected(&person, rejection)?).await,
    }
}
