//! A person's sessions: browsers and command lines, and ending them.

use super::ACCOUNT;
use crate::{
    Viewport,
    frame::{
        answer::{self, Answer},
        form::Posted,
        page_context::UserPage,
    },
};
use axum::{
    body::Body,
    extract::{Path, State},
};
use domain::Session;
use http::Response;
use service::{Error, Rejection};
use web::Cookie;

/// All of them, this browser first, then the one that was seen last.
pub(super) async fn list(person: &UserPage) -> Result<Vec<Session>, Response<Body>> {
    let found = person.service().users().list_sessions(&person.ctx, &person.user).await;
    let mut sessions = person.outcome(found)?;
    let root = person.user.root();
    sessions.sort_by_key(|one| (one.id != *root, std::cmp::Reverse(one.last_seen_at)));
    Ok(sessions)
}

/// `POST /account/sessions/{id}/end`
pub(crate) async fn end(
    State(viewport): State<Viewport>,
    Path(id): Path<String>,
    Posted(person, _): Posted<UserPage>,
) -> Answer {
    match person.service().users().end_session(&person.ctx, &person.user, &id).await {
        Ok(()) => {}
        // Somebody else's looks like one that has ended already.
        Err(Error::Rejection(Rejection::NotFound { .. })) => return person.go(&done("gone")),
        Err(error) => return Err(person.failed(&error)),
    }
    if person.user.root().as_str() != id {
        return person.go(&done("session"));
    }
    let gone = answer::see_other(person.partial, "/signed-out");
    let gone = answer::with_cookie(gone, viewport.session_cookie().clear());
    Ok(answer::with_cookie(gone, Cookie::sign_in(viewport.0.secure).clear()))
}

/// `POST /account/sessions/end-others`
pub(crate) async fn end_others(Posted(person, _): Posted<UserPage>) -> Answer {
    let ended = person.service().users().end_other_sessions(&person.ctx, &person.user).await;
    let ended = person.outcome(ended)?;
    person.go(&done(if ended == 0 { "no-others" } else { "others" }))
}

fn done(what: &str) -> String {
    format!("{ACCOUNT}?done={what}")
}
