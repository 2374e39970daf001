//! People who sign in, as far as tests need them: a password, and the cookie of a browser in Viewport.

use crate::app::App;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::Session;
use service::users::{
    authorization_codes::{CodeRequest, VIEWPORT},
    sign_in::Attempt,
};

pub(crate) const PASSWORD: &str = "correct horse staple nine";
pub(crate) const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-long";

/// Gives a person the password that tests use.
pub(crate) async fn set_password(app: &App, email: &str) {
    let link = app.service.users().make_reset_link(&app.ctx(), "test", email).await.unwrap();
    let code = link.rsplit('/').next().unwrap();
    app.service.users().reset_password(&app.ctx(), code, PASSWORD).await.unwrap();
}

/// A sign-in at the authorization server, of a person without a second factor.
pub(crate) async fn sign_in(app: &App, email: &str) -> Session {
    let attempt = Attempt { email, password: PASSWORD, device: "Test/1.0" };
    app.service.users().sign_in(&app.ctx(), attempt, None).await.unwrap().session
}

/// The cookie of a browser that goes on into Viewport; the former one of the same sign-in ends.
pub(crate) async fn enter(app: &App, sign_in: &Session) -> String {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(jose::sha256(VERIFIER.as_bytes()));
    let request = CodeRequest {
        client_id: VIEWPORT,
        redirect_uri: &app.service.users().viewport_redirect_uri(),
        challenge: &challenge,
        scope: "openid",
        nonce: None,
    };
    let code = app.service.users().issue_code(&app.ctx(), sign_in, request).await.unwrap();
    let viewport_session = app
        .service
        .users()
        .sign_in_to_viewport(&app.ctx(), code.expose(), VERIFIER, "Test/1.0")
        .await
        .unwrap();
    format!("duku_session={}", viewport_session.cookie.expose())
}

/// Both at once.
pub(crate) async fn cookie_of(app: &App, email: &str) -> String {
    enter(app, &sign_in(app, email).await).await
}
