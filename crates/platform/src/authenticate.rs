//! Whose request it is: bearer tokens (RFC 6750), and challenges that say where to get one (RFC 9728 §5.1).

use crate::{Platform, errors, faults::Code, refusal::Refusal};
use domain::ClientSecret;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use service::{Ctx, Failure, Principal, tokens::TokenRefusal};

/// Finds out who asks.
///
/// # Errors
/// There is no token, or it is not accepted, or it cannot be checked just now.
pub(crate) async fn authenticate(
    platform: &Platform,
    ctx: &Ctx,
    headers: &HeaderMap,
) -> Result<Principal, Refusal> {
    let token = match presented(headers) {
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

enum Presented<'a> {
    Token(&'a str),
    /// No credentials, or some of a kind that this API does not know.
    Nothing,
    Unusable(&'static str),
}

fn presented(headers: &HeaderMap) -> Presented<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Presented::Nothing,
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Presented::Unusable("send exactly one Authorization header"),
    };
    let Ok(text) = value.to_str() else {
        return Presented::Unusable("the Authorization header holds characters that no token has");
    };
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Presented::Nothing;
    }
    match token.trim() {
        "" => Presented::Unusable("no token stands behind Bearer"),
        token => Presented::Token(token),
    }
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

/// RFC 6750 §3: `error_description` has no quotes, no backslash and nothing beyond printable ASCII.
fn quotable(text: &str) -> String {
    let quotable = |c: char| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().map(quotable).collect()
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

    #[test]
    fn descriptions_keep_to_the_characters_of_rfc_6750() {
        assert_eq!(quotable("a \"b\" \\ c\nü~"), "a 'b' ' c??~");
    }
}
