//! Answers that can be kept: whoever has one already is told that it is still right.

use askama::Template;
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Template)]
#[template(ext = "html", source = "{{ text|safe }}")]
struct Made<'a> {
    text: &'a str,
}

/// A page for people.
pub(super) fn html(headers: &HeaderMap, template: &impl Template) -> Response<Body> {
    match template.render() {
        Ok(text) => kept(headers, &tag_of(&text), pages::html(StatusCode::OK, &Made { text: &text })),
        Err(_) => pages::html(StatusCode::OK, template),
    }
}

/// A text for machines.
pub(super) fn text(headers: &HeaderMap, kind: &'static str, text: String) -> Response<Body> {
    kept(headers, &tag_of(&text), plain(StatusCode::OK, kind, text))
}

/// A text for machines that nobody should keep.
pub(super) fn plain(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn tag_of(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn kept(request: &HeaderMap, tag: &str, mut response: Response<Body>) -> Response<Body> {
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known =
        known.flat_map(|value| value.split(',')).map(|value| value.trim().trim_start_matches("W/"));
    if known.any(|value| value == tag || value == "*") {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
    }
    let headers = response.headers_mut();
    // The same for everybody, and asked for anew each time: a new version shows at once.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    headers.remove(header::VARY);
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
