//! Answers in JSON.

use crate::{
    execute::Executed,
    faults::{Code, Fault, Location},
    negotiate::MediaType,
    refusal::{finish, not_by_this_method},
    scalars::ApiScalar,
};
use axum::body::Body;
use http::{Method, Response, StatusCode};
use juniper::{ExecutionError, Value};
use serde::Serialize;
use serde_json::json;

/// The answer to a request that was well formed (GraphQL over HTTP, Status Codes).
pub(crate) fn of(executed: Executed, media: MediaType) -> Response<Body> {
    match executed {
        Executed::Data(data, errors) => {
            let errors: Vec<_> = errors.iter().map(FieldFault::of).collect();
            finish(web::json(StatusCode::OK, &Body200 { data: &data, errors }), media)
        }
        Executed::Faults(faults) => {
            let status = match media {
                MediaType::Json => StatusCode::OK,
                MediaType::GraphqlResponse => StatusCode::BAD_REQUEST,
            };
            finish(web::json(status, &json!({ "errors": faults })), media)
        }
        Executed::MutationNotAllowed => {
            not_by_this_method(&[Method::POST], "a GET request only reads: send mutations by POST")
                .into_response(media)
        }
    }
}

#[derive(Serialize)]
struct Body200<'a> {
    data: &'a Value<ApiScalar>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldFault<'a>>,
}

/// An error of one field.
#[derive(Serialize)]
struct FieldFault<'a> {
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

impl<'a> FieldFault<'a> {
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

/// What is told when the library gave up: nothing of it but the name of the request.
pub(crate) fn crashed(request_id: &str) -> Executed {
    let message =
        format!("something went wrong on our side; an operator finds it in the log as request {request_id}");
    Executed::Faults(vec![Fault::new(Code::Internal, message).with("requestId", request_id)])
}
