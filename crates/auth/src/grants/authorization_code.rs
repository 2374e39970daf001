//! The authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636 §4.5): a person's sign-in gets an access token, and
//! an ID token for the scope `openid`. No refresh token: the browser's session lasts.

use super::{invalid_grant, required, user_answer};
use crate::{
    AuthorizationServer, OAuthOutcome, client_authentication::public_client, errors::OAuthRejection,
    request::FormRequest,
};
use service::{
    tokens::client_authentication::ClientRejection,
    users::authorization_codes::{CodeRejection, VIEWPORT},
};
use web::Form;

pub(crate) const NAME: &str = "authorization_code";

pub(crate) async fn issue(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
) -> OAuthOutcome {
    let client_id = public_client::require(posted, form, VIEWPORT)?;
    let (code, redirect_uri) = (required(form, "code")?, required(form, "redirect_uri")?);
    let verifier = required(form, "code_verifier")?;
    if !is_verifier(verifier) {
        return Err(OAuthRejection::invalid_request(
            "code_verifier must have 43 to 128 letters, digits, dashes, dots, underscores or tildes.",
        ));
    }
    let issued = server
        .service()
        .users()
        .issue_code_tokens(&posted.ctx, code, client_id, redirect_uri, verifier)
        .await;
    let issued = issued.map_err(|rejection| match rejection {
        CodeRejection::Invalid(why) => invalid_grant(why),
        CodeRejection::TooManyFailures(seconds) => ClientRejection::TooManyFailures(seconds).into(),
        CodeRejection::Error(error) => error.into(),
    })?;
    Ok(user_answer(&issued.tokens, issued.id_token.as_deref()))
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}
