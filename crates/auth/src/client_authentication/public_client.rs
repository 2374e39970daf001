//! Clients that cannot keep a secret (RFC 6749 §2.1): Viewport and the command line name themselves in the body.

use crate::{errors::OAuthRejection, request::FormRequest};
use domain::KeyId;
use http::{StatusCode, header};
use service::users::authorization_codes::{COMMAND_LINE, VIEWPORT};
use web::Form;

/// Makes sure that `permitted` asks, with its name and nothing else.
pub(crate) fn require(
    posted: &FormRequest,
    form: &Form<'_>,
    permitted: &'static str,
) -> Result<&'static str, OAuthRejection> {
    if posted.headers.contains_key(header::AUTHORIZATION) || form.get("client_secret").is_some() {
        return Err(unauthorized(format!(
            "This is for people: {permitted} sends its client_id and no secret. API keys use grant_type=client_credentials."
        )));
    }
    match form.get("client_id") {
        None => Err(OAuthRejection::invalid_request("client_id is missing.")),
        Some(client_id) if client_id == permitted => Ok(permitted),
        Some(VIEWPORT | COMMAND_LINE) => Err(unauthorized(format!("Only {permitted} may do this."))),
        Some(client_id) if KeyId::parse(client_id).is_ok() => Err(unauthorized(
            "This is for people: API keys use grant_type=client_credentials with their client_secret.",
        )),
        Some(_) => Err(OAuthRejection::invalid_client("The client is unknown. Check client_id.")),
    }
}

/// Whether the client `permitted` asks, with its name and nothing else.
pub(crate) fn is(posted: &FormRequest, form: &Form<'_>, permitted: &str) -> bool {
    form.get("client_id") == Some(permitted)
        && form.get("client_secret").is_none()
        && !posted.headers.contains_key(header::AUTHORIZATION)
}

fn unauthorized(description: impl Into<String>) -> OAuthRejection {
    OAuthRejection::new(StatusCode::BAD_REQUEST, "unauthorized_client", description)
}
