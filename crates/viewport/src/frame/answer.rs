//! Answers that are no page of their own: redirects, and what went wrong.

use super::not_found;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use service::{Error, Rejection, RequestContext};
use web::Cause;

/// What a handler answers. Both sides are answers: the second one ends the handler early.
pub(crate) type Answer = Result<Response<Body>, Response<Body>>;

/// 303: whatever the method was, the browser asks for this page next. A page that htmx fetched is replaced as a whole.
pub(crate) fn see_other(partial: bool, page: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let (status, name) = if partial {
        (StatusCode::OK, HeaderName::from_static("hx-redirect"))
    } else {
        (StatusCode::SEE_OTHER, header::LOCATION)
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(name, HeaderValue::from_str(page).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("HX-Request"));
    response
}

/// 204: a part of a page that asks again stays as it is. Kept nowhere, like the part itself: it depends on who asks and when.
pub(crate) fn unchanged() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Adds a `Set-Cookie`, if there is one.
pub(crate) fn with_cookie(mut response: Response<Body>, cookie: Option<HeaderValue>) -> Response<Body> {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The page for what has no outcome and no form to show it in.
pub(crate) fn failed(ctx: &RequestContext, error: &Error) -> Response<Body> {
    match error {
        Error::Rejection(reject) => rejected(reject),
        Error::Store(_) | Error::Internal(_) => broken(ctx, error),
    }
}

/// Something went wrong on our side.
fn broken(ctx: &RequestContext, error: &Error) -> Response<Body> {
    let temporary = error.is_temporary();
    let status = if temporary { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    let mut response = pages::message_for(status).request_id(&ctx.request_id).respond();
    Cause::leave(error, &mut response);
    if temporary {
        response.headers_mut().insert(header::RETRY_AFTER, web::retry_after(1));
    }
    response
}

fn rejected(reject: &Rejection) -> Response<Body> {
    let text = sentence(&reject.message());
    let page = match reject {
        Rejection::Ended(_) => {
            pages::message(StatusCode::UNAUTHORIZED, "You are signed out", text).link("Sign in", "/login")
        }
        Rejection::Forbidden(_) => pages::message(StatusCode::FORBIDDEN, "This is not yours to do", text)
            .link("Go to the products", "/"),
        Rejection::NotFound { .. } => {
            return not_found::answer(format!(
                "{text} It may have been deleted, or it belongs to another of your organisations."
            ));
        }
        Rejection::Invalid(_) => {
            pages::message(StatusCode::UNPROCESSABLE_ENTITY, "That cannot be done", text)
        }
        Rejection::LimitReached { .. } => pages::message(StatusCode::CONFLICT, "All places are taken", text)
            .link("Go to API Keys", "/settings/api-keys"),
        Rejection::Conflict(_) | Rejection::TooMuchStored { .. } => {
            pages::message(StatusCode::CONFLICT, "Something is in the way", text)
        }
        Rejection::SignInAgain => pages::message(StatusCode::FORBIDDEN, "Confirm that it is you", text)
            .link("Sign in again", "/login?max_age=0"),
        Rejection::TooMany(seconds) => return too_many(*seconds),
    };
    page.respond()
}

/// 429 with the time to wait.
pub(crate) fn too_many(seconds: u64) -> Response<Body> {
    let text = format!("There were too many attempts. Wait {seconds} seconds, then try again.");
    let mut response = pages::message(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", text).respond();
    response.headers_mut().insert(header::RETRY_AFTER, web::retry_after(seconds));
    response
}

/// A use case's words as a sentence on a page: with a capital, unless it begins with an address, and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let is_address = text.split_whitespace().next().is_some_and(|word| word.contains('@'));
    let mut characters = text.chars();
    let mut sentence: String = match characters.next() {
        Some(first) if !is_address => first.to_uppercase().chain(characters).collect(),
        _ => text.to_owned(),
    };
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// The answer to a request that another site had the browser make.
pub(crate) fn foreign() -> Response<Body> {
    pages::message(
        StatusCode::FORBIDDEN,
        "That came from another site",
        "This request was not made by a page of Duku, so nothing was changed. If you meant it, do it here.",
    )
    .link("Go to Duku", "/")
    .respond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_sentences() {
        assert_eq!(sentence("only Admins can manage API keys"), "Only Admins can manage API keys.");
        assert_eq!(sentence("Why?"), "Why?");
        assert_eq!(sentence("max@example.org is a member already"), "max@example.org is a member already.");
        assert_eq!(sentence(""), ".");
    }

    /// A cache that kept the answer for htmx would give a page without its frame to a browser.
    #[test]
    fn a_redirect_differs_by_who_asks_and_is_kept_by_nobody() {
        for (partial, name) in [(true, "hx-redirect"), (false, "location")] {
            let response = see_other(partial, "/account");
            assert_eq!(response.headers()[name], "/account");
            assert_eq!(response.headers()[header::VARY], "HX-Request");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        }
    }
}
