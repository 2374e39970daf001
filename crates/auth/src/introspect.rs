//! Token introspection (RFC 7662): a key may ask about the tokens of its own organisation.

use crate::{
    AuthorizationServer, OAuthOutcome,
    client_authentication::ClientAuthentication,
    errors::{OAuthRejection, no_store},
    request::FormRequest,
};
use axum::extract::{Request, State};
use http::StatusCode;
use serde_json::{Value, json};
use service::tokens::introspection::TokenFacts;

pub(crate) async fn introspect(State(server): State<AuthorizationServer>, request: Request) -> OAuthOutcome {
    let posted = FormRequest::read(&server, request).await?;
    let form = posted.form()?;
    let client = ClientAuthentication::find(&posted.headers, &form)?;
    let token = form.get("token").ok_or_else(|| OAuthRejection::invalid_request("token is missing."))?;
    let facts = server
        .service()
        .tokens()
        .introspect(&posted.ctx, client.proof(), token)
        .await
        .map_err(|rejection| OAuthRejection::from(rejection).challenging_basic(client.basic))?;
    let answer = facts.map_or_else(|| json!({ "active": false }), |facts| active(&facts));
    Ok(no_store(web::json(StatusCode::OK, &answer)))
}

fn active(facts: &TokenFacts) -> Value {
    let mut answer = json!({
        "active": true,
        "scope": facts.scope,
        "client_id": facts.client_id,
        "token_type": "Bearer",
        "exp": facts.expires_at,
        "iat": facts.issued_at,
        "sub": facts.subject,
        "aud": facts.audience,
        "iss": facts.issuer,
        "jti": facts.token_id,
        "org_id": facts.organisation_id,
        "org_name": facts.organisation_name,
    });
    if let Some(members) = answer.as_object_mut() {
        members.extend(facts.username.as_ref().map(|username| ("username".to_owned(), json!(username))));
        members.extend(facts.workload.as_ref().map(|workload| ("workload".to_owned(), json!(workload))));
    }
    answer
}
