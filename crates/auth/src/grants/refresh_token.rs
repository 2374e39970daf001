//! The refresh token grant (RFC 6749 §6): a device that a user approved gets its next access token. The refresh token
//! changes each time; one that comes a second time has leaked, and ends the session (RFC 9700 §4.14.2).

use super::{required, user_answer};
use crate::{
    AuthorizationServer, OAuthOutcome, client_authentication::public_client, errors::OAuthRejection,
    request::FormRequest,
};
use domain::ScopeSet;
use http::StatusCode;
use service::users::authorization_codes::COMMAND_LINE;
use web::Form;

pub(crate) const NAME: &str = "refresh_token";

pub(crate) async fn issue(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
) -> OAuthOutcome {
    let client_id = public_client::require(posted, form, COMMAND_LINE)?;
    let refresh_token = required(form, "refresh_token")?;
    // Every device is approved with the default scope; a token of another one was not what the person agreed to.
    if ScopeSet::parse(form.get("scope").unwrap_or_default()) != Ok(ScopeSet::DEFAULT) {
        return Err(OAuthRejection::new(
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "The scope stays what it was when the session began; leave scope out.",
        ));
    }
    let tokens = server.service().users().refresh(&posted.ctx, client_id, refresh_token).await?;
    Ok(user_answer(&tokens, None))
}
