//! Token revocation (RFC 7009): a key may end its own access tokens one by one, a command line its session by its refresh
//! token.

use crate::{
    AuthorizationServer, OAuthOutcome,
    client_authentication::{ClientAuthentication, public_client},
    errors::{OAuthRejection, no_store},
    request::FormRequest,
};
use axum::{
    body::Body,
    extract::{Request, State},
};
use http::{Response, StatusCode};
use service::{tokens::revocation::RevocationRejection, users::authorization_codes::COMMAND_LINE};
use web::Form;

pub(crate) async fn revoke(State(server): State<AuthorizationServer>, request: Request) -> OAuthOutcome {
    let posted = FormRequest::read(&server, request).await?;
    let form = posted.form()?;
    if public_client::is(&posted, &form, COMMAND_LINE) {
        return revoke_refresh_token(&server, &posted, &form).await;
    }
    let client = ClientAuthentication::find(&posted.headers, &form)?;
    let token = form.get("token").ok_or_else(|| OAuthRejection::invalid_request("token is missing."))?;
    match server.service().tokens().revoke(&posted.ctx, client.proof(), token).await {
        Ok(()) => Ok(no_store(Response::new(Body::empty()))),
        Err(RevocationRejection::Client(rejection)) => {
            Err(OAuthRejection::from(rejection).challenging_basic(client.basic))
        }
        Err(RevocationRejection::NotYours) => Err(OAuthRejection::new(
            StatusCode::BAD_REQUEST,
            "unauthorized_client",
            "This token was issued to another client; only that client, or an Admin who revokes its key, can end it.",
        )),
    }
}

/// A public client names itself and shows the refresh token, which is all that it has (RFC 7009 §2.1). A token that is none
/// of its own needs no revoking (§2.2).
async fn revoke_refresh_token(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
) -> OAuthOutcome {
    let token = form.get("token").ok_or_else(|| OAuthRejection::invalid_request("token is missing."))?;
    server.service().users().end_command_line(&posted.ctx, token).await?;
    Ok(no_store(Response::new(Body::empty())))
}
