//! Signing out: this browser's session ends, at once and on every node.

use crate::{
    Viewport,
    frame::{
        answer::{self, Answer},
        page_context::PageRequest,
    },
};
use axum::extract::State;
use http::StatusCode;
use web::Cookie;

#[derive(askama::Template)]
#[template(path = "entry/logout.html")]
pub(super) struct Page {
    pub(super) head: pages::Head,
}

/// `GET /logout`
pub(crate) async fn show_form(request: PageRequest) -> Answer {
    if request.user().await?.is_none() {
        return request.go("/signed-out");
    }
    Ok(pages::html(StatusCode::OK, &Page { head: pages::Head::new("Sign out") }))
}

/// `POST /logout`
pub(crate) async fn sign_out(State(viewport): State<Viewport>, request: PageRequest) -> Answer {
    if let Some(cookie) = request.cookie() {
        request.outcome(viewport.service().users().sign_out(&request.ctx, cookie).await)?;
    }
    let gone = answer::see_other(request.partial, "/signed-out");
    let gone = answer::with_cookie(gone, viewport.session_cookie().clear());
    // On one origin the authorization server's cookie is ours to clear; elsewhere it names a session that has ended.
    Ok(answer::with_cookie(gone, Cookie::sign_in(viewport.0.secure).clear()))
}

/// `GET /signed-out`
pub(crate) async fn show_signed_out() -> Answer {
    Ok(pages::message(
        StatusCode::OK,
        "You are signed out",
        "This browser's session has ended. Nobody can go on with it.",
    )
    .link("Sign in", "/login")
    .respond())
}
