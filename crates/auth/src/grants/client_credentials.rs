//! The client credentials grant (RFC 6749 §4.4): an API key's pair or assertion gets an access token. No refresh token (§4.4.3).

use crate::{
    AuthorizationServer, OAuthOutcome,
    client_authentication::ClientAuthentication,
    errors::{OAuthRejection, no_store},
    request::FormRequest,
};
use axum::body::Body;
use domain::Timestamp;
use http::{Response, StatusCode};
use serde::Serialize;
use service::tokens::issuance::IssuedToken;
use web::Form;

pub(crate) const NAME: &str = "client_credentials";

/// RFC 6749 §5.1, with what Keycloak's clients expect, and the secret's end under its name of RFC 7591.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    expires_in: i64,
    token_type: &'static str,
    scope: String,
    refresh_expires_in: i64,
    #[serde(rename = "not-before-policy")]
    not_before_policy: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

pub(crate) async fn issue(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
) -> OAuthOutcome {
    let client = ClientAuthentication::find(&posted.headers, form)?;
    let scope = form.get("scope").unwrap_or("");
    let issued = server
        .service()
        .tokens()
        .issue_for_client(&posted.ctx, client.proof(), scope)
        .await
        .map_err(|rejection| OAuthRejection::from(rejection).challenging_basic(client.basic))?;
    Ok(answer(&issued, None))
}

/// What every grant of an API key answers; RFC 8693 §2.2.1 besides asks for the token's type.
pub(crate) fn answer(issued: &IssuedToken, issued_token_type: Option<&'static str>) -> Response<Body> {
    let answer = Answer {
        access_token: &issued.access_token,
        expires_in: issued.window.seconds(),
        token_type: "Bearer",
        scope: issued.scopes.to_string(),
        refresh_expires_in: 0,
        not_before_policy: 0,
        client_secret_expires_at: issued.secret_expires_at.map(Timestamp::seconds),
        issued_token_type,
    };
    no_store(web::json(StatusCode::OK, &answer))
}
