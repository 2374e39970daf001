//! The two grants that take a workload's token as what entitles the client: the assertion grant (RFC 7523 §2.1) and the token exchange
//! (RFC 8693 §2). What they check and answer is what a client assertion is checked by and gets.

use crate::{
    AuthorizationServer, OAuthOutcome,
    errors::OAuthRejection,
    grants::{client_credentials, required},
    request::FormRequest,
};
use http::{StatusCode, header};
use service::tokens::{assertion::PresentedAssertion, client_authentication::ClientProof};
use web::Form;

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SUBJECT_TOKENS: [&str; 2] =
    ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];

pub(crate) async fn issue_for_assertion(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
) -> OAuthOutcome {
    issue(server, posted, form, required(form, "assertion")?, "invalid_grant", None).await
}

pub(crate) async fn exchange(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
) -> OAuthOutcome {
    let token = required(form, "subject_token")?;
    if !SUBJECT_TOKENS.contains(&required(form, "subject_token_type")?) {
        return Err(OAuthRejection::invalid_request(format!(
            "subject_token_type must be {} or {}.",
            SUBJECT_TOKENS[0], SUBJECT_TOKENS[1]
        )));
    }
    if form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(OAuthRejection::invalid_request(format!(
            "requested_token_type can only be {ACCESS_TOKEN}."
        )));
    }
    if form.get("actor_token").is_some() || form.get("actor_token_type").is_some() {
        return Err(OAuthRejection::invalid_request("An actor_token is not supported: leave it out."));
    }
    let audience = &server.service().policy().audience;
    if [form.get("audience"), form.get("resource")].into_iter().flatten().any(|target| target != audience) {
        return Err(OAuthRejection::new(
            StatusCode::BAD_REQUEST,
            "invalid_target",
            format!("Tokens are for {audience}: leave audience and resource out."),
        ));
    }
    // RFC 8693 §2.2.2 has this error for a subject token that is not accepted.
    issue(server, posted, form, token, "invalid_request", Some(ACCESS_TOKEN)).await
}

async fn issue(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
    token: &str,
    error: &'static str,
    issued_token_type: Option<&'static str>,
) -> OAuthOutcome {
    let has_secret = form.get("client_secret").is_some() || form.get("client_assertion").is_some();
    if has_secret || posted.headers.contains_key(header::AUTHORIZATION) {
        return Err(OAuthRejection::invalid_request(
            "The token is all that this grant needs: send the key's client_id beside it, and neither a secret nor a client_assertion.",
        ));
    }
    let client_id = Some(required(form, "client_id")?);
    let proof = ClientProof::Assertion(PresentedAssertion {
        client_id,
        token: token.trim_end(),
        is_client_assertion: false,
    });
    let issued = server
        .service()
        .tokens()
        .issue_for_client(&posted.ctx, proof, form.get("scope").unwrap_or(""))
        .await
        .map_err(|rejection| OAuthRejection::from(rejection).for_grant(error))?;
    Ok(client_credentials::answer(&issued, issued_token_type))
}
