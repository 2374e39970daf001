//! Invitations that wait: taking one back, making one anew.

use super::{ADMINS_ONLY, Invited, LIST, invite};
use crate::{
    answer::Answer,
    form::Posted,
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::{body::Body, extract::Path};
use http::Response;
use pages::{Chrome, Head, Section};
use service::{Failure, Invitation, Reject};

#[derive(askama::Template)]
#[template(path = "members/revoke.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) partial: bool,
    pub(crate) invitation: Invited,
    pub(crate) fresh: bool,
    pub(crate) trouble: Trouble,
}

async fn find(visit: &Visit, id: &str) -> Result<Invitation, Response<Body>> {
    let waiting = visit.outcome(visit.service().list_invitations(&visit.principal).await)?;
    let found = waiting.into_iter().find(|invitation| invitation.id.as_str() == id);
    let missing = || Failure::from(Reject::NotFound { kind: "open invitation", id: id.to_owned() });
    found.ok_or_else(|| visit.failed(&missing()))
}

async fn form(visit: &Visit, id: &str, trouble: Trouble) -> Answer {
    let invitation = find(visit, id).await?;
    let page = Form {
        head: Head::new(format!("Take back the invitation of {}", invitation.email)),
        chrome: visit.chrome(Section::Members).await?,
        partial: visit.partial,
        invitation: Invited::of(&invitation, visit.ctx.now),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /settings/members/invitations/{id}/revoke`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    form(&visit, &id, Trouble::default()).await
}

/// `POST /settings/members/invitations/{id}/revoke`
pub(crate) async fn revoke(Path(id): Path<String>, Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &id, trouble).await;
    }
    visit.outcome(visit.service().revoke_invitation(&visit.ctx, &visit.principal, &id).await)?;
    visit.go(&format!("{LIST}?done=invitation-revoked"))
}

/// `POST /settings/members/invitations/{id}/again`: a new link for the same person and role; the former one ends. Where the
/// password is asked for first, the form of a new invitation asks, filled in.
pub(crate) async fn again(Path(id): Path<String>, Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let invitation = find(&visit, &id).await?;
    let email = invitation.email.as_str();
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        let filled = [("email", email), ("role", invitation.role.as_str())].into_iter().collect();
        return invite::form(&visit, &filled, trouble).await;
    }
    let invited =
        visit.outcome(visit.service().invite(&visit.ctx, &visit.principal, email, invitation.role).await)?;
    invite::link(&visit, &invited).await
}
