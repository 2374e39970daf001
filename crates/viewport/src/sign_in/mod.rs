//! Getting in: the sign-in at the authorization server, invitations, new passwords, the first start.

pub(crate) mod invite;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod password;
pub(crate) mod setup;

use crate::frame::answer;
use axum::body::Body;
use http::{Response, StatusCode};

/// The page of a link that cannot be used: what happened, and what to do.
pub(crate) fn dead_link(title: &str, text: &str, link: (&str, &str)) -> Response<Body> {
    answer::message_with_link(StatusCode::GONE, title, text, link)
}

#[cfg(test)]
mod tests;
