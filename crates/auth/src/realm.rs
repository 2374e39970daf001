//! The realm's document, as Keycloak's adapters read it.

use crate::{AuthorizationServer, OAuthOutcome, request::ctx};
use axum::extract::{Request, State};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::StatusCode;
use serde_json::json;

pub(crate) async fn show(State(server): State<AuthorizationServer>, request: Request) -> OAuthOutcome {
    let ctx = ctx(&request.into_parts().0)?;
    let issuer = &server.service().policy().issuer;
    let public_key = server.service().tokens().current_public_key(&ctx).await?;
    let document = json!({
        "realm": server.settings().realm,
        "public_key": BASE64_STANDARD.encode(public_key),
        "token-service": format!("{issuer}/protocol/openid-connect"),
        "tokens-not-before": 0,
    });
    Ok(web::json(StatusCode::OK, &document))
}
