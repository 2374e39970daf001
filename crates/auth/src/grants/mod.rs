//! One file per grant.

pub(crate) mod assertion;
pub(crate) mod authorization_code;
pub(crate) mod client_credentials;
pub(crate) mod device_code;
pub(crate) mod refresh_token;

use crate::errors::{OAuthRejection, no_store};
use axum::body::Body;
use http::{Response, StatusCode};
use serde::Serialize;
use service::{
    tokens::{client_authentication::ClientRejection, user_tokens::UserTokens},
    users::devices::PollRejection,
};
use web::Form;

/// RFC 6749 §5.1 for people: with a refresh token or an ID token where the grant has one.
#[derive(Serialize)]
struct UserAnswer<'a> {
    access_token: &'a str,
    expires_in: i64,
    token_type: &'static str,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    refresh_expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(rename = "not-before-policy")]
    not_before_policy: i64,
}

fn user_answer(tokens: &UserTokens, id_token: Option<&str>) -> Response<Body> {
    let refresh = tokens.refresh.as_ref();
    let answer = UserAnswer {
        access_token: &tokens.access_token,
        expires_in: tokens.expires_in,
        token_type: "Bearer",
        scope: &tokens.scope,
        refresh_token: refresh.map(|(token, _)| token.expose()),
        refresh_expires_in: refresh.map_or(0, |(_, seconds)| *seconds),
        id_token,
        not_before_policy: 0,
    };
    no_store(web::json(StatusCode::OK, &answer))
}

fn required<'a>(form: &'a Form<'_>, name: &str) -> Result<&'a str, OAuthRejection> {
    form.get(name).ok_or_else(|| OAuthRejection::invalid_request(format!("{name} is missing.")))
}

fn invalid_grant(why: &str) -> OAuthRejection {
    let mut letters = why.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let sentence: String = first.into_iter().chain(letters).chain(std::iter::once('.')).collect();
    OAuthRejection::new(StatusCode::BAD_REQUEST, "invalid_grant", sentence)
}

impl From<PollRejection> for OAuthRejection {
    fn from(rejection: PollRejection) -> Self {
        let not_yet = |error, description: &str| Self::new(StatusCode::BAD_REQUEST, error, description);
        match rejection {
            PollRejection::Pending => not_yet("authorization_pending", "Nobody has decided yet: ask again."),
            PollRejection::SlowDown => {
                not_yet("slow_down", "That was too soon: wait 5 seconds longer between requests from now on.")
            }
            PollRejection::Denied => not_yet("access_denied", "The request was denied in the browser."),
            PollRejection::Expired => not_yet("expired_token", "It took too long: begin again."),
            PollRejection::Invalid(why) => invalid_grant(why),
            PollRejection::TooManyFailures(seconds) => ClientRejection::TooManyFailures(seconds).into(),
            PollRejection::Error(failure) => failure.into(),
        }
    }
}
