//! Taking one's second factor away.

use super::{ACCOUNT, second_factor};
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{UserPage, show},
};
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "account/remove.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
}

async fn form(person: &UserPage, errors: FormError) -> Answer {
    let page = Form { chrome: person.form("Remove your second factor", Section::Account, errors).await? };
    Ok(show!(person, page))
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
