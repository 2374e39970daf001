//! A person's sessions: browsers and command lines, and ending them.

use super::ACCOUNT;
use crate::{
    Viewport,
    frame::{
        answer::{self, Answer},
        form::Posted,
        page_context::UserPage,
        user_agent,
    },
};
use axum::{
    body::Body,
    extract::{Path, State},
};
use domain::{Session, SessionKind};
use http::Response;
use pages::Time;
use service::{Error, Rejection};
use web::Cookie;

/// One session.
pub(super) struct SessionRow {
    pub(super) id: String,
    pub(super) is_command_line: bool,
    pub(super) is_this: bool,
    /// What a person recognises it by, and all that it calls itself.
    pub(super) name: String,
    pub(super) device: String,
    pub(super) address: String,
    pub(super) began: Time,
    pub(super) seen: Time,
}

/// All of them, this browser first, then the one that was seen last.
pub(super) async fn rows(person: &UserPage) -> Result<Vec<SessionRow>, Response<Body>> {
    let found = person.service().users().list_sessions(&person.ctx, &person.user).await;
    let mut sessions = person.outcome(found)?;
    let root = person.user.root();
    sessions.sort_by_key(|one| (one.id != *root, std::cmp::Reverse(one.last_seen_at)));
    let now = person.ctx.now;
    let rows = sessions.into_iter().map(|one| {
        let Session { id, kind, device, address, created_at, last_seen_at, .. } = one;
        SessionRow {
            is_this: id == *root,
            id: id.as_str().to_owned(),
            is_command_line: kind == SessionKind::CommandLine,
            name: user_agent::short_name(&device),
            device,
            address: address.unwrap_or_default(),
            began: pages::moment(created_at),
            seen: pages::since(last_seen_at, now),
        }
    });
    Ok(rows.collect())
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
