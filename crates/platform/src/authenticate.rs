//! Whose request it is: bearer tokens (RFC 6750), and challenges that say where to get one (RFC 9728 §5.1).

use crate::{Platform, errors, faults::Code, refusal::Refusal};
use domain::ClientSecret;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use service::{Ctx, Failure, Principal, tokens::TokenRefusal};
use web::bearer::{Presented, quotable};

/// Finds out who asks.
///
/// # Errors
/// There is no token, or it is not accepted, or it cannot be checked just now.
pub(crate) async fn authenticate(
    platform: &Platform,
    ctx: &Ctx,
    headers: &HeaderMap,
) -> Result<Principal, Refusal> {
    let token = match Presented::of(headers) {
        Presented::Token(token) => token,
        Presented::Nothing => return Err(challenge(platform, None)),
        Presented::Unusable(why) => return Err(challenge(platform, Some(why))),
    };
    platform.service().authenticate(ctx, token).await.map_err(|refusal| match refusal {
        TokenRefusal::Invalid(_) if ClientSecret::is_well_formed(token) => challenge(
            platform,
            Some("this is a client_secret, not an access token: exchange the API key first"),
        ),
        TokenRefusal::Invalid(why) => challenge(platform, Some(&why)),
        TokenRefusal::TooManyFailures(seconds) => too_many(seconds),
        TokenRefusal::Failure(failure) => failed(ctx, &failure),
    })
}

/// RFC 6750 §3: whoever presented no token is told how to get one, but of no error.
fn challenge(platform: &Platform, why: Option<&str>) -> Refusal {
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
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message);
    match HeaderValue::from_str(&value) {
        Ok(value) => refusal.with_header(header::WWW_AUTHENTICATE, value),
        Err(_) => refusal.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
    }
}

fn too_many(seconds: u64) -> Refusal {
    let message = format!("too many requests with bad tokens came from this address: wait {seconds} seconds");
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message)
        .with_header(header::RETRY_AFTER, web::retry_after(seconds))
}

fn failed(ctx: &Ctx, failure: &Failure) -> Refusal {
    errors::log(ctx, failure);
    let temporary = failure.is_temporary();
    let message = errors::internal_message(ctx, temporary);
    let status = if temporary { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    let refusal = Refusal::new(status, Code::Internal, message).with_request_id(&ctx.request_id);
    if temporary { refusal.with_header(header::RETRY_AFTER, web::retry_after(1)) } else { refusal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::negotiate::MediaType;
    use domain::Timestamp;
    use service::StoreError;

    fn answer(failure: StoreError) -> (StatusCode, HeaderMap) {
        let ctx = Ctx::background(Timestamp::from_seconds(0), "request-7");
        let refusal = failed(&ctx, &failure.into());
        assert!(!format!("{refusal:?}").contains("cause") && format!("{refusal:?}").contains("request-7"));
        let (parts, _) = refusal.into_response(MediaType::Json).into_parts();
        (parts.status, parts.headers)
    }

    #[test]
    fn a_failure_that_passes_asks_to_come_back() {
        let (status, headers) = answer(StoreError::Unavailable("the cause".into()));
        assert_eq!(
            (status, &headers[header::RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
        );
        let (status, headers) = answer(StoreError::Corrupt("the cause".into()));
        assert_eq!((status, headers.get(header::RETRY_AFTER)), (StatusCode::INTERNAL_SERVER_ERROR, None));
    }
}
