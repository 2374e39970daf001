//! Invitations: a person who is new chooses a password, one who is known signs in.

use super::dead_link;
use crate::{
    answer::Answer,
    form::Fields,
    trouble::{Trouble, status},
    visit::Request,
};
use axum::{body::Body, extract::Path};
use http::Response;
use service::{
    Visitor,
    invitations::{Acceptance, OpenInvitation},
    passwords::LinkState,
};

/// Who stands before an invitation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Guest {
    /// Nobody is known by the invited address: a password is chosen.
    New,
    /// The invited person has a password and is not signed in.
    Away { login: String },
    /// The invited person.
    Invited,
    /// Somebody else is signed in.
    Other { email: String },
}

#[derive(askama::Template)]
#[template(path = "entry/invite.html")]
pub(super) struct Page {
    pub(super) head: pages::Head,
    pub(super) organisation: String,
    pub(super) inviter: String,
    pub(super) email: String,
    pub(super) role: domain::Role,
    pub(super) expires: pages::Time,
    pub(super) guest: Guest,
    pub(super) minimum: usize,
    pub(super) trouble: Trouble,
}

fn guest(open: &OpenInvitation, visitor: Option<&Visitor>, code: &str) -> Guest {
    match visitor {
        Some(visitor) if visitor.email == open.invitation.email => Guest::Invited,
        Some(visitor) => Guest::Other { email: visitor.email.as_str().to_owned() },
        None if open.has_password => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("next", &format!("/invite/{code}"));
            query.append_pair("login_hint", open.invitation.email.as_str());
            Guest::Away { login: format!("/login?{}", query.finish()) }
        }
        None => Guest::New,
    }
}

fn page(request: &Request, open: OpenInvitation, guest: Guest, trouble: Trouble) -> Response<Body> {
    let invitation = open.invitation;
    let status = status(&trouble);
    let page = Page {
        head: pages::Head::new(format!("Join {}", invitation.organisation_name)),
        organisation: invitation.organisation_name,
        inviter: invitation.created_by,
        email: invitation.email.as_str().to_owned(),
        role: invitation.role,
        expires: pages::moment(invitation.expires_at),
        guest,
        minimum: request.service().policy().password_minimum,
        trouble,
    };
    pages::html(status, &page)
}

async fn open(request: &Request, code: &str) -> Result<OpenInvitation, Response<Body>> {
    let sign_in = ("Sign in", "/login");
    match request.outcome(request.service().find_invitation(&request.ctx, code).await)? {
        LinkState::Open(open) => Ok(open),
        LinkState::Used => Err(dead_link(
            "This invitation was used",
            "It was accepted, taken back by an Admin, or replaced by a newer one. If you are a member, sign in; otherwise ask for a new one.",
            sign_in,
        )),
        LinkState::Expired => Err(dead_link(
            "This invitation is too old",
            "Its time is over. Ask the person who invited you for a new one.",
            sign_in,
        )),
        LinkState::Unknown => Err(dead_link(
            "This invitation is not known",
            "The link may not have been copied whole. Copy it again, or ask for a new one.",
            sign_in,
        )),
    }
}

/// `GET /invite/{code}`
pub(crate) async fn show(request: Request, Path(code): Path<String>) -> Answer {
    let open = open(&request, &code).await?;
    let visitor = request.visitor().await?;
    let guest = guest(&open, visitor.as_ref(), &code);
    Ok(page(&request, open, guest, Trouble::default()))
}

/// `POST /invite/{code}`
pub(crate) async fn accept(request: Request, Path(code): Path<String>, fields: Fields) -> Answer {
    let open = open(&request, &code).await?;
    let visitor = request.visitor().await?;
    let guest = guest(&open, visitor.as_ref(), &code);
    let by = match (&guest, &visitor) {
        (Guest::New, _) => Acceptance::Password(fields.text("password")),
        (Guest::Invited | Guest::Other { .. }, Some(visitor)) => Acceptance::Visitor(visitor),
        (Guest::Away { login }, _) => return request.go(login),
        (_, None) => return request.go("/login"),
    };
    match request.service().accept_invitation(&request.ctx, &code, by).await.map_err(Trouble::from) {
        Ok(_) if guest == Guest::Invited => request.go("/"),
        Ok(invitation) => {
            let hint: String =
                url::form_urlencoded::byte_serialize(invitation.email.as_str().as_bytes()).collect();
            request.go(&format!("/login?login_hint={hint}"))
        }
        Err(Ok(trouble)) => Ok(page(&request, open, guest, trouble)),
        Err(Err(failure)) => Err(request.failed(&failure)),
    }
}
