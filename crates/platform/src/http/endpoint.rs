//! The endpoint: `POST /graphql`, and `GET /graphql?query=…` for what only reads.

use crate::{
    Platform, errors,
    http::{
        answer,
        authenticate::{self, authenticate},
        negotiate::{self, MediaType},
        params::Params,
        rejection::RequestRejection,
    },
    operation::{execute::prepare, request_errors::Code},
};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
};
use futures::FutureExt;
use http::{Method, Response, StatusCode, request};
use service::RequestContext;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};
use web::BodyError;

/// An answer that took longer than this is given only if whoever asked may still have it.
const LONG_ANSWER: Duration = Duration::from_millis(100);

pub(crate) async fn serve(State(platform): State<Platform>, request: Request) -> Response<Body> {
    let media = MediaType::wanted(request.headers());
    match respond(&platform, request, media).await {
        Ok(response) => response,
        Err(rejection) => rejection.into_response(media.unwrap_or(MediaType::Json)),
    }
}

async fn respond(
    platform: &Platform,
    request: Request,
    media: Option<MediaType>,
) -> Result<Response<Body>, RequestRejection> {
    let (parts, body) = request.into_parts();
    let credential = authenticate::verify(platform, &ctx(&parts)?, &parts.headers).await?;
    let may_change = parts.method == Method::POST;
    let (parts, body) = if may_change {
        receive(Request::from_parts(parts, body), platform.settings().body_bytes).await?
    } else {
        (parts, Bytes::new())
    };
    // The body first, then the time, then whether the credential is accepted: a body that is held back holds no decision back.
    let mut ctx = ctx(&parts)?;
    let principal = authenticate(platform, &ctx, &credential).await?;
    let started = Instant::now();
    let media = media.ok_or_else(not_acceptable)?;
    let params = if may_change {
        if !negotiate::is_json(&parts.headers) {
            return Err(unsupported_media_type());
        }
        Params::of_body(&body)?
    } else {
        Params::of_url(parts.uri.query().unwrap_or_default())?
    };
    let caller = (ctx.clone(), principal.clone());
    // Whatever goes wrong in the library, the answer is JSON.
    let ready = catch_unwind(AssertUnwindSafe(|| prepare(platform, caller, may_change, params)));
    let mut ready = match ready.map_err(|_| crashed(&ctx))? {
        Ok(ready) => ready,
        Err(executed) => return Ok(answer::of(*executed, media)),
    };
    let is_mutation = ready.is_mutation();
    let answered = if ready.is_heavy {
        let turn = platform.0.heavy.turn(principal.organisation_id.clone()).await;
        let turn = turn.ok_or_else(|| crashed(&ctx))?;
        // Waiting for a turn holds no decision back either: the time is taken anew, and whether the principal still counts.
        ctx.now = web::now(&parts).unwrap_or(ctx.now);
        Box::pin(authenticate::confirm(platform, &ctx, &principal)).await?;
        ready.set_context(ctx.clone());
        turn.run(async move { answer::of(ready.run().await, media) }).await
    } else {
        AssertUnwindSafe(async move { answer::of(ready.run().await, media) }).catch_unwind().await.ok()
    };
    let answered = answered.ok_or_else(|| crashed(&ctx))?;
    // What a mutation did, it did with authority: its answer may hold a secret that is shown once.
    if started.elapsed() > LONG_ANSWER && !is_mutation {
        Box::pin(authenticate::confirm(platform, &ctx, &principal)).await?;
    }
    Ok(answered)
}

/// The request's circumstances, which the middleware has put there.
fn ctx(parts: &request::Parts) -> Result<RequestContext, RequestRejection> {
    web::context(parts).ok_or_else(|| {
        tracing::error!("a request did not pass the middleware: it has no context");
        RequestRejection::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Internal,
            "something went wrong on our side",
        )
    })
}

/// What is told when the library gave up. The panic itself is on standard error already.
fn crashed(ctx: &RequestContext) -> RequestRejection {
    tracing::error!(request_id = %ctx.request_id, "the execution of a document panicked");
    let message = errors::internal_message(ctx, false);
    RequestRejection::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message)
        .with_request_id(&ctx.request_id)
}

async fn receive(request: Request, maximum: usize) -> Result<(request::Parts, Bytes), RequestRejection> {
    web::receive(request, maximum).await.map_err(|error| match error {
        BodyError::TooLarge => RequestRejection::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::ValidationFailed,
            format!("the body is larger than {maximum} bytes: split the request"),
        ),
        BodyError::Broken => RequestRejection::bad_request("the body ended too early"),
    })
}

fn not_acceptable() -> RequestRejection {
    RequestRejection::new(
        StatusCode::NOT_ACCEPTABLE,
        Code::ValidationFailed,
        "answers are application/graphql-response+json or application/json: name one of them in Accept",
    )
}

fn unsupported_media_type() -> RequestRejection {
    RequestRejection::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::ValidationFailed,
        "send the request as JSON in UTF-8, with Content-Type: application/json",
    )
}
