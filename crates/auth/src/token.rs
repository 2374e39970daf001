//! The token endpoint (RFC 6749 §3.2): names the grant and hands over to it.

use crate::{AuthorizationServer, OAuthOutcome, errors::OAuthRejection, grants, request::FormRequest};
use axum::extract::{Request, State};
use http::StatusCode;

pub(crate) async fn issue(State(server): State<AuthorizationServer>, request: Request) -> OAuthOutcome {
    let posted = FormRequest::read(&server, request).await?;
    let form = posted.form()?;
    // The grants of people are boxed: what is kept while they wait would be moved about with every machine's request, too.
    match form.get("grant_type") {
        Some(grants::client_credentials::NAME) => {
            grants::client_credentials::issue(&server, &posted, &form).await
        }
        Some(grants::authorization_code::NAME) => {
            Box::pin(grants::authorization_code::issue(&server, &posted, &form)).await
        }
        Some(grants::device_code::NAME) => {
            Box::pin(grants::device_code::issue(&server, &posted, &form)).await
        }
        Some(grants::refresh_token::NAME) => {
            Box::pin(grants::refresh_token::issue(&server, &posted, &form)).await
        }
        Some(grants::assertion::JWT_BEARER) => {
            Box::pin(grants::assertion::issue_for_assertion(&server, &posted, &form)).await
        }
        Some(grants::assertion::TOKEN_EXCHANGE) => {
            Box::pin(grants::assertion::exchange(&server, &posted, &form)).await
        }
        Some(_) => Err(OAuthRejection::new(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "This grant_type is not supported; API keys use client_credentials.",
        )),
        None => {
            Err(OAuthRejection::invalid_request("grant_type is missing; API keys use client_credentials."))
        }
    }
}
