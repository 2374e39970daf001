//! What became of a request that has no answer: one exhaustive mapping from the use cases' words to the API's.

use crate::{operation::request_errors::Code, scalars::ApiScalar};
use juniper::{FieldError, Value};
use serde_json::{Value as JsonValue, json};
use service::{Error, Rejection, RequestContext, errors::Candidate};

/// An error of one field.
pub(crate) type ApiError = FieldError<ApiScalar>;

/// The extension of errors that pass by themselves.
const RETRY_AFTER_SECONDS: &str = "retryAfterSeconds";

/// Whether the service could not reach its data, so that the same request may work soon.
pub(crate) fn is_outage(extensions: &Value<ApiScalar>) -> bool {
    let Value::Scalar(ApiScalar::Json(extensions)) = extensions else { return false };
    extensions.get(RETRY_AFTER_SECONDS).is_some()
        && extensions.get("code").is_some_and(|code| code == Code::Internal.as_str())
}

/// A field error with the extensions that the contract names.
fn error(code: Code, message: impl Into<String>, mut extensions: JsonValue) -> ApiError {
    if let Some(map) = extensions.as_object_mut() {
        map.insert("code".to_owned(), code.as_str().into());
    }
    FieldError::new(message.into(), Value::Scalar(ApiScalar::Json(extensions)))
}

/// What a field says when its use case has no outcome. An internal cause is not shown.
pub(crate) fn of_error(ctx: &RequestContext, cause: Error) -> ApiError {
    match cause {
        Error::Rejection(reject) => of_reject(reject),
        Error::Store(_) | Error::Internal(_) => {
            let temporary = cause.is_temporary();
            let mut extensions = json!({ "requestId": ctx.request_id });
            if temporary && let Some(map) = extensions.as_object_mut() {
                map.insert(RETRY_AFTER_SECONDS.to_owned(), 1.into());
            }
            error(Code::Internal, internal_message(ctx, temporary), extensions)
        }
    }
}

/// What everyone may know of a failure on our side.
pub(crate) fn internal_message(ctx: &RequestContext, temporary: bool) -> String {
    let id = &ctx.request_id;
    if temporary {
        format!("the service cannot reach its data just now: try again in a moment (request {id})")
    } else {
        format!("something went wrong on our side; an operator finds it in the log as request {id}")
    }
}

fn of_reject(reject: Rejection) -> ApiError {
    let message = reject.message();
    match reject {
        Rejection::Ended(_) => error(Code::Unauthenticated, message, json!({})),
        Rejection::Forbidden(_) => error(Code::Forbidden, message, json!({})),
        Rejection::TooMuchStored { limit, setting, .. } => {
            error(Code::LimitReached, message, json!({ "limit": limit, "setting": setting }))
        }
        Rejection::NotFound { .. } => error(Code::NotFound, message, json!({})),
        Rejection::Invalid(invalid) => {
            error(Code::ValidationFailed, message, json!({ "field": invalid.field }))
        }
        Rejection::LimitReached { limit, candidates } => {
            let candidates: Vec<_> = candidates.iter().map(candidate).collect();
            error(Code::LimitReached, message, json!({ "limit": limit, "candidates": candidates }))
        }
        Rejection::Conflict(_) => error(Code::Conflict, message, json!({})),
        Rejection::SignInAgain => {
            error(Code::Forbidden, message, json!({ "reason": "REAUTHENTICATION_REQUIRED" }))
        }
        Rejection::TooMany(seconds) => {
            error(Code::RateLimited, message, json!({ RETRY_AFTER_SECONDS: seconds }))
        }
    }
}

fn candidate(candidate: &Candidate) -> JsonValue {
    json!({
        "id": candidate.id.as_str(),
        "label": candidate.label,
        "lastUsedAt": candidate.last_used_at.map(|at| at.to_string()),
    })
}

/// A number that GraphQL's `Int` cannot hold.
pub(crate) fn beyond_int(what: &str, value: i64) -> ApiError {
    error(Code::Internal, format!("{what} is {value}, which does not fit into a GraphQL Int"), json!({}))
}
