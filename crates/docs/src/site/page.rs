//! A page for people.

use super::{Asked, Docs, etag, frame::Frame};
use crate::library::{Page, Section};
use askama::Template;
use axum::body::Body;
use http::Response;
use pages::Head;

#[derive(Template)]
#[template(path = "page.html")]
struct Shown<'a> {
    head: Head,
    frame: Frame<'a>,
    page: &'a Page,
    text: &'a str,
    /// What "On this page" names.
    parts: Vec<&'a Section>,
    previous: Option<&'a Page>,
    next: Option<&'a Page>,
}

/// The deepest headings that the contents of a page name.
const DEEPEST: u8 = 3;

pub(super) fn answer(docs: &Docs, asked: &Asked, place: usize) -> Response<Body> {
    let cache = docs.library_cache();
    let pages = cache.library.pages();
    let Some(page) = pages.get(place) else {
        return super::missing::answer(docs, asked, "", false);
    };
    let parts: Vec<_> =
        page.sections().iter().filter(|part| !part.anchor.is_empty() && part.level <= DEEPEST).collect();
    let shown = Shown {
        head: Head::new(page.title.as_str()),
        frame: Frame::of(docs, asked, Some(&page.path)),
        page,
        text: cache.text(place, asked.mount),
        parts: if parts.len() > 1 { parts } else { Vec::new() },
        previous: place.checked_sub(1).and_then(|before| pages.get(before)),
        next: pages.get(place + 1),
    };
    etag::html(&asked.headers, &shown)
}
