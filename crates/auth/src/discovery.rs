//! What the server can do (OpenID Connect Discovery 1.0 §3, RFC 8414 §2). It names only what is there.

use crate::{AuthorizationServer, grants};
use axum::{body::Body, extract::State};
use domain::Scope;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use service::tokens::assertion::assertion_algorithms;

/// Those of access tokens, then those of ID tokens only.
const CLAIMS: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "jti",
    "client_id",
    "azp",
    "scope",
    "org_id",
    "org_name",
    "workload",
    "sid",
    "auth_time",
    "nonce",
    "email",
];

pub(crate) async fn show(State(server): State<AuthorizationServer>) -> Response<Body> {
    let policy = server.service().policy();
    let issuer = &policy.issuer;
    let protocol = format!("{issuer}/protocol/openid-connect");
    let grants = [
        grants::authorization_code::NAME,
        grants::client_credentials::NAME,
        grants::device_code::NAME,
        grants::refresh_token::NAME,
        grants::assertion::JWT_BEARER,
        grants::assertion::TOKEN_EXCHANGE,
    ];
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let with_public_clients = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let algorithms = assertion_algorithms();
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{protocol}/auth"),
        "token_endpoint": format!("{protocol}/token"),
        "jwks_uri": format!("{protocol}/certs"),
        "introspection_endpoint": format!("{protocol}/token/introspect"),
        "revocation_endpoint": format!("{protocol}/revoke"),
        "userinfo_endpoint": format!("{protocol}/userinfo"),
        "end_session_endpoint": format!("{protocol}/logout"),
        "device_authorization_endpoint": format!("{protocol}/auth/device"),
        "grant_types_supported": grants,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "prompt_values_supported": ["none", "login", "select_account"],
        "subject_types_supported": ["public"],
        // RS256 is missing unless it is what this installation signs with: docs/decisions/0006 says why.
        "id_token_signing_alg_values_supported": [policy.algorithm.as_str()],
        "scopes_supported": Scope::ALL.map(Scope::as_str),
        "claims_supported": CLAIMS,
        "token_endpoint_auth_methods_supported": with_public_clients,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": with_public_clients,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
    });
    let mut response = web::json(StatusCode::OK, &document);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
