//! Who holds a token (OpenID Connect Core 1.0 §5.3), for keys and for people.

use crate::{
    AuthorizationServer,
    errors::{OAuthRejection, no_store},
    request::ctx,
};
use axum::{
    body::Body,
    extract::{Request, State},
    response::IntoResponse,
};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use service::{
    Principal, PrincipalKind,
    tokens::{TokenRejection, client_authentication::ClientRejection},
};
use web::bearer::{BearerToken, quotable};

pub(crate) async fn show(
    State(server): State<AuthorizationServer>,
    request: Request,
) -> Result<Response<Body>, Response<Body>> {
    let (parts, _) = request.into_parts();
    let ctx = ctx(&parts).map_err(IntoResponse::into_response)?;
    let BearerToken::Token(token) = BearerToken::of(&parts.headers) else { return Err(challenge(None)) };
    let principal = server.service().tokens().authenticate(&ctx, token).await.map_err(reject)?;
    Ok(no_store(web::json(StatusCode::OK, &facts(&principal))))
}

fn reject(rejection: TokenRejection) -> Response<Body> {
    match rejection {
        TokenRejection::Invalid(why) => challenge(Some(&why)),
        TokenRejection::Ended(ended) => challenge(Some(&ended.message())),
        TokenRejection::TooManyFailures(seconds) => {
            OAuthRejection::from(ClientRejection::TooManyFailures(seconds)).into_response()
        }
        TokenRejection::Error(error) => OAuthRejection::from(error).into_response(),
    }
}

/// RFC 6750 §3: without a token the challenge names no error.
fn challenge(why: Option<&str>) -> Response<Body> {
    let description = why.unwrap_or("Send an access token: Authorization: Bearer followed by the token.");
    let mut response =
        OAuthRejection::new(StatusCode::UNAUTHORIZED, "invalid_token", description).into_response();
    let value = why.map_or_else(
        || "Bearer".to_owned(),
        |why| format!("Bearer error=\"invalid_token\", error_description=\"{}\"", quotable(why)),
    );
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

fn facts(principal: &Principal) -> Value {
    let (organisation, name) = (principal.organisation_id.as_str(), &principal.organisation_name);
    match &principal.holder {
        PrincipalKind::ApiKey { id, label } => {
            json!({ "sub": id.as_str(), "name": label, "org_id": organisation, "org_name": name })
        }
        PrincipalKind::User { id, email, role } => json!({
            "sub": id.as_str(), "email": email.as_str(), "role": role.as_str(),
            "org_id": organisation, "org_name": name,
        }),
        PrincipalKind::Operator { name: operator } => {
            json!({ "sub": operator, "org_id": organisation, "org_name": name })
        }
    }
}
