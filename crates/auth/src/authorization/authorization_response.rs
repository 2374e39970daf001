//! The way back to the client (RFC 6749 §4.1.2, with `iss` of RFC 9207): a code, or why there is none.

use axum::body::Body;
use form_urlencoded::Serializer;
use http::{HeaderValue, Response, StatusCode, header};
use service::OpaqueToken;

/// A redirect URI that the client has registered, with the client's own `state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnAddress {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
}

/// Why the client gets no code: an error of RFC 6749 §4.1.2.1 or OpenID Connect Core 1.0 §3.1.2.6, and one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthorizationRejection(pub(crate) &'static str, pub(crate) &'static str);

impl ReturnAddress {
    pub(crate) fn with_code(&self, issuer: &str, code: &OpaqueToken) -> Response<Body> {
        self.go(issuer, &[("code", code.expose())])
    }

    pub(crate) fn with_rejection(&self, issuer: &str, rejection: AuthorizationRejection) -> Response<Body> {
        self.go(issuer, &[("error", rejection.0), ("error_description", rejection.1)])
    }

    fn go(&self, issuer: &str, outcome: &[(&str, &str)]) -> Response<Body> {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(outcome);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        let query = query.append_pair("iss", issuer).finish();
        see_other(&format!("{}?{query}", self.redirect_uri))
    }
}

/// 303: whatever the request was, the next one is a GET. No cache keeps what may hold a code.
pub(crate) fn see_other(location: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    match HeaderValue::from_str(location) {
        Ok(location) => {
            headers.insert(header::LOCATION, location);
        }
        Err(error) => {
            tracing::error!(%error, "a redirect could not be written");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    response
}
