//! The device authorization grant (RFC 8628 §3.4): a device asks whether a user has approved it.

use super::{required, user_answer};
use crate::{AuthorizationServer, OAuthOutcome, client_authentication::public_client, request::FormRequest};
use service::users::authorization_codes::COMMAND_LINE;
use web::Form;

pub(crate) const NAME: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) async fn issue(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
) -> OAuthOutcome {
    let client_id = public_client::require(posted, form, COMMAND_LINE)?;
    let device_code = required(form, "device_code")?;
    let tokens = server.service().users().poll_device(&posted.ctx, client_id, device_code).await?;
    Ok(user_answer(&tokens, None))
}
