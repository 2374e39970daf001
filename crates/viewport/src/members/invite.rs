//! Inviting a person, and the page that shows the link.

use super::ADMINS_ONLY;
use crate::{
    answer::Answer,
    form::{Fields, Posted},
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use domain::Role;
use http::StatusCode;
use pages::{Chrome, Head, Section, Time};
use service::{Failure, Reject, invitations::Invited, mail::Mailed};

#[derive(askama::Template)]
#[template(path = "members/invite.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) partial: bool,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) sends_mail: bool,
    pub(crate) fresh: bool,
    pub(crate) trouble: Trouble,
}

#[derive(askama::Template)]
#[template(path = "members/link.html", blocks = ["content"])]
pub(crate) struct LinkPage<'a> {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) email: &'a str,
    pub(crate) role: Role,
    pub(crate) link: &'a str,
    pub(crate) expires: Time,
    pub(crate) mailed: &'a Mailed,
}

pub(super) async fn form(visit: &Visit, fields: &Fields, trouble: Trouble) -> Answer {
    let page = Form {
        head: Head::new("Invite a person"),
        chrome: visit.chrome(Section::Members).await?,
        partial: visit.partial,
        email: fields.text("email").to_owned(),
        role: Role::parse(fields.text("role")).unwrap_or(Role::Member),
        sends_mail: visit.service().sends_mail(),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// The link of an invitation, this once.
pub(crate) async fn link(visit: &Visit, invited: &Invited) -> Answer {
    let invitation = &invited.invitation;
    let page = LinkPage {
        head: Head::new(format!("{} is invited", invitation.email)),
        chrome: visit.chrome(Section::Members).await?,
        email: invitation.email.as_str(),
        role: invitation.role,
        link: &invited.link,
        expires: pages::moment(invitation.expires_at),
        mailed: &invited.mailed,
    };
    Ok(show!(visit, StatusCode::OK, page))
}

/// `GET /settings/members/invite`
pub(crate) async fn ask(visit: Visit) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    form(&visit, &Fields::default(), Trouble::default()).await
}

/// `POST /settings/members/invite`
pub(crate) async fn make(Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let Some(role) = Role::parse(fields.text("role")) else {
        return form(&visit, &fields, Trouble::new("role", "Choose a role.")).await;
    };
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &fields, trouble).await;
    }
    let invited = visit.service().invite(&visit.ctx, &visit.principal, fields.text("email"), role).await;
    match invited.map_err(trouble_of) {
        Ok(invited) => link(&visit, &invited).await,
        Err(Ok(trouble)) => form(&visit, &fields, trouble).await,
        Err(Err(failure)) => Err(visit.failed(&failure)),
    }
}

/// What is in an invitation's way has to do with the address.
fn trouble_of(failure: Failure) -> Result<Trouble, Failure> {
    if let Failure::Reject(Reject::TooMuchStored { .. }) = failure {
        return Trouble::from(failure);
    }
    Trouble::from(failure).map(|trouble| Trouble::new("email", trouble.text))
}
