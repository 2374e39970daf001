//! The device authorization endpoint (RFC 8628 §3.1): a command line asks for the approval of a user.

use crate::{
    AuthorizationServer, OAuthOutcome,
    client_authentication::public_client,
    errors::{OAuthRejection, no_store},
    request::FormRequest,
};
use axum::extract::{Request, State};
use http::StatusCode;
use serde_json::json;
use service::{
    tokens::client_authentication::ClientRejection,
    users::{
        authorization_codes::COMMAND_LINE,
        devices::{DeviceRejection, DeviceStart},
    },
};

pub(crate) async fn start(State(server): State<AuthorizationServer>, request: Request) -> OAuthOutcome {
    let posted = FormRequest::read(&server, request).await?;
    let form = posted.form()?;
    let client_id = public_client::require(&posted, &form, COMMAND_LINE)?;
    let (scope, device) = (form.get("scope").unwrap_or_default(), posted.ctx.device());
    let started = server.service().users().start_device(&posted.ctx, client_id, scope, device).await?;
    let DeviceStart { device_code, user_code, expires_in, interval } = started;
    let page = format!("{}/device", server.viewport());
    // A user code has letters and a dash only: nothing to encode.
    let complete = format!("{page}?user_code={user_code}");
    let answer = json!({
        "device_code": device_code.expose(),
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": complete,
        "expires_in": expires_in,
        "interval": interval,
    });
    Ok(no_store(web::json(StatusCode::OK, &answer)))
}

impl From<DeviceRejection> for OAuthRejection {
    fn from(rejection: DeviceRejection) -> Self {
        match rejection {
            DeviceRejection::Scope(_) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "A command line works with the scope openid; leave scope out.",
            ),
            DeviceRejection::TooMany(seconds) => Self::from(ClientRejection::TooManyFailures(seconds)),
            DeviceRejection::Error(error) => error.into(),
        }
    }
}
