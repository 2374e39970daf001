//! Requests that another site had a browser make are told apart by fetch metadata and `Origin`, without tokens in forms.

use crate::middleware::logged_path;
use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    middleware::Next,
};
use http::{HeaderMap, Method, Response, header};

/// Whether a request may change something as far as its origin goes: it comes from a page of this very origin, from the
/// person's own typing, or from no browser at all. `secure` says whether that origin is one of `https`.
pub fn is_own(method: &Method, headers: &HeaderMap, secure: bool) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("?"));
    match (text(http::HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
        (None, Some(origin)) => {
            let scheme = if secure { "https://" } else { "http://" };
            let authority = origin.strip_prefix(scheme);
            authority.is_some() && authority == text(header::HOST)
        }
    }
}

/// Middleware that answers requests of other sites with `rejection`.
pub async fn reject_foreign(
    rejection: fn() -> Response<Body>,
    secure: bool,
    request: Request,
    next: Next,
) -> Response<Body> {
    if is_own(request.method(), request.headers(), secure) {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let path = logged_path(request.uri().path(), route);
    tracing::warn!(path, "rejected a request that another site had a browser make");
    rejection()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        is_own(method, &headers.collect(), false)
    }

    #[test]
    fn only_requests_of_the_own_origin_may_change_something() {
        assert!(own(&Method::POST, &[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(own(&Method::POST, &[("sec-fetch-site", "none")]));
        assert!(own(&Method::POST, &[]), "no browser");
        assert!(own(&Method::POST, &[("host", "a:1"), ("origin", "http://a:1")]), "an old browser");
        for site in ["cross-site", "same-site", "odd"] {
            assert!(
                !own(&Method::POST, &[("sec-fetch-site", site), ("host", "a"), ("origin", "http://a")]),
                "{site}"
            );
            assert!(own(&Method::GET, &[("sec-fetch-site", site)]));
        }
        for origin in ["http://b", "null", "http://a:2"] {
            assert!(!own(&Method::POST, &[("host", "a"), ("origin", origin)]), "{origin}");
        }
        for (origin, secure, expected) in
            [("https://a", true, true), ("http://a", true, false), ("https://a", false, false)]
        {
            let headers = [("host", "a"), ("origin", origin)].map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            });
            assert_eq!(is_own(&Method::POST, &HeaderMap::from_iter(headers), secure), expected, "{origin}");
        }
    }
}
