//! Whose request it is: bearer tokens (RFC 6750), challenges that say where to get one (RFC 9728 §5.1), and the sessions of
//! people in Viewport.

use crate::{Platform, errors, http::rejection::RequestRejection, operation::request_errors::Code};
use domain::{ClientSecret, authority::TokenClaims};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use service::{Error, Principal, RequestContext, tokens::TokenRejection};
use std::sync::Arc;
use web::{
    Cookie,
    bearer::{BearerToken, quotable},
};

/// What a request shows, as far as it can be verified before the body is read.
pub(crate) enum VerifiedCredential {
    /// An access token that was signed here.
    Token(Arc<TokenClaims>),
    /// A cookie of a session in Viewport, which is looked up once the body is there.
    Session(String),
}

/// Checks what a request shows before its body is read, so that strangers have none read. It decides nothing yet.
///
/// # Errors
/// There is nothing to authenticate with, or it is not ours.
pub(crate) async fn verify(
    platform: &Platform,
    ctx: &RequestContext,
    headers: &HeaderMap,
) -> Result<VerifiedCredential, RequestRejection> {
    match BearerToken::of(headers) {
        BearerToken::Token(token) => {
            let verified = platform.service().tokens().verify(ctx, token).await;
            verified.map(VerifiedCredential::Token).map_err(|rejection| match rejection {
                TokenRejection::Invalid(_) if ClientSecret::is_well_formed(token) => challenge(
                    platform,
                    Some("this is a client_secret, not an access token: exchange the API key first"),
                ),
                rejection => rejected(platform, ctx, rejection),
            })
        }
        BearerToken::Nothing => {
            let cookie = session_cookie(platform, headers).ok_or_else(|| challenge(platform, None))?;
            // Also where it only reads: a browser sends the cookie along, whichever site's page it was that asked.
            if !web::origin::is_own(&Method::POST, headers, session_cookie_of(platform).is_secure()) {
                tracing::warn!("rejected a query that another site had a browser make");
                return Err(forbidden(
                    "a session in Viewport counts for Viewport's own pages alone: other pages and programs send an access token",
                ));
            }
            Ok(VerifiedCredential::Session(cookie.to_owned()))
        }
        BearerToken::Unusable(why) => Err(challenge(platform, Some(why))),
    }
}

/// Finds out who asks, now that the request is whole.
///
/// # Errors
/// What was proved is not accepted any more, or cannot be checked just now.
pub(crate) async fn authenticate(
    platform: &Platform,
    ctx: &RequestContext,
    credential: &VerifiedCredential,
) -> Result<Principal, RequestRejection> {
    match credential {
        VerifiedCredential::Token(claims) => {
            let accepted = platform.service().tokens().authenticate_verified(ctx, claims).await;
            accepted.map_err(|rejection| rejected(platform, ctx, rejection))
        }
        VerifiedCredential::Session(cookie) => Box::pin(by_session(platform, ctx, cookie)).await,
    }
}

fn rejected(platform: &Platform, ctx: &RequestContext, rejection: TokenRejection) -> RequestRejection {
    match rejection {
        TokenRejection::Invalid(why) => challenge(platform, Some(&why)),
        TokenRejection::Ended(ended) => challenge(platform, Some(&ended.message())),
        TokenRejection::TooManyFailures(seconds) => too_many(seconds),
        TokenRejection::Error(error) => failed(ctx, &error),
    }
}

/// Makes sure that whoever asked may still have an answer that took its time.
///
/// # Errors
/// Whatever the request stood on has ended meanwhile.
pub(crate) async fn confirm(
    platform: &Platform,
    ctx: &RequestContext,
    principal: &Principal,
) -> Result<(), RequestRejection> {
    platform.service().confirm(ctx, principal).await.map_err(|error| match error {
        Error::Rejection(reject) => challenge(platform, Some(&reject.message())),
        error => failed(ctx, &error),
    })
}

fn session_cookie_of(platform: &Platform) -> Cookie {
    Cookie::session(platform.service().policy().viewport.starts_with("https://"))
}

/// The cookie of a session in Viewport, which counts only where there is no `Authorization` header of any kind.
fn session_cookie<'h>(platform: &Platform, headers: &'h HeaderMap) -> Option<&'h str> {
    let cookie = session_cookie_of(platform).read(headers);
    cookie.filter(|_| !headers.contains_key(header::AUTHORIZATION))
}

/// A person whose browser sends the cookie of a session in Viewport.
async fn by_session(
    platform: &Platform,
    ctx: &RequestContext,
    cookie: &str,
) -> Result<Principal, RequestRejection> {
    let policy = platform.service().policy();
    let user = platform.service().users().find_current_user(ctx, cookie).await;
    let user = user.map_err(|error| failed(ctx, &error))?;
    let user = user.ok_or_else(|| challenge(platform, None))?;
    let Some(principal) = user.principal else {
        return Err(forbidden(
            "you belong to no organisation: ask an Admin for an invitation, and open its link",
        ));
    };
    if user.must_give_second_factor {
        return Err(forbidden(format!(
            "{} requires a second factor: give it at {}/account/second-factor",
            principal.organisation_name, policy.viewport
        )));
    }
    Ok(principal)
}

fn forbidden(message: impl Into<String>) -> RequestRejection {
    RequestRejection::new(StatusCode::FORBIDDEN, Code::Forbidden, message)
}

/// RFC 6750 §3: whoever presented no token is told how to get one, but of no error.
fn challenge(platform: &Platform, why: Option<&str>) -> RequestRejection {
    let metadata = &platform.settings().resource_metadata_url;
    let value = match why {
        Some(why) => format!(
            "Bearer error=\"invalid_token\", error_description=\"{}\", resource_metadata=\"{metadata}\"",
            quotable(why)
        ),
        None => format!("Bearer resource_metadata=\"{metadata}\""),
    };
    let message = why.map_or_else(
        || {
            format!(
                "send an access token, as the header Authorization: Bearer <token>; an API key is exchanged for one at \
                 {}/protocol/openid-connect/token",
                platform.service().policy().issuer
            )
        },
        str::to_owned,
    );
    let rejection = RequestRejection::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message);
    match HeaderValue::from_str(&value) {
        Ok(value) => rejection.with_header(header::WWW_AUTHENTICATE, value),
        Err(_) => rejection.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
    }
}

fn too_many(seconds: u64) -> RequestRejection {
    let message = format!("too many requests with bad tokens came from this address: wait {seconds} seconds");
    RequestRejection::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message)
        .with_header(header::RETRY_AFTER, web::retry_after(seconds))
}

fn failed(ctx: &RequestContext, error: &Error) -> RequestRejection {
    let temporary = error.is_temporary();
    let message = errors::internal_message(ctx, temporary);
    let status = if temporary { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    let rejection = RequestRejection::new(status, Code::Internal, message)
        .with_request_id(&ctx.request_id)
        .because(error);
    if temporary { rejection.with_header(header::RETRY_AFTER, web::retry_after(1)) } else { rejection }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::negotiate::MediaType;
    use domain::Timestamp;
    use service::StoreError;

    async fn answer(error: StoreError) -> (StatusCode, HeaderMap) {
        let ctx = RequestContext::background(Timestamp::from_seconds(0), "request-7");
        let rejection = failed(&ctx, &error.into());
        let (parts, body) = rejection.into_response(MediaType::Json).into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(!text.contains("the cause") && text.contains("request-7"), "{text}");
        (parts.status, parts.headers)
    }

    #[tokio::test]
    async fn a_failure_that_passes_asks_to_come_back() {
        let (status, headers) = answer(StoreError::Unavailable("the cause".into())).await;
        assert_eq!(
            (status, &headers[header::RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
        );
        let (status, headers) = answer(StoreError::Corrupt("the cause".into())).await;
        assert_eq!((status, headers.get(header::RETRY_AFTER)), (StatusCode::INTERNAL_SERVER_ERROR, None));
    }
}
