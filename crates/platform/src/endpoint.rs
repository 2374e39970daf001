//! The endpoint: `POST /graphql`, and `GET /graphql?query=…` for what only reads.

use crate::{
    Platform, answer,
    authenticate::authenticate,
    errors,
    execute::{Asker, execute},
    faults::Code,
    negotiate::{self, MediaType},
    params::Params,
    refusal::Refusal,
};
use axum::{
    body::Body,
    extract::{Request, State},
};
use futures::FutureExt;
use http::{Method, Response, StatusCode, request};
use service::Ctx;
use std::panic::AssertUnwindSafe;
use web::{BodyError, RequestContext};

pub(crate) async fn serve(State(platform): State<Platform>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let media = MediaType::wanted(&parts.headers);
    match respond(&platform, &parts, body, media).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(media.unwrap_or(MediaType::Json)),
    }
}

async fn respond(
    platform: &Platform,
    parts: &request::Parts,
    body: Body,
    media: Option<MediaType>,
) -> Result<Response<Body>, Refusal> {
    let ctx = ctx(parts)?;
    let principal = authenticate(platform, &ctx, &parts.headers).await?;
    let media = media.ok_or_else(not_acceptable)?;
    let may_change = parts.method == Method::POST;
    let params = if may_change {
        if !negotiate::is_json(&parts.headers) {
            return Err(unsupported_media_type());
        }
        Params::of_body(&read(body, platform.settings().body_bytes).await?)?
    } else {
        Params::of_url(parts.uri.query().unwrap_or_default())?
    };
    let asker = Asker { ctx: ctx.clone(), principal, may_change };
    // Whatever goes wrong in the library, the answer is JSON.
    let executed = AssertUnwindSafe(execute(platform, asker, params)).catch_unwind().await;
    Ok(answer::of(executed.map_err(|_| crashed(&ctx))?, media))
}

/// The request's circumstances, which the door has put there.
fn ctx(parts: &request::Parts) -> Result<Ctx, Refusal> {
    let context = parts.extensions.get::<RequestContext>().ok_or_else(|| {
        tracing::error!("a request came past the door: it has no context");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "something went wrong on our side")
    })?;
    Ok(Ctx { now: context.now, address: context.address, request_id: context.request_id.clone() })
}

/// What is told when the library gave up. The panic itself is on standard error already.
fn crashed(ctx: &Ctx) -> Refusal {
    tracing::error!(request_id = %ctx.request_id, "the execution of a document panicked");
    let message = errors::internal_message(ctx, false);
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message).with_request_id(&ctx.request_id)
}

async fn read(body: Body, maximum: usize) -> Result<axum::body::Bytes, Refusal> {
    web::read_body(body, maximum).await.map_err(|error| match error {
        BodyError::TooLarge => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::ValidationFailed,
            format!("the body is larger than {maximum} bytes: split the request"),
        ),
        BodyError::Broken => Refusal::bad_request("the body ended too early"),
    })
}

fn not_acceptable() -> Refusal {
    Refusal::new(
        StatusCode::NOT_ACCEPTABLE,
        Code::ValidationFailed,
        "answers are application/graphql-response+json or application/json: name one of them in Accept",
    )
}

fn unsupported_media_type() -> Refusal {
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::ValidationFailed,
        "send the request as JSON in UTF-8, with Content-Type: application/json",
    )
}
