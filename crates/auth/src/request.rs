//! Reading a form that a client posts: the checks that every protocol endpoint shares.

use crate::{AuthorizationServer, errors::Refusal};
use axum::{
    body::{Body, Bytes},
    extract::Request,
};
use http::{HeaderMap, StatusCode, Uri, header, request::Parts};
use service::Ctx;
use web::{BodyError, Form, FormError, RequestContext};

/// A request of which the body is read but not yet understood.
pub(crate) struct Posted {
    pub(crate) ctx: Ctx,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
    body: Bytes,
}

impl Posted {
    /// Reads the body of a form post.
    pub(crate) async fn read(server: &AuthorizationServer, request: Request) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        refuse_secret_in_url(&parts)?;
        require_form(&parts.headers)?;
        let body = read_bounded(body, server.settings().form_bytes).await?;
        Ok(Self { ctx: ctx(&parts)?, headers: parts.headers, uri: parts.uri, body })
    }

    /// The form's parameters.
    pub(crate) fn form(&self) -> Result<Form<'_>, Refusal> {
        Form::parse(&self.body).map_err(|error| {
            Refusal::invalid_request(match error {
                FormError::Encoding => "The form is badly encoded: percent-encode each value as UTF-8.",
                FormError::Repeated => "A parameter stands more than once; send each once.",
            })
        })
    }
}

/// The request's circumstances, which the door has put there.
pub(crate) fn ctx(parts: &Parts) -> Result<Ctx, Refusal> {
    let context = parts.extensions.get::<RequestContext>().cloned();
    let context = context.ok_or_else(|| service::Failure::internal("a request did not pass the door"))?;
    Ok(Ctx { now: context.now, address: context.address, request_id: context.request_id })
}

/// A secret in a URL stands in the access logs of every proxy on the way: say so instead of helping with it.
fn refuse_secret_in_url(parts: &Parts) -> Result<(), Refusal> {
    let query = parts.uri.query().unwrap_or("");
    let name =
        |pair: &str| web::form::decode(pair.split('=').next().unwrap_or("")).unwrap_or_default().into_owned();
    let secret = |name: String| matches!(name.as_str(), "client_secret" | "token" | "access_token");
    if query.split('&').map(name).any(secret) {
        return Err(Refusal::invalid_request(
            "Credentials belong in the body or the Authorization header, never in the URL. \
             This one stands in logs now: have an Admin rotate the key and end its issued tokens.",
        ));
    }
    Ok(())
}

fn require_form(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = kind.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(Refusal::invalid_request(
        "Send the parameters as a form: Content-Type must be application/x-www-form-urlencoded.",
    ))
}

async fn read_bounded(body: Body, maximum: usize) -> Result<Bytes, Refusal> {
    web::read_body(body, maximum).await.map_err(|error| match error {
        BodyError::TooLarge => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            format!("The body is over {maximum} bytes."),
        ),
        BodyError::Broken => Refusal::invalid_request("The body ended before it was complete."),
    })
}
