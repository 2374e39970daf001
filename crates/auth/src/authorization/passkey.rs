//! Signing in with a passkey: a challenge for the page's script, and the authenticator's answer, which comes back through
//! the sign-in form. So it leads to the same places as a password, and what goes wrong is said on the same page.

use super::{AuthorizationFlow, FormError};
use crate::{
    AuthorizationServer, OAuthOutcome, browser,
    errors::{OAuthRejection, no_store},
    request::ctx,
};
use axum::{
    body::Body,
    extract::{Request, State},
};
use http::{Response, StatusCode};
use serde_json::{Value, json};
use service::{
    Error, Rejection,
    tokens::client_authentication::ClientRejection,
    users::{passkeys::PasskeyAttempt, sign_in::SignInRejection},
};

/// `POST`: a challenge for whoever is there.
pub(crate) async fn show(State(server): State<AuthorizationServer>, request: Request) -> OAuthOutcome {
    if !web::origin::is_own(request.method(), request.headers(), server.cookie().is_secure()) {
        return Ok(browser::foreign());
    }
    let ctx = ctx(&request.into_parts().0)?;
    let ceremony = match server.service().users().begin_passkey_sign_in(&ctx).await {
        Ok(ceremony) => ceremony,
        Err(Error::Rejection(Rejection::TooMany(seconds))) => {
            return Err(ClientRejection::TooManyFailures(seconds).into());
        }
        Err(Error::Rejection(_)) => {
            return Err(OAuthRejection::invalid_request("Passkeys cannot be used at this address."));
        }
        Err(error) => return Err(error.into()),
    };
    let options: Value = serde_json::from_str(&ceremony.options).map_err(Error::internal)?;
    let answer = json!({ "ceremony": ceremony.handle.expose(), "options": options });
    Ok(no_store(web::json(StatusCode::OK, &answer)))
}

impl AuthorizationFlow<'_> {
    pub(super) async fn take_passkey(&self, ceremony: &str, answer: &str) -> Result<Response<Body>, Error> {
        let wrong = "This passkey is not known here. Use another one, or your password.";
        let browser = &self.browser;
        let attempt = PasskeyAttempt { ceremony, answer, device: browser.ctx.device() };
        let service = browser.server.service();
        match service.users().sign_in_with_passkey(&browser.ctx, attempt, browser.cookie.as_deref()).await {
            Ok(signed_in) => self.complete_sign_in(&signed_in).await,
            // A form that is sent a second time finds the sign-in complete already.
            Err(SignInRejection::Over) => {
                self.go_on(Some(FormError::of(SignInRejection::Over, wrong)?)).await
            }
            Err(rejection) => {
                let known = browser.find_sign_in().await?;
                self.ask_password(Some(FormError::of(rejection, wrong)?), None, known.as_ref()).await
            }
        }
    }
}
