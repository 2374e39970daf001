//! Token revocation (RFC 7009): a key may end its own access tokens one by one.

use crate::{
    AuthorizationServer,
    client_authentication::ClientAuthentication,
    errors::{Refusal, no_store},
    request::Posted,
};
use axum::{
    body::Body,
    extract::{Request, State},
};
use http::{Response, StatusCode};
use service::revocation::RevocationRefusal;

pub(crate) async fn revoke(
    State(server): State<AuthorizationServer>,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    let posted = Posted::read(&server, request).await?;
    let form = posted.form()?;
    let client = ClientAuthentication::find(&posted.headers, &form)?;
    let token = form.get("token").ok_or_else(|| Refusal::invalid_request("token is missing."))?;
    match server.service().revoke_token(&posted.ctx, client.credential(), token).await {
        Ok(()) => Ok(no_store(Response::new(Body::empty()))),
        Err(RevocationRefusal::Client(refusal)) => {
            Err(Refusal::from(refusal).challenging_basic(client.basic))
        }
        Err(RevocationRefusal::NotYours) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "unauthorized_client",
            "This token was issued to another client; only that client, or an Admin who revokes its key, can end it.",
        )),
    }
}
