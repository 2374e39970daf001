//! What clients may find out without a token: who issues tokens for the API, and how to present one (RFC 9728).

use crate::Platform;
use axum::{body::Body, extract::State};
use domain::Scope;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// RFC 9728 §3.1: the well-known prefix before the resource's own path.
pub const PATH: &str = "/.well-known/oauth-protected-resource/graphql";

pub(crate) async fn show(State(platform): State<Platform>) -> Response<Body> {
    let policy = platform.service().policy();
    let document = json!({
        "resource": policy.audience,
        "authorization_servers": [policy.issuer],
        "bearer_methods_supported": ["header"],
        "scopes_supported": Scope::ALL.map(Scope::as_str),
    });
    let mut response = web::json(StatusCode::OK, &document);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
