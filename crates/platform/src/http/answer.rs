//! Answers in JSON.

use crate::{
    errors,
    http::{
        negotiate::MediaType,
        rejection::{RequestRejection, finish, not_by_this_method},
    },
    operation::{
        budget::{Exceeded, Reserved},
        execute::Executed,
        request_errors::{Code, Location},
    },
    scalars::ApiScalar,
};
use axum::body::{Body, Bytes};
use http::{Method, Response, StatusCode, header};
use juniper::{ExecutionError, Value};
use serde::Serialize;
use serde_json::json;
use web::Cause;

/// The answer to a request that was well formed (GraphQL over HTTP, Status Codes).
pub(crate) fn of(executed: Executed, media: MediaType) -> Response<Body> {
    match executed {
        Executed::Data { data, errors, cause, reserved, length } => {
            // An outage that left nothing to tell is one for every client, also for those that look at the status alone.
            let outage =
                data.is_null() && errors.iter().any(|error| errors::is_outage(error.error().extensions()));
            let status = if outage { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            let errors: Vec<_> = errors.iter().map(FieldRejection::of).collect();
            let answered = Answered { data: &data, errors };
            let mut response = finish(written(status, &answered, reserved, length), media);
            if let Some(cause) = &cause {
                Cause::leave(cause, &mut response);
            }
            if outage {
                response.headers_mut().insert(header::RETRY_AFTER, web::retry_after(1));
            }
            response
        }
        Executed::Errors(errors) => {
            let status = match media {
                MediaType::Json => StatusCode::OK,
                MediaType::GraphqlResponse => StatusCode::BAD_REQUEST,
            };
            finish(web::json(status, &json!({ "errors": errors })), media)
        }
        Executed::NoMemory => {
            RequestRejection::new(StatusCode::SERVICE_UNAVAILABLE, Code::Internal, Exceeded::Node.message())
                .with_header(header::RETRY_AFTER, web::retry_after(1))
                .into_response(media)
        }
        Executed::MutationNotAllowed => {
            not_by_this_method(&[Method::POST], "a GET request only reads: send mutations by POST")
                .into_response(media)
        }
    }
}

/// An answer that keeps its part of the node's memory until the last byte of it is taken.
struct Written {
    text: Vec<u8>,
    _reserved: Option<Reserved>,
}

impl AsRef<[u8]> for Written {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

fn written(
    status: StatusCode,
    answered: &Answered<'_>,
    mut reserved: Option<Reserved>,
    length: usize,
) -> Response<Body> {
    // Most answers fit at once: growing copies, and takes twice the room for a moment.
    let mut text = Vec::with_capacity(length + length / 8 + 256);
    if let Err(error) = serde_json::to_writer(&mut text, answered) {
        tracing::error!(%error, "an answer could not be written as JSON");
        return web::json(StatusCode::INTERNAL_SERVER_ERROR, &json!({}));
    }
    if let Some(reserved) = &mut reserved {
        reserved.shrink(text.capacity());
    }
    let mut response = Response::new(Body::from(Bytes::from_owner(Written { text, _reserved: reserved })));
    *response.status_mut() = status;
    response
}

#[derive(Serialize)]
struct Answered<'a> {
    data: &'a Value<ApiScalar>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldRejection<'a>>,
}

/// An error of one field.
#[derive(Serialize)]
struct FieldRejection<'a> {
    message: &'a str,
    locations: [Location; 1],
    path: &'a [String],
    extensions: Extensions<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Extensions<'a> {
    Ours(&'a Value<ApiScalar>),
    /// The library's own errors at this stage are all about values that do not fit their types.
    Plain {
        code: &'static str,
    },
}

impl<'a> FieldRejection<'a> {
    fn of(error: &'a ExecutionError<ApiScalar>) -> Self {
        let extensions = match error.error().extensions() {
            Value::Null => Extensions::Plain { code: Code::ValidationFailed.as_str() },
            ours => Extensions::Ours(ours),
        };
        Self {
            message: error.error().message(),
            locations: [(*error.location()).into()],
            path: error.path(),
            extensions,
        }
    }
}
