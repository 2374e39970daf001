//! Searching: as a page, and as JSON for scripts.

use super::{
    Asked, BADLY_ENCODED, Docs, LONGEST, Rejection, RejectionBody, cache::LibraryCache, frame::Frame,
};
use crate::{
    index::{Hit, Marked, Term},
    library::Library,
};
use askama::Template;
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use pages::Head;
use serde::Serialize;
use std::collections::HashMap;
use web::Form;

/// How many sections are looked at.
const CANDIDATES: usize = 80;
/// How many are shown.
const SHOWN: usize = 20;
/// How many are shown of one page.
const OF_ONE_PAGE: usize = 3;

/// A section that was found, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// The page's title.
    title: String,
    /// The heading within the page, with those above it; empty for the page itself.
    section: String,
    /// Where it is, for everybody.
    pub(super) url: String,
    /// Where it is on the host that was asked.
    path: String,
    /// Its text around the words.
    pub(super) excerpt: String,
    /// The same in parts, so that the words can be marked.
    parts: Vec<Part>,
    /// Whether it has every word that was looked for.
    #[serde(skip)]
    is_whole: bool,
}

impl Found {
    /// The page's title and the heading.
    #[cfg(feature = "mcp")]
    pub(super) fn name(&self) -> String {
        if self.section.is_empty() {
            self.title.clone()
        } else {
            format!("{} › {}", self.title, self.section)
        }
    }
}

#[derive(Debug, Serialize)]
struct Part {
    text: String,
    hit: bool,
}

#[derive(Serialize)]
struct Results<'a> {
    query: &'a str,
    results: &'a [Found],
}

#[derive(Template)]
#[template(path = "search.html")]
struct Shown<'a> {
    head: Head,
    frame: Frame<'a>,
    found: &'a [Found],
    /// Whether each has every word.
    all_whole: bool,
    rejection: Option<&'a str>,
}

pub(super) async fn answer(docs: &Docs, asked: &Asked) -> Response<Body> {
    let query = match query(asked.query()) {
        Ok(query) => query,
        Err(rejection) => return show(docs, asked, "", Err((StatusCode::BAD_REQUEST, rejection))),
    };
    match found(docs, &query, asked.mount.base()).await {
        Ok(found) => show(docs, asked, &query, Ok(&found)),
        Err(rejection) => show(docs, asked, &query, Err((StatusCode::INTERNAL_SERVER_ERROR, rejection))),
    }
}

/// The sections that a query finds, with paths below `base`.
///
/// # Errors
/// The index fails; the log says why.
pub(super) async fn found(docs: &Docs, query: &str, base: &str) -> Result<Vec<Found>, Rejection> {
    let words = Term::all(query, true);
    match docs.library_cache().with_index(move |index| index.search(&words, CANDIDATES)).await {
        Some(Ok(hits)) => Ok(pick(docs, base, docs.library_cache(), &hits)),
        Some(Err(error)) => {
            tracing::error!(%error, "a search failed");
            Err(FAILED)
        }
        None => Err(FAILED),
    }
}

const FAILED: &str = "The search does not work just now. It is not your fault, and it has been logged.";

/// What is looked for.
fn query(text: &str) -> Result<String, Rejection> {
    let form = Form::parse(text.as_bytes()).map_err(|_| BADLY_ENCODED)?;
    let query = form.get("q").unwrap_or_default();
    if query.chars().count() > LONGEST {
        return Err("That is too long to look for: at most 1,000 characters.");
    }
    Ok(query.to_owned())
}

/// The best of them, without one page filling the list.
fn pick(docs: &Docs, base: &str, cache: &LibraryCache, hits: &[Hit]) -> Vec<Found> {
    let mut of_page: HashMap<usize, usize> = HashMap::new();
    let few = hits.iter().filter(|hit| {
        let before = of_page.entry(hit.place.page).or_default();
        *before += 1;
        *before <= OF_ONE_PAGE
    });
    few.take(SHOWN).filter_map(|hit| shown(docs, base, &cache.library, hit)).collect()
}

fn shown(docs: &Docs, base: &str, library: &Library, hit: &Hit) -> Option<Found> {
    let page = library.pages().get(hit.place.page)?;
    let section = page.sections().get(hit.place.section)?;
    let Marked(parts) = &hit.excerpt;
    Some(Found {
        title: page.title.clone(),
        section: section.name(),
        url: section.address(page, docs.url()),
        path: section.address(page, base),
        excerpt: hit.excerpt.plain(),
        is_whole: hit.is_whole,
        parts: parts.iter().map(|(text, hit)| Part { text: text.clone(), hit: *hit }).collect(),
    })
}

fn show(
    docs: &Docs,
    asked: &Asked,
    query: &str,
    found: Result<&[Found], (StatusCode, &str)>,
) -> Response<Body> {
    let status = found.err().map_or(StatusCode::OK, |(status, _)| status);
    let mut response = if asked.wants_json() {
        match found {
            Ok(results) => web::json(status, &Results { query, results }),
            Err((_, error)) => web::json(status, &RejectionBody { error }),
        }
    } else {
        let frame = Frame::of(docs, asked, None).searching(query);
        let rejection = found.err().map(|(_, rejection)| rejection);
        let head = Head::new("Search");
        let found = found.unwrap_or_default();
        let all_whole = found.iter().all(|found| found.is_whole);
        pages::html(status, &Shown { head, frame, found, all_whole, rejection })
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}
