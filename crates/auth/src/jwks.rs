//! The JSON Web Key Set (RFC 7517 §5) with every published signing key.

use crate::{AuthorizationServer, OAuthOutcome};
use axum::{body::Body, extract::State};
use http::{HeaderValue, Response, header};

/// Keys are published an hour before they sign, so that caches of five minutes never miss one.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

pub(crate) async fn show(State(server): State<AuthorizationServer>) -> OAuthOutcome {
    let keys = server.service().tokens().jwks().await?;
    let mut response = Response::new(Body::from(keys.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, CACHE);
    Ok(response)
}
