//! Invitations: a person who is new chooses a password, one who is known signs in.

use super::dead_link;
use crate::frame::{answer::Answer, form::Posted, page_context::PageRequest};
use axum::{body::Body, extract::Path};
use domain::{Invitation, LinkState};
use http::Response;
use pages::{FormError, Head};
use service::{
    CurrentUser,
    users::invitations::{Accepted, InvitationProof},
};

/// Who stands before an invitation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Guest {
    /// Nobody is signed in. Whether the invited address is known here is told to nobody who merely holds the link.
    SignedOut { login: String },
    /// The invited person.
    Invited,
    /// Somebody else is signed in.
    Other { email: String },
}

#[derive(askama::Template)]
#[template(path = "entry/invite.html")]
pub(super) struct Page {
    pub(super) head: Head,
    pub(super) invitation: Invitation,
    pub(super) guest: Guest,
    pub(super) minimum: usize,
    pub(super) errors: FormError,
}

/// The sign-in that leads back to the invitation, with the invited address filled in.
fn login(invitation: &Invitation, code: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", &format!("/invite/{code}"));
    query.append_pair("login_hint", invitation.email.as_str());
    format!("/login?{}", query.finish())
}

fn guest(invitation: &Invitation, user: Option<&CurrentUser>, code: &str) -> Guest {
    match user {
        Some(user) if user.email == invitation.email => Guest::Invited,
        Some(user) => Guest::Other { email: user.email.as_str().to_owned() },
        None => Guest::SignedOut { login: login(invitation, code) },
    }
}

fn page(request: &PageRequest, invitation: Invitation, guest: Guest, errors: FormError) -> Response<Body> {
    let status = errors.status();
    let page = Page {
        head: Head::new(format!("Join {}", invitation.organisation_name)),
        invitation,
        guest,
        minimum: request.service().policy().password_minimum,
        errors,
    };
    pages::html(status, &page)
}

async fn open(request: &PageRequest, code: &str) -> Result<Invitation, Response<Body>> {
    let sign_in = ("Sign in", "/login");
    match request.outcome(request.service().users().find_invitation(&request.ctx, code).await)? {
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
pub(crate) async fn show(request: PageRequest, Path(code): Path<String>) -> Answer {
    let user = request.user().await?;
    // Whoever chose a password with it and signed in then comes back here.
    if let Some(user) = &user
        && request.outcome(request.service().users().has_joined_by(&code, user).await)?
    {
        return request.go("/");
    }
    let open = open(&request, &code).await?;
    let guest = guest(&open, user.as_ref(), &code);
    Ok(page(&request, open, guest, FormError::default()))
}

/// `POST /invite/{code}`
pub(crate) async fn accept(Path(code): Path<String>, Posted(request, fields): Posted<PageRequest>) -> Answer {
    let open = open(&request, &code).await?;
    let user = request.user().await?;
    let guest = guest(&open, user.as_ref(), &code);
    let by = match &user {
        Some(user) => InvitationProof::CurrentUser(user),
        None => InvitationProof::Password(fields.text("password")),
    };
    match request.service().users().accept_invitation(&request.ctx, &code, by).await {
        Ok(_) if user.is_some() => request.go("/"),
        // The same answer whether somebody new has joined or nothing was changed because the address is known.
        Ok(Accepted::Joined(invitation) | Accepted::SignInFirst(invitation)) => {
            request.go(&login(&invitation, &code))
        }
        Err(error) => Ok(page(&request, open, guest, request.form_error(error)?)),
    }
}
