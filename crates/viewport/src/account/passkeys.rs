//! Passkeys: adding one in two steps, its name and then the device's answer, and removing one.

use super::{ACCOUNT, second_factor};
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{UserPage, show},
};
use axum::{body::Body, extract::Path};
use domain::Passkey;
use http::{Response, StatusCode};
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection, users::passkeys::Ceremony};

#[derive(askama::Template)]
#[template(path = "account/passkey_add.html", blocks = ["content"])]
pub(super) struct Add {
    pub(super) chrome: Chrome,
    pub(super) name: String,
}

#[derive(askama::Template)]
#[template(path = "account/passkey_create.html", blocks = ["content"])]
pub(super) struct Create {
    pub(super) chrome: Chrome,
    pub(super) name: String,
    pub(super) ceremony: String,
    pub(super) options: String,
}

#[derive(askama::Template)]
#[template(path = "account/passkey_remove.html", blocks = ["content"])]
pub(super) struct Remove {
    pub(super) chrome: Chrome,
    pub(super) id: String,
    pub(super) name: String,
}

/// The person's passkeys, where browsers can use any.
pub(super) async fn list(person: &UserPage) -> Result<Option<Vec<Passkey>>, Response<Body>> {
    if !person.service().users().offers_passkeys() {
        return Ok(None);
    }
    person.outcome(person.service().users().list_passkeys(&person.user).await).map(Some)
}

async fn form(person: &UserPage, name: &str, errors: FormError) -> Answer {
    let page =
        Add { chrome: person.form("Add a passkey", Section::Account, errors).await?, name: name.to_owned() };
    Ok(show!(person, page))
}

/// `GET /account/passkeys/add`
pub(crate) async fn show_form(person: UserPage) -> Answer {
    second_factor::require_proof(&person).await?;
    form(&person, "", FormError::default()).await
}

/// `POST /account/passkeys/add`
pub(crate) async fn begin(Posted(mut person, fields): Posted<UserPage>) -> Answer {
    second_factor::require_proof(&person).await?;
    let name = fields.text("name").trim().to_owned();
    if let Err(errors) = form_error::confirm_user(&mut person, &fields).await? {
        return form(&person, &name, errors).await;
    }
    match person.service().users().begin_passkey(&person.ctx, &person.user, &name).await {
        Ok(Ceremony { handle, options }) => {
            let page = Create {
                chrome: person.chrome("Add a passkey", Section::Account).await?,
                name,
                ceremony: handle.expose().to_owned(),
                options,
            };
            Ok(show!(person, page))
        }
        Err(error) => form(&person, &name, person.form_error(error)?).await,
    }
}

/// `POST /account/passkeys`
pub(crate) async fn add(Posted(person, fields): Posted<UserPage>) -> Answer {
    second_factor::require_proof(&person).await?;
    let (ceremony, passkey) = (fields.text("ceremony"), fields.text("passkey"));
    match person.service().users().add_passkey(&person.ctx, &person.user, ceremony, passkey).await {
        Ok(_) => person.go(&format!("{ACCOUNT}?done=passkey-added")),
        // The device took so long that the password is needed again.
        Err(Error::Rejection(Rejection::SignInAgain)) => form(&person, "", FormError::default()).await,
        Err(error) => form(&person, "", person.form_error(error)?).await,
    }
}

async fn removal(person: &UserPage, id: String, errors: FormError) -> Answer {
    let found = person.outcome(person.service().users().list_passkeys(&person.user).await)?;
    let Some(passkey) = found.into_iter().find(|passkey| passkey.id.as_str() == id) else {
        return Err(pages::message(
            StatusCode::NOT_FOUND,
            "Page not found",
            "You have no such passkey. It may have been removed already.",
        )
        .link("Go to your account", ACCOUNT)
        .respond());
    };
    let page = Remove {
        chrome: person.form("Remove a passkey", Section::Account, errors).await?,
        id,
        name: passkey.name,
    };
    Ok(show!(person, page))
}

/// `GET /account/passkeys/{id}/remove`
pub(crate) async fn confirm_remove(person: UserPage, Path(id): Path<String>) -> Answer {
    second_factor::require_proof(&person).await?;
    removal(&person, id, FormError::default()).await
}

/// `POST /account/passkeys/{id}/remove`
pub(crate) async fn remove(Path(id): Path<String>, Posted(mut person, fields): Posted<UserPage>) -> Answer {
    second_factor::require_proof(&person).await?;
    if let Err(errors) = form_error::confirm_user(&mut person, &fields).await? {
        return removal(&person, id, errors).await;
    }
    match person.service().users().remove_passkey(&person.ctx, &person.user, &id).await {
        Ok(()) => person.go(&format!("{ACCOUNT}?done=passkey-removed")),
        Err(Error::Rejection(Rejection::NotFound { .. })) => removal(&person, id, FormError::default()).await,
        Err(error) => Err(person.failed(&error)),
    }
}
