//! The authorization endpoint (RFC 6749 §3.1 with PKCE, OpenID Connect Core 1.0 §3.1.2): people sign in, clients get codes.
//!
//! The sign-in form posts to the address of the request itself, so the request is read and checked again each time and
//! nothing about it is kept. A sign-in that was done just now satisfies `prompt` and `max_age`.

mod authorization_request;
mod authorization_response;
mod page;
#[cfg(feature = "passkeys")]
mod passkey;

pub(crate) use authorization_response::see_other;
#[cfg(feature = "passkeys")]
pub(crate) use passkey::show as begin_passkey;

use crate::{
    AuthorizationServer,
    browser::{self, Browser},
    request::FormRequest,
};
use authorization_request::{AuthorizationRequest, InvalidRequest, Prompt};
use authorization_response::AuthorizationRejection;
use axum::{
    body::Body,
    extract::{Request, State},
};
use domain::{Session, SessionKind};
use http::{HeaderValue, Response, StatusCode, header};
use page::{FormError, SecondFactorPage, SignInPage};
use pages::Head;
use service::{
    Error, Rejection,
    users::{
        authorization_codes::{CodeRequest, VIEWPORT},
        sign_in::{Attempt, SignInRejection, SignedIn},
    },
};
use web::Form;

/// The longest address that there is, in bytes (RFC 5321 §4.5.3.1.3).
const EMAIL_BYTES: usize = 254;
/// Longer than any code, with room for spaces and dashes.
const CODE_BYTES: usize = 64;

/// `GET`: straight back with a code, or with an error, or a page.
pub(crate) async fn show(State(server): State<AuthorizationServer>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let browser = match Browser::of(&server, &parts) {
        Ok(browser) => browser,
        Err(rejection) => return browser::rejected(&rejection),
    };
    let flow = match AuthorizationFlow::read(browser, parts.uri.query()) {
        Ok(flow) => flow,
        Err(answer) => return *answer,
    };
    flow.go_on(None).await.unwrap_or_else(|error| flow.browser.failed(error))
}

/// `POST`: what the person typed.
pub(crate) async fn submit(State(server): State<AuthorizationServer>, request: Request) -> Response<Body> {
    if !web::origin::is_own(request.method(), request.headers(), server.cookie().is_secure()) {
        return browser::foreign();
    }
    let posted = match FormRequest::read(&server, request).await {
        Ok(posted) => posted,
        Err(rejection) => return browser::rejected(&rejection),
    };
    let form = match posted.form() {
        Ok(form) => form,
        Err(rejection) => return browser::rejected(&rejection),
    };
    let flow = match AuthorizationFlow::read(Browser::of_posted(&server, &posted), posted.uri.query()) {
        Ok(flow) => flow,
        Err(answer) => return *answer,
    };
    let here = posted.uri.path_and_query().map_or("/", |here| here.as_str());
    flow.submit(&form, here).await.unwrap_or_else(|error| flow.browser.failed(error))
}

/// One request of a browser, of which the client and the redirect URI are good.
struct AuthorizationFlow<'a> {
    browser: Browser<'a>,
    request: AuthorizationRequest,
}

impl<'a> AuthorizationFlow<'a> {
    fn read(browser: Browser<'a>, query: Option<&str>) -> Result<Self, Box<Response<Body>>> {
        let service = browser.server.service();
        match AuthorizationRequest::read(service, query.unwrap_or_default()) {
            Ok(request) => Ok(Self { browser, request }),
            Err(InvalidRequest::Back(return_address, rejection)) => {
                Err(Box::new(return_address.with_rejection(&service.policy().issuer, rejection)))
            }
            Err(InvalidRequest::Nowhere(why)) => {
                let text = format!(
                    "{why} Nobody was signed in and nothing was sent anywhere. Go back to where you came from and begin \
                     again; if it happens there too, tell whoever runs it."
                );
                Err(Box::new(
                    pages::message(StatusCode::BAD_REQUEST, "This sign-in request is not right", text)
                        .respond(),
                ))
            }
        }
    }

    /// What follows from the sign-in that the browser has, if it has one.
    async fn go_on(&self, form_error: Option<FormError>) -> Result<Response<Body>, Error> {
        let sign_in = self.browser.find_sign_in().await?;
        if let Some(sign_in) = sign_in.as_ref().filter(|sign_in| self.satisfied_by(sign_in)) {
            return match sign_in.kind {
                SessionKind::SignIn => self.hand_over(sign_in).await,
                _ if self.request.prompt == Prompt::Never => Ok(self.deny(AuthorizationRejection(
                    "interaction_required",
                    "The sign-in waits for its second factor.",
                ))),
                _ => Ok(self.ask_second_factor(form_error)),
            };
        }
        if self.request.prompt == Prompt::Never {
            let rejection = AuthorizationRejection(
                "login_required",
                "Nobody has signed in here, or it was too long ago.",
            );
            return Ok(self.deny(rejection));
        }
        self.ask_password(form_error, None, sign_in.as_ref()).await
    }

    fn satisfied_by(&self, sign_in: &Session) -> bool {
        let now = self.browser.ctx.now;
        self.request.prompt != Prompt::Always
            && self.request.max_age.is_none_or(|seconds| sign_in.is_fresh(now, seconds))
    }

    async fn submit(&self, form: &Form<'_>, here: &str) -> Result<Response<Body>, Error> {
        if form.get("start_over").is_some() {
            return self.start_over(here).await;
        }
        if self.request.prompt == Prompt::Never {
            return self.go_on(None).await;
        }
        #[cfg(feature = "passkeys")]
        if let Some(answer) = form.get("passkey") {
            return self.take_passkey(form.get("ceremony").unwrap_or_default(), answer).await;
        }
        match form.get("code") {
            Some(code) => self.take_second_factor(code).await,
            None => self.take_password(form).await,
        }
    }

    async fn start_over(&self, here: &str) -> Result<Response<Body>, Error> {
        self.browser.sign_out().await?;
        let mut response = see_other(here);
        self.browser.clear_cookie(&mut response);
        Ok(response)
    }

    async fn take_password(&self, form: &Form<'_>) -> Result<Response<Body>, Error> {
        let typed = |name| form.get(name).unwrap_or_default();
        let (email, password) = (typed("email").trim(), typed("password"));
        let known = self.browser.find_sign_in().await?;
        if let Some(text) = unusable(email, password) {
            let form_error = FormError::new(StatusCode::BAD_REQUEST, text);
            return self.ask_password(Some(form_error), Some(email), known.as_ref()).await;
        }
        let Browser { server, ctx, cookie } = &self.browser;
        let attempt = Attempt { email, password, device: ctx.device() };
        match server.service().users().sign_in(ctx, attempt, cookie.as_deref()).await {
            Ok(signed_in) if signed_in.is_pending() => {
                let mut response = self.ask_second_factor(None);
                self.browser.keep(&signed_in, &mut response);
                Ok(response)
            }
            Ok(signed_in) => self.complete_sign_in(&signed_in).await,
            Err(rejection) => {
                let form_error = FormError::of(rejection, "The email address or password is incorrect.")?;
                self.ask_password(Some(form_error), Some(email), known.as_ref()).await
            }
        }
    }

    async fn take_second_factor(&self, code: &str) -> Result<Response<Body>, Error> {
        let wrong =
            "This code is not right, or was used already. Wait for the next one, or use a recovery code.";
        let Browser { server, ctx, cookie } = &self.browser;
        let outcome = match cookie {
            None => Err(SignInRejection::Over),
            Some(_) if code.len() > CODE_BYTES => Err(SignInRejection::Wrong),
            Some(cookie) => server.service().users().give_second_factor(ctx, cookie, code).await,
        };
        match outcome {
            Ok(signed_in) => self.complete_sign_in(&signed_in).await,
            // A second click on the button finds the sign-in complete already.
            Err(SignInRejection::Over) => {
                self.go_on(Some(FormError::of(SignInRejection::Over, wrong)?)).await
            }
            Err(rejection) => Ok(self.ask_second_factor(Some(FormError::of(rejection, wrong)?))),
        }
    }

    /// A sign-in of just now: neither `prompt` nor `max_age` may ask for another.
    async fn complete_sign_in(&self, signed_in: &SignedIn) -> Result<Response<Body>, Error> {
        let mut response = self.hand_over(&signed_in.session).await?;
        self.browser.keep(signed_in, &mut response);
        Ok(response)
    }

    async fn hand_over(&self, sign_in: &Session) -> Result<Response<Body>, Error> {
        let Browser { server, ctx, .. } = &self.browser;
        let request = CodeRequest {
            client_id: VIEWPORT,
            redirect_uri: &self.request.return_address.redirect_uri,
            challenge: &self.request.challenge,
            scope: &self.request.scope,
            nonce: self.request.nonce.as_deref(),
        };
        let code = match server.service().users().issue_code(ctx, sign_in, request).await {
            Ok(code) => code,
            // It ended between the look at the cookie and the code.
            Err(Error::Rejection(Rejection::Ended(_))) => {
                let form_error = FormError::of(SignInRejection::Over, "")?;
                return self.ask_password(Some(form_error), None, None).await;
            }
            Err(error) => return Err(error),
        };
        Ok(self.request.return_address.with_code(&server.service().policy().issuer, &code))
    }

    fn deny(&self, rejection: AuthorizationRejection) -> Response<Body> {
        self.request.return_address.with_rejection(&self.browser.server.service().policy().issuer, rejection)
    }

    fn ask_second_factor(&self, form_error: Option<FormError>) -> Response<Body> {
        SecondFactorPage::new(form_error).answer(self.browser.server.viewport())
    }

    /// Shows the sign-in page with what was `typed`, or what is known or supposed.
    async fn ask_password(
        &self,
        form_error: Option<FormError>,
        typed: Option<&str>,
        sign_in: Option<&Session>,
    ) -> Result<Response<Body>, Error> {
        let server = self.browser.server;
        let known = match sign_in.filter(|sign_in| sign_in.kind == SessionKind::SignIn) {
            Some(sign_in) => server.service().users().address_of(&sign_in.user_id).await?,
            None => None,
        };
        let email =
            known.as_ref().map(domain::Email::as_str).or(typed).or(self.request.login_hint.as_deref());
        let page = SignInPage {
            head: Head::new("Sign in"),
            form_error,
            email: email.filter(|email| email.len() <= EMAIL_BYTES).unwrap_or_default().to_owned(),
            known: known.is_some(),
            forgot: format!("{}/forgot", server.viewport()),
            passkeys: passkeys(server),
        };
        Ok(page.answer(server.viewport()))
    }
}

/// Where a sign-in with a passkey begins, if browsers can use one here.
#[cfg(feature = "passkeys")]
fn passkeys(server: &AuthorizationServer) -> Option<String> {
    let offered = server.service().users().offers_passkeys();
    offered.then(|| format!("/realms/{}/protocol/openid-connect/auth/passkey", server.settings().realm))
}

/// This build has no passkeys.
#[cfg(not(feature = "passkeys"))]
const fn passkeys(_: &AuthorizationServer) -> Option<String> {
    None
}

/// Why what was typed cannot be an address and a password, in a sentence.
fn unusable(email: &str, password: &str) -> Option<&'static str> {
    match (email.len(), password.len()) {
        (0, _) => Some("Enter your email address."),
        (_, 0) => Some("Enter your password."),
        (length, _) if length > EMAIL_BYTES => {
            Some("This is too long for an email address. Check what was pasted into the field.")
        }
        (_, length) if length > domain::PASSWORD_MAXIMUM => {
            Some("This is longer than any password here. Check what was pasted into the field.")
        }
        _ => None,
    }
}

/// A method that the endpoint does not take, as a page.
pub(crate) async fn not_allowed() -> Response<Body> {
    let mut response = pages::message_for(StatusCode::METHOD_NOT_ALLOWED).respond();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    response
}
