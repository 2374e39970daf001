//! What is not there: a page with the navigation for whoever is signed in, and without it for others.

use crate::{
    Viewport,
    frame::page_context::{UserPage, show},
};
use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    middleware::Next,
};
use http::{Response, StatusCode, request::Parts};
use pages::{Chrome, Section};

/// The title of the page.
const TITLE: &str = "Page not found";

/// Beside an answer with status 404: what is not there, in a sentence.
#[derive(Debug, Clone)]
struct NotFound(String);

#[derive(askama::Template)]
#[template(path = "not_found.html", blocks = ["content"])]
pub(crate) struct Page {
    pub(crate) chrome: Chrome,
    pub(crate) text: String,
}

/// The page for what a handler did not find.
pub(super) fn answer(text: String) -> Response<Body> {
    let page = pages::message(StatusCode::NOT_FOUND, TITLE, text.clone()).link("Go to the products", "/");
    let mut response = page.respond();
    response.extensions_mut().insert(NotFound(text));
    response
}

/// Puts the navigation around that page, if a person is signed in and sees it as a page of its own.
pub(crate) async fn with_navigation(
    State(viewport): State<Viewport>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions().get::<NotFound>().cloned() {
        Some(NotFound(text)) => in_shell(&viewport, &mut asked, text).await.unwrap_or(response),
        None => response,
    }
}

/// For an address that leads nowhere.
pub(crate) async fn at(viewport: &Viewport, parts: &mut Parts) -> Response<Body> {
    let text = "The address may be mistyped, or what it led to is gone.".to_owned();
    match in_shell(viewport, parts, text).await {
        Some(page) => page,
        None => pages::message_for(StatusCode::NOT_FOUND).link("Go to Duku", "/").respond(),
    }
}

/// None for whoever is not signed in, and for a part of a page.
async fn in_shell(viewport: &Viewport, parts: &mut Parts, text: String) -> Option<Response<Body>> {
    let user = UserPage::from_request_parts(parts, viewport).await.ok().filter(|user| !user.partial)?;
    let chrome = user.chrome(TITLE, Section::None).await.ok()?;
    Some(show!(user, StatusCode::NOT_FOUND, Page { chrome, text }))
}
