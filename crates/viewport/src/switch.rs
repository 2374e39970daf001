//! Working in another of one's organisations.

use crate::frame::{answer::Answer, form::Posted, page_context::UserPage};
use http::StatusCode;
use service::{Error, Rejection};

/// `POST /switch`
pub(crate) async fn change_organisation(Posted(person, fields): Posted<UserPage>) -> Answer {
    let organisation = fields.text("organisation");
    match person.service().users().switch_organisation(&person.ctx, &person.user, organisation).await {
        Ok(()) => person.go("/"),
        Err(Error::Rejection(Rejection::NotFound { .. })) => Err(pages::message(StatusCode::NOT_FOUND, "Page not found", "You belong to no such organisation, or not any more. Your account lists the ones that you belong to.").link("Your account", "/account").respond()),
        Err(error) => Err(person.failed(&error)),
    }
}
