//! Signing in with a passkey: a challenge for the page's script, and the authenticator's answer, which comes back through
//! the sign-in form. So it leads to the same places as a password, and what goes wrong is said on the same page.

use super::{Problem, Visit};
use crate::{
    AuthorizationServer, browser,
    errors::{Refusal, no_store},
    request::ctx,
};
use axum::{
    body::Body,
    extract::{Request, State},
};
use http::{Response, StatusCode};
use serde_json::{Value, json};
use service::{Failure, Reject, exchange::ClientRefusal, passkeys::PasskeyAttempt, sign_in::SignInRefusal};

/// `POST`: a challenge for whoever is there.
pub(crate) async fn begin(
    State(server): State<AuthorizationServer>,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    if !web::origin::is_own(request.method(), request.headers(), server.cookie().is_secure()) {
        return Ok(browser::foreign());
    }
    let ctx = ctx(&request.into_parts().0)?;
    let ceremony = match server.service().begin_passkey_sign_in(&ctx).await {
        Ok(ceremony) => ceremony,
        Err(Failure::Reject(Reject::TooMany(seconds))) => {
            return Err(ClientRefusal::TooManyFailures(seconds).into());
        }
        Err(Failure::Reject(_)) => {
            return Err(Refusal::invalid_request("Passkeys cannot be used at this address."));
        }
        Err(failure) => return Err(failure.into()),
    };
    let options: Value = serde_json::from_str(&ceremony.options).map_err(Failure::internal)?;
    let answer = json!({ "ceremony": ceremony.handle.expose(), "options": options });
    Ok(no_store(web::json(StatusCode::OK, &answer)))
}

impl Visit<'_> {
    pub(super) async fn take_passkey(&self, ceremony: &str, answer: &str) -> Result<Response<Body>, Failure> {
        let wrong = "This passkey is not known here. Use another one, or your password.";
        let browser = &self.browser;
        let attempt = PasskeyAttempt { ceremony, answer, device: &browser.device };
        let service = browser.server.service();
        match service.sign_in_with_passkey(&browser.ctx, attempt, browser.cookie.as_deref()).await {
            Ok(signed_in) => self.arrive(&signed_in).await,
            // A form that is sent a second time finds the sign-in complete already.
            Err(SignInRefusal::Over) => self.go_on(Some(Problem::of(SignInRefusal::Over, wrong)?)).await,
            Err(refusal) => {
                let known = browser.find_sign_in().await?;
                self.ask_password(Some(Problem::of(refusal, wrong)?), None, known.as_ref()).await
            }
        }
    }
}
