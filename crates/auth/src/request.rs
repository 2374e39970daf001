//! Reading a form that a client posts: the checks that every protocol endpoint shares.

use crate::{AuthorizationServer, errors::OAuthRejection};
use axum::{body::Bytes, extract::Request};
use http::{HeaderMap, StatusCode, Uri, header, request::Parts};
use service::RequestContext;
use web::{BodyError, Form, FormParseError};

/// A request of which the body is read but not yet understood.
pub(crate) struct FormRequest {
    pub(crate) ctx: RequestContext,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
    body: Bytes,
}

impl FormRequest {
    /// Reads the body of a form post.
    pub(crate) async fn read(server: &AuthorizationServer, request: Request) -> Result<Self, OAuthRejection> {
        reject_secret_in_url(request.uri())?;
        require_form(request.headers())?;
        let (parts, body) = receive(request, server.settings().form_bytes).await?;
        Ok(Self { ctx: ctx(&parts)?, headers: parts.headers, uri: parts.uri, body })
    }

    /// The form's parameters.
    pub(crate) fn form(&self) -> Result<Form<'_>, OAuthRejection> {
        Form::parse(&self.body).map_err(|error| {
            OAuthRejection::invalid_request(match error {
                FormParseError::Encoding => "The form is badly encoded: percent-encode each value as UTF-8.",
                FormParseError::Repeated => "A parameter stands more than once; send each once.",
            })
        })
    }
}

/// The request's circumstances, which the middleware has put there.
pub(crate) fn ctx(parts: &Parts) -> Result<RequestContext, OAuthRejection> {
    web::context(parts)
        .ok_or_else(|| service::Error::internal("a request did not pass the middleware").into())
}

/// Parameters that are as good as a password, each with what to do now that it stands in logs.
const SECRETS: [(&str, &str); 11] = [
    ("client_secret", KEY_ADVICE),
    ("client_assertion", ASSERTION_ADVICE),
    ("assertion", ASSERTION_ADVICE),
    ("subject_token", ASSERTION_ADVICE),
    ("token", KEY_ADVICE),
    ("access_token", KEY_ADVICE),
    ("refresh_token", "end that session on your account page in Viewport, and sign in again."),
    ("code", "begin the sign-in again."),
    ("code_verifier", "begin the sign-in again."),
    ("device_code", "run the sign-in of the command line again."),
    ("password", "set a new password on your account page in Viewport."),
];
const ASSERTION_ADVICE: &str = "it can be used until it expires; have an Admin end the key's issued tokens.";
const KEY_ADVICE: &str = "have an Admin rotate the key and end its issued tokens.";

/// A secret in a URL stands in the access logs of every proxy on the way: say so instead of helping with it.
fn reject_secret_in_url(uri: &Uri) -> Result<(), OAuthRejection> {
    let names = uri.query().unwrap_or("").split('&').map(|pair| pair.split('=').next().unwrap_or(""));
    for name in names {
        let name = web::form::decode(name).unwrap_or_default();
        if let Some((_, advice)) = SECRETS.iter().find(|(secret, _)| *secret == &*name) {
            return Err(OAuthRejection::invalid_request(format!(
                "Credentials belong in the body or the Authorization header, never in the URL. \
                 This one stands in logs now: {advice}"
            )));
        }
    }
    Ok(())
}

fn require_form(headers: &HeaderMap) -> Result<(), OAuthRejection> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = kind.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(OAuthRejection::invalid_request(
        "Send the parameters as a form: Content-Type must be application/x-www-form-urlencoded.",
    ))
}

async fn receive(request: Request, maximum: usize) -> Result<(Parts, Bytes), OAuthRejection> {
    web::receive(request, maximum).await.map_err(|error| match error {
        BodyError::TooLarge => OAuthRejection::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            format!("The body is over {maximum} bytes."),
        ),
        BodyError::Broken => OAuthRejection::invalid_request("The body ended before it was complete."),
    })
}
