//! Getting in: the sign-in at the authorization server, invitations, new passwords, the first start.

pub(crate) mod invite;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod password;
pub(crate) mod setup;

use axum::body::Body;
use http::{Response, StatusCode};

/// The page of a link that cannot be used: what happened, and what to do.
pub(crate) fn dead_link(title: &str, text: &str, link: (&str, &str)) -> Response<Body> {
    pages::message(StatusCode::GONE, title, text).link(link.0, link.1).respond()
}

#[cfg(test)]
mod tests;
