//! The description of the endpoints for programs (`OpenAPI` 3.1), at the issuer's `/openapi.json`.

use crate::AuthorizationServer;
use axum::{body::Body, extract::State};
use http::{HeaderValue, Response, header};

const DESCRIPTION: &str = include_str!("../openapi.json");
/// The issuer as the description has it.
const EXAMPLE: &str = "https://auth.example.org/realms/duku";

pub(crate) async fn show(State(server): State<AuthorizationServer>) -> Response<Body> {
    let text = DESCRIPTION.replace(EXAMPLE, &server.service().policy().issuer);
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
