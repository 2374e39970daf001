//! The claims that every token is judged by (RFC 7519 §4.1): its times and its audience.

use super::{AssertionRejection, Claims, RejectionReason};
use crate::{Timestamp, text::shown};
use serde_json::Value;

/// How far an issuer's clock may be from ours, in seconds.
pub const TOLERANCE_SECONDS: i64 = 60;
/// How far ahead `exp` of a client's own assertion may be, in seconds (RFC 7523 §3: "an unreasonably long time").
pub const ASSERTION_LIFETIME_SECONDS: i64 = 300;

/// The end of the year 9999: what comes later is no date but a mistake, and sums with it could overflow.
const LAST_SECOND: i64 = 253_402_300_799;
/// The longest text of a claim that is shown, in characters.
const SHOWN: usize = 200;

/// When a token is valid, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// `iat`, if it has one.
    pub issued_at: Option<i64>,
    /// `nbf`, if it has one.
    pub not_before: Option<i64>,
    /// `exp`.
    pub expires_at: i64,
}

impl TimeWindow {
    /// Checks the times of a workload's token. It lives from `iat` (from `now`, if it has none) to `exp`, at most
    /// `longest_seconds`. Every comparison allows [`TOLERANCE_SECONDS`].
    ///
    /// # Errors
    /// In this order: `exp` missing, or a time that is no whole number of seconds from 1970 to 9999; expired; not yet valid; issued
    /// in the future; too long a life.
    pub fn of_workload(
        claims: &Claims,
        longest_seconds: i64,
        now: Timestamp,
    ) -> Result<Self, AssertionRejection> {
        let window = Self::at(claims, now)?;
        window.check_life(window.issued_at.unwrap_or(now.seconds()), longest_seconds)?;
        Ok(window)
    }

    /// Checks the times of a client's own assertion: `exp` is at most [`ASSERTION_LIFETIME_SECONDS`] ahead.
    ///
    /// # Errors
    /// As [`Self::of_workload`].
    pub fn of_client_assertion(claims: &Claims, now: Timestamp) -> Result<Self, AssertionRejection> {
        let window = Self::at(claims, now)?;
        window.check_life(now.seconds(), ASSERTION_LIFETIME_SECONDS)?;
        Ok(window)
    }

    /// The last second at which the token can still be accepted: until then its `jti` is remembered.
    pub const fn remembered_until(self) -> i64 {
        self.expires_at.saturating_add(TOLERANCE_SECONDS)
    }

    fn at(claims: &Claims, now: Timestamp) -> Result<Self, AssertionRejection> {
        let expires_at = time(claims, "exp")?.ok_or_else(|| {
            AssertionRejection::new(
                RejectionReason::Times,
                "the token has no `exp`; one that ends is required",
            )
        })?;
        let window = Self { expires_at, not_before: time(claims, "nbf")?, issued_at: time(claims, "iat")? };
        let now = now.seconds();
        let latest = now.saturating_add(TOLERANCE_SECONDS);
        if window.remembered_until() <= now {
            let message = format!("`exp` must be after {}; it is {}", date(now), date(expires_at));
            return Err(AssertionRejection::new(RejectionReason::Expired, message));
        }
        let later = |name: &str, at: i64, reason| {
            let message = format!("`{name}` must not be after {}; it is {}", date(now), date(at));
            Err(AssertionRejection::new(reason, message))
        };
        match (window.not_before, window.issued_at) {
            (Some(at), _) if at > latest => later("nbf", at, RejectionReason::NotYetValid),
            (_, Some(at)) if at > latest => later("iat", at, RejectionReason::IssuedInFuture),
            _ => Ok(window),
        }
    }

    fn check_life(self, from: i64, longest_seconds: i64) -> Result<(), AssertionRejection> {
        let seconds = self.expires_at.saturating_sub(from);
        if seconds <= longest_seconds.saturating_add(TOLERANCE_SECONDS) {
            return Ok(());
        }
        let message = format!("the token must live at most {longest_seconds} seconds; it lives {seconds}");
        Err(AssertionRejection::new(RejectionReason::Lifetime, message))
    }
}

/// A `NumericDate` (RFC 7519 §2) in whole seconds.
fn time(claims: &Claims, name: &str) -> Result<Option<i64>, AssertionRejection> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_i64() {
        Some(seconds) if (0..=LAST_SECOND).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(AssertionRejection::new(
            RejectionReason::Times,
            format!(
                "`{name}` must be a whole number of seconds since 1970; it is {}",
                shown(&value.to_string(), SHOWN)
            ),
        )),
    }
}

fn date(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Checks that a workload's token is for `audience`: `aud` is that text, or a list with it, byte for byte (RFC 7519 §4.1.3).
///
/// # Errors
/// Missing, neither a text nor a list of texts, or without `audience`.
pub fn check_audience(claims: &Claims, audience: &str) -> Result<(), AssertionRejection> {
    match audiences(claims) {
        Some(named) if named.contains(&audience) => Ok(()),
        _ => Err(wrong_audience(claims, &format!("must contain {audience}"))),
    }
}

/// Checks that a client's own assertion is for `issuer`, this authorization server, and nobody else: `aud` is that text, or a list
/// of it alone.
///
/// # Errors
/// Missing, neither a text nor a list of texts, or with anything else in it.
pub fn check_only_audience(claims: &Claims, issuer: &str) -> Result<(), AssertionRejection> {
    match audiences(claims).as_deref() {
        Some([only]) if *only == issuer => Ok(()),
        _ => Err(wrong_audience(claims, &format!("must be {issuer} and nothing else"))),
    }
}

fn audiences(claims: &Claims) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn wrong_audience(claims: &Claims, expected: &str) -> AssertionRejection {
    let got = match claims.get("aud") {
        None => "missing".to_owned(),
        Some(Value::String(one)) => shown(one, SHOWN),
        Some(other) => shown(&other.to_string(), SHOWN),
    };
    AssertionRejection::new(RejectionReason::Audience, format!("`aud` {expected}; it is {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const HOUR: i64 = 3600;

    fn claims(value: Value) -> Claims {
        let Value::Object(claims) = value else { panic!("no object") };
        claims
    }

    fn workload(value: Value) -> Result<TimeWindow, RejectionReason> {
        TimeWindow::of_workload(&claims(value), HOUR, NOW).map_err(|rejection| rejection.reason)
    }

    #[test]
    fn a_token_is_accepted_within_its_times_and_a_minute() {
        use RejectionReason::{Expired, IssuedInFuture, Lifetime, NotYetValid};
        let now = NOW.seconds();
        let accepted = TimeWindow { issued_at: Some(now), not_before: Some(now - 5), expires_at: now + 300 };
        assert_eq!(workload(json!({ "iat": now, "nbf": now - 5, "exp": now + 300 })), Ok(accepted));
        for (value, reason) in [
            (json!({ "iat": now - 300, "exp": now - 59 }), None),
            (json!({ "iat": now - 300, "exp": now - 60 }), Some(Expired)),
            (json!({ "nbf": now + 60, "iat": now, "exp": now + 300 }), None),
            (json!({ "nbf": now + 61, "iat": now, "exp": now + 300 }), Some(NotYetValid)),
            (json!({ "iat": now + 60, "exp": now + 300 }), None),
            (json!({ "iat": now + 61, "exp": now + 300 }), Some(IssuedInFuture)),
            (json!({ "iat": now, "exp": now + HOUR + 60 }), None),
            (json!({ "iat": now, "exp": now + HOUR + 61 }), Some(Lifetime)),
            (json!({ "iat": now - HOUR, "exp": now + 61 }), Some(Lifetime)),
            (json!({ "exp": now + HOUR + 60 }), None),
            (json!({ "exp": now + HOUR + 61 }), Some(Lifetime)),
            // A legacy token of Kubernetes for its own API: a year (KEP-1205).
            (json!({ "iat": now, "exp": now + 365 * 86_400 }), Some(Lifetime)),
        ] {
            assert_eq!(workload(value.clone()).err(), reason, "{value}");
        }
    }

    #[test]
    fn times_that_are_no_dates_are_rejected() {
        let now = NOW.seconds();
        assert_eq!(workload(json!({ "iat": now })), Err(RejectionReason::Times));
        for bad in [
            json!(null),
            json!("1800000000"),
            json!(1.8e9),
            json!(1_800_000_000.5),
            json!(-1),
            json!(i64::MIN),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e300),
            json!([now]),
            json!(true),
        ] {
            for name in ["exp", "nbf", "iat"] {
                let mut value = claims(json!({ "iat": now, "nbf": now, "exp": now + 300 }));
                value.insert(name.to_owned(), bad.clone());
                let rejection = TimeWindow::of_workload(&value, HOUR, NOW).unwrap_err();
                assert_eq!(rejection.reason, RejectionReason::Times, "{name} {bad}");
                assert!(rejection.message.contains(name), "{rejection}");
            }
        }
    }

    #[test]
    fn a_clients_own_assertion_ends_within_five_minutes() {
        let now = NOW.seconds();
        let check = |value| {
            TimeWindow::of_client_assertion(&claims(value), NOW).map_err(|rejection| rejection.reason)
        };
        assert!(check(json!({ "exp": now + 360 })).is_ok());
        assert_eq!(check(json!({ "exp": now + 361 })), Err(RejectionReason::Lifetime));
        assert_eq!(check(json!({ "iat": now + 61, "exp": now + 90 })), Err(RejectionReason::IssuedInFuture));
        assert_eq!(check(json!({})), Err(RejectionReason::Times));
    }

    #[test]
    fn an_audience_is_equal_byte_for_byte() {
        let ours = "https://duku.example/realms/duku";
        for (aud, for_us, for_us_alone) in [
            (json!(ours), true, true),
            (json!([ours]), true, true),
            (json!([ours, "other"]), true, false),
            (json!([ours, ours]), true, false),
            (json!("https://duku.example/realms/duku/"), false, false),
            (json!("https://Duku.example/realms/duku"), false, false),
            (json!("https://duku.example/realms/duku.evil.example"), false, false),
            (json!([[ours]]), false, false),
            (json!([ours, 1]), false, false),
            (json!({ ours: ours }), false, false),
            (json!([]), false, false),
            (json!(null), false, false),
        ] {
            let claims = claims(json!({ "aud": aud }));
            assert_eq!(check_audience(&claims, ours).is_ok(), for_us, "{aud}");
            assert_eq!(check_only_audience(&claims, ours).is_ok(), for_us_alone, "{aud}");
        }
        let rejection = check_audience(&claims(json!({ "aud": "a\u{202E}b" })), ours).unwrap_err();
        assert_eq!(rejection.reason, RejectionReason::Audience);
        assert_eq!(rejection.message, format!("`aud` must contain {ours}; it is a<U+202E>b"));
        assert!(check_audience(&Claims::new(), ours).unwrap_err().message.ends_with("missing"));
    }

    proptest! {
        #[test]
        fn whatever_the_times_are_an_accepted_token_is_of_now(
            exp in any::<i64>(), nbf in any::<Option<i64>>(), iat in any::<Option<i64>>(), near in any::<bool>(), now in 0..=LAST_SECOND,
        ) {
            let place = |at: i64| if near { now.saturating_add(at % 4000) } else { at };
            let mut value = json!({ "exp": place(exp) });
            for (name, at) in [("nbf", nbf), ("iat", iat)] {
                if let Some(at) = at {
                    value[name] = place(at).into();
                }
            }
            if let Ok(window) = TimeWindow::of_workload(&claims(value), HOUR, Timestamp::from_seconds(now)) {
                prop_assert!(window.expires_at + TOLERANCE_SECONDS > now);
                prop_assert!(window.expires_at <= now + HOUR + 2 * TOLERANCE_SECONDS);
                prop_assert!(window.issued_at.is_none_or(|at| at <= now + TOLERANCE_SECONDS));
                prop_assert!(window.not_before.is_none_or(|at| at <= now + TOLERANCE_SECONDS));
            }
        }
    }
}
