//! What the server can do (OpenID Connect Discovery 1.0 §3, RFC 8414 §2). It names only what is there.

use crate::AuthorizationServer;
use axum::{body::Body, extract::State};
use domain::Scope;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

pub(crate) async fn show(State(server): State<AuthorizationServer>) -> Response<Body> {
    let policy = server.service().policy();
    let issuer = &policy.issuer;
    let protocol = format!("{issuer}/protocol/openid-connect");
    let methods = ["client_secret_basic", "client_secret_post"];
    let document = json!({
        "issuer": issuer,
        "token_endpoint": format!("{protocol}/token"),
        "jwks_uri": format!("{protocol}/certs"),
        "introspection_endpoint": format!("{protocol}/token/introspect"),
        "revocation_endpoint": format!("{protocol}/revoke"),
        "userinfo_endpoint": format!("{protocol}/userinfo"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [policy.algorithm.as_str()],
        "scopes_supported": Scope::ALL.map(Scope::as_str),
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "jti", "client_id", "azp", "scope", "org_id", "org_name"],
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
    });
    let mut response = web::json(StatusCode::OK, &document);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
