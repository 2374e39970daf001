//! Requests that are rejected as a whole, before any GraphQL.

use crate::{
    http::negotiate::MediaType,
    operation::request_errors::{Code, RequestError},
};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde_json::json;
use std::fmt::Display;
use web::Cause;

/// Why a request is not even looked at, and what the client should do.
#[derive(Debug)]
pub(crate) struct RequestRejection {
    status: StatusCode,
    error: RequestError,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log alone.
    cause: Option<Box<str>>,
}

impl RequestRejection {
    pub(crate) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, error: RequestError::new(code, message), headers: Vec::new(), cause: None }
    }

    /// A request that is none.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::ValidationFailed, message)
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn with_request_id(mut self, id: &str) -> Self {
        self.error = self.error.with("requestId", id);
        self
    }

    /// Tells the log, and nobody else, why the request failed.
    pub(crate) fn because(mut self, cause: &dyn Display) -> Self {
        self.cause = Some(cause.to_string().into());
        self
    }

    pub(crate) fn into_response(self, media: MediaType) -> Response<Body> {
        let mut response = web::json(self.status, &json!({ "errors": [self.error] }));
        response.headers_mut().extend(self.headers);
        if let Some(cause) = &self.cause {
            Cause::leave(cause, &mut response);
        }
        finish(response, media)
    }
}

/// Names the answer's media type and keeps it out of every cache.
pub(crate) fn finish(mut response: Response<Body>, media: MediaType) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.header());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What a cache would have to compare, if one stored it nevertheless.
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, cookie"));
    response
}

/// The answer to methods that a path does not have.
pub(crate) fn method_not_allowed(allowed: &[Method]) -> Response<Body> {
    not_by_this_method(allowed, &format!("this path takes {}", names(allowed))).into_response(MediaType::Json)
}

pub(crate) fn not_by_this_method(allowed: &[Method], message: &str) -> RequestRejection {
    let rejection = RequestRejection::new(StatusCode::METHOD_NOT_ALLOWED, Code::ValidationFailed, message);
    match HeaderValue::from_str(&names(allowed)) {
        Ok(value) => rejection.with_header(header::ALLOW, value),
        Err(_) => rejection,
    }
}

fn names(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}
