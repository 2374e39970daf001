//! Rejections in the form of RFC 6749 §5.2. Clients print `error_description` into build logs: it is where we talk to people.
//!
//! Descriptions keep to the characters that §5.2 allows: printable ASCII without `"` and `\`.

use axum::{body::Body, response::IntoResponse};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use service::{
    Error,
    tokens::{client_authentication::ClientRejection, issuance::IssuanceRejection},
};
use web::Cause;

/// One rejection.
#[derive(Debug)]
pub(crate) struct OAuthRejection {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) description: String,
    pub(crate) retry_after_seconds: Option<u64>,
    /// Whether the client used HTTP Basic, and so must be challenged for it (RFC 6749 §5.2).
    pub(crate) challenge_basic: bool,
    /// Why it failed here, for the log.
    cause: Option<String>,
}

impl OAuthRejection {
    pub(crate) fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status,
            error,
            description: description.into(),
            retry_after_seconds: None,
            challenge_basic: false,
            cause: None,
        }
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    pub(crate) fn invalid_client(description: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description)
    }

    pub(crate) fn challenging_basic(self, basic_was_used: bool) -> Self {
        Self { challenge_basic: basic_was_used && self.status == StatusCode::UNAUTHORIZED, ..self }
    }

    /// The same for a grant whose token is rejected: there, what a client is told is not about its authentication.
    pub(crate) fn for_grant(self, error: &'static str) -> Self {
        if self.status == StatusCode::UNAUTHORIZED {
            Self { status: StatusCode::BAD_REQUEST, error, ..self }
        } else {
            self
        }
    }

    /// Tells the log why the request failed.
    pub(crate) fn leave_cause(&self, response: &mut Response<Body>) {
        if let Some(cause) = &self.cause {
            Cause::leave(cause, response);
        }
    }

    fn later(status: StatusCode, seconds: u64, description: impl Into<String>) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            ..Self::new(status, "temporarily_unavailable", description)
        }
    }
}

impl IntoResponse for OAuthRejection {
    fn into_response(self) -> Response<Body> {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = no_store(web::json(self.status, &body));
        self.leave_cause(&mut response);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, web::retry_after(seconds));
        }
        if self.challenge_basic {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"duku\""));
        }
        response
    }
}

impl From<ClientRejection> for OAuthRejection {
    fn from(rejection: ClientRejection) -> Self {
        match rejection {
            ClientRejection::Unknown => Self::invalid_client(
                "The client is unknown, or this is not its secret. Check client_id and client_secret; \
                 an Admin can see the key or rotate it in Viewport under Settings > API Keys.",
            ),
            ClientRejection::Expired(at) => Self::invalid_client(format!(
                "This API key expired at {at}. An Admin can rotate it in Viewport under Settings > API Keys; \
                 the client_id stays, the secret changes."
            )),
            ClientRejection::Rotated(at) => Self::invalid_client(format!(
                "This client_secret was replaced by a rotation and has been rejected since {at}. \
                 Store the new secret where this pipeline reads it; an Admin who does not have it can rotate the key again."
            )),
            ClientRejection::Revoked(at) => Self::invalid_client(format!(
                "This API key was revoked at {at}, permanently. An Admin can generate a new one in Viewport under \
                 Settings > API Keys."
            )),
            ClientRejection::NotAccepted(_) => Self::invalid_client(
                "This token is not accepted for this client_id. An Admin sees under Settings > API Keys in Viewport which tokens the key \
                 accepts, and can check this one there.",
            ),
            ClientRejection::Assertion(rejection) => {
                Self::invalid_client(format!("This token is rejected: {}.", printable(&rejection.message)))
            }
            ClientRejection::Waiting => Self::invalid_client(
                "This API key waits for its first run. This run is shown to the organisation's Admins in Viewport under Settings > \
                 API Keys: once one allows it, run it again.",
            ),
            ClientRejection::IssuerUnavailable(why) => Self {
                cause: Some(why),
                ..Self::later(
                    StatusCode::SERVICE_UNAVAILABLE,
                    30,
                    "The keys of this token's issuer cannot be fetched just now; try again in a moment.",
                )
            },
            ClientRejection::TooManyFailures(seconds) => Self::later(
                StatusCode::TOO_MANY_REQUESTS,
                seconds,
                format!(
                    "Too many failed attempts. Check the credentials and try again in {seconds} seconds."
                ),
            ),
            ClientRejection::Error(failure) => failure.into(),
        }
    }
}

impl From<IssuanceRejection> for OAuthRejection {
    fn from(rejection: IssuanceRejection) -> Self {
        match rejection {
            IssuanceRejection::Client(rejection) => rejection.into(),
            IssuanceRejection::Scope(_) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "A requested scope is unknown. Known are openid, platform:read and platform:write; most clients need none.",
            ),
        }
    }
}

impl From<Error> for OAuthRejection {
    fn from(error: Error) -> Self {
        let rejection = if error.is_temporary() {
            Self::later(
                StatusCode::SERVICE_UNAVAILABLE,
                1,
                "The service cannot reach its data just now; try again in a moment.",
            )
        } else {
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "Something went wrong here, not with the request. The X-Request-Id of this answer names it in our logs.",
            )
        };
        Self { cause: Some(error.to_string()), ..rejection }
    }
}

/// A text in the characters that a description may have (RFC 6749 §5.2).
fn printable(text: &str) -> String {
    let permitted = |c| match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().map(permitted).collect()
}

/// Keeps an answer with credentials, or about them, out of every cache (RFC 6749 §5.1).
pub(crate) fn no_store(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

pub(crate) fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let rejection = OAuthRejection::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request",
        format!("This endpoint takes {allow}."),
    );
    let mut response = rejection.into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_to_the_log_and_not_to_the_client() {
        let answer = OAuthRejection::from(Error::internal("the row is damaged")).into_response();
        let Cause(cause) = answer.extensions().get::<Cause>().unwrap();
        assert_eq!(&**cause, "the row is damaged");
        let OAuthRejection { description, .. } = OAuthRejection::from(Error::internal("the row is damaged"));
        assert!(!description.contains("row"), "{description}");
    }
}
