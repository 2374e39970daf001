//! Invitations that wait: taking one back, making one anew.

use super::{LIST, invite};
use crate::frame::{
    admin_page::{AdminPage, Members},
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{MemberPage, show},
};
use axum::{body::Body, extract::Path};
use domain::Invitation;
use http::Response;
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection};

#[derive(askama::Template)]
#[template(path = "members/revoke.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) chrome: Chrome,
    pub(crate) invitation: Invitation,
}

async fn find(context: &MemberPage, id: &str) -> Result<Invitation, Response<Body>> {
    let waiting = context.outcome(context.service().users().list_invitations(&context.principal).await)?;
    let found = waiting.into_iter().find(|invitation| invitation.id.as_str() == id);
    let missing = || Error::from(Rejection::NotFound { kind: "open invitation", id: id.to_owned() });
    found.ok_or_else(|| context.failed(&missing()))
}

async fn form(context: &MemberPage, id: &str, errors: FormError) -> Answer {
    let invitation = find(context, id).await?;
    let page = Form {
        chrome: context
            .form(format!("Take back the invitation of {}", invitation.email), Section::Members, errors)
            .await?,
        invitation,
    };
    Ok(show!(context, page))
}

/// `GET /settings/members/invitations/{id}/revoke`
pub(crate) async fn show_form(context: AdminPage<Members>, Path(id): Path<String>) -> Answer {
    form(&context, &id, FormError::default()).await
}

/// `POST /settings/members/invitations/{id}/revoke`
pub(crate) async fn revoke(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<Members>>,
) -> Answer {
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &id, errors).await;
    }
    context
        .outcome(context.service().users().revoke_invitation(&context.ctx, &context.principal, &id).await)?;
    context.go(&format!("{LIST}?done=invitation-revoked"))
}

/// `POST /settings/members/invitations/{id}/again`: a new link for the same person and role; the former one ends. Where the
/// password is asked for first, the form of a new invitation asks, filled in.
pub(crate) async fn again(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<Members>>,
) -> Answer {
    let invitation = find(&context, &id).await?;
    let email = invitation.email.as_str();
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        let filled = [("email", email), ("role", invitation.role.as_str())].into_iter().collect();
        return invite::form(&context, &filled, errors).await;
    }
    let invited = context.outcome(
        context.service().users().invite(&context.ctx, &context.principal, email, invitation.role).await,
    )?;
    invite::link(&context, &invited).await
}
