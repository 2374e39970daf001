//! What a token would come to, check by check, for an Admin who tries it before it is trusted.

use super::{ClientRejection, OwnChecks, SUBJECT, assertion_algorithms, claim, single_use};
use crate::{RequestContext, Tokens, workloads::KeySetUnavailable};
use domain::{
    ApiKey, Timestamp,
    workload::{
        ASSERTION_LIFETIME_SECONDS, AssertionRejection, Claims, Identity, TimeWindow, WorkloadClaim,
        WorkloadIdentity, check, check_audience, parse_claims,
    },
};
use jose::assertion::{Assertion, AssertionAlgorithm};

/// What a token would come to: every check of an exchange in its order, up to the first that has to hold for the next to make sense.
#[derive(Debug, Clone)]
pub struct TokenReport {
    /// The checks.
    pub checks: Vec<TokenCheck>,
    /// The run that the token was made for, if its signature is right.
    pub run: Option<WorkloadClaim>,
}

/// One check of a token.
#[derive(Debug, Clone)]
pub struct TokenCheck {
    /// Which one, as a person says it: a claim's name, or what is looked at.
    pub name: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub got: String,
    /// Whether that is enough.
    pub is_passed: bool,
}

impl TokenReport {
    /// Whether an exchange would be granted.
    pub fn is_accepted(&self) -> bool {
        self.checks.iter().all(|check| check.is_passed)
    }

    fn push(&mut self, name: &str, expected: impl Into<String>, outcome: Result<String, String>) -> bool {
        let is_passed = outcome.is_ok();
        let got = outcome.unwrap_or_else(|why| why);
        self.checks.push(TokenCheck { name: name.to_owned(), expected: expected.into(), got, is_passed });
        is_passed
    }
}

fn until(window: &TimeWindow) -> String {
    format!("until {}", Timestamp::from_seconds(window.expires_at))
}

impl Tokens<'_> {
    /// Judges a token for an Admin, check by check. It is not used up.
    pub(crate) async fn report(
        self,
        ctx: &RequestContext,
        key: &ApiKey,
        identity: &Identity,
        token: &str,
    ) -> Result<TokenReport, ClientRejection> {
        let mut report = TokenReport { checks: Vec::new(), run: None };
        let token = token.trim();
        let algorithms = assertion_algorithms().join(", ");
        let assertion = match Assertion::parse(token) {
            Ok(assertion) => assertion,
            Err(error) => {
                report.push("form", format!("a JWT signed with {algorithms}"), Err(error.to_string()));
                return Ok(report);
            }
        };
        report.push("form", "a signed JWT", Ok(format!("a JWT signed with {}", assertion.algorithm())));
        let state = key.credential_state();
        let until = format!("expires at {}", key.expires_at);
        report.push("key", "Active", if state.is_active(ctx.now) { Ok(until) } else { Err(until) });
        let issuer = match identity {
            Identity::WorkloadIdentity(workload) => workload.issuer.as_str(),
            Identity::PrivateKeyJwt(_) => key.id.as_str(),
        };
        let named = assertion.claimed_issuer().map(|named| domain::text::shown(&named, SUBJECT));
        let named = named.unwrap_or_else(|| "missing".to_owned());
        let is_issuer = assertion.claims_issuer(issuer);
        if !report.push("iss", issuer, if is_issuer { Ok(named) } else { Err(named) }) {
            return Ok(report);
        }
        let (keys, _) = self.key_set(ctx, identity, assertion.kid()).await;
        let verified = keys
            .map_err(|KeySetUnavailable(why)| why)
            .and_then(|keys| assertion.verify(&keys, &AssertionAlgorithm::ALL).map_err(|why| why.to_string()))
            .and_then(|payload| parse_claims(&payload).map_err(|why| why.to_string()));
        let claims = match verified {
            Ok(claims) => claims,
            Err(why) => {
                report.push("signature", "by a key of the issuer's", Err(why));
                return Ok(report);
            }
        };
        report.push("signature", "by a key of the issuer's", Ok("right".to_owned()));
        let window = match identity {
            Identity::WorkloadIdentity(workload) => {
                report.run = Some(claim(workload, &claims));
                self.report_workload(ctx, workload, &claims, &mut report)
            }
            Identity::PrivateKeyJwt(_) => {
                self.report_own(ctx, key, self.own_checks(ctx, &assertion, &claims), &mut report)
            }
        };
        if let Some(window) = window {
            self.report_single_use(key, identity, &claims, window, &mut report).await?;
        }
        Ok(report)
    }

    fn report_own(
        self,
        ctx: &RequestContext,
        key: &ApiKey,
        checks: OwnChecks,
        report: &mut TokenReport,
    ) -> Option<TimeWindow> {
        let said = |outcome: Result<(), AssertionRejection>| {
            outcome.map(|()| "right".to_owned()).map_err(|why| why.to_string())
        };
        let types: Vec<_> = self.client_assertion_types().iter().map(|name| name.unwrap_or("none")).collect();
        report.push("typ", types.join(" or "), said(checks.kind));
        report.push("sub", key.id.as_str(), said(checks.subject));
        report.push(
            "exp, nbf, iat",
            format!(
                "valid at {}, for at most {ASSERTION_LIFETIME_SECONDS} seconds",
                ctx.now.to_whole_second()
            ),
            checks.times.as_ref().map(until).map_err(ToString::to_string),
        );
        report.push("aud", format!("{} and nothing else", self.0.policy.issuer), said(checks.audience));
        checks.times.ok()
    }

    fn report_workload(
        self,
        ctx: &RequestContext,
        workload: &WorkloadIdentity,
        claims: &Claims,
        report: &mut TokenReport,
    ) -> Option<TimeWindow> {
        let longest = workload.preset.longest_lifetime_seconds();
        let times = TimeWindow::of_workload(claims, longest, ctx.now);
        report.push(
            "exp, nbf, iat",
            format!("valid at {}, for at most {longest} seconds", ctx.now.to_whole_second()),
            times.as_ref().map(until).map_err(ToString::to_string),
        );
        let audience = workload.audience.as_deref().unwrap_or(&self.0.policy.issuer);
        let for_us = check_audience(claims, audience);
        report.push("aud", audience, for_us.map(|()| audience.to_owned()).map_err(|why| why.to_string()));
        match workload.conditions() {
            None => {
                report.push(
                    "conditions",
                    "allowed by an Admin",
                    Err("this key waits for its first run".to_owned()),
                );
            }
            Some(conditions) => {
                let checked = check(conditions, claims, &workload.accepted_dangers());
                report.checks.extend(checked.checks().map(|check| TokenCheck {
                    name: check.claim.to_string(),
                    expected: check.expected.clone(),
                    got: check.got.clone(),
                    is_passed: check.is_match,
                }));
            }
        }
        times.ok()
    }

    async fn report_single_use(
        self,
        key: &ApiKey,
        identity: &Identity,
        claims: &Claims,
        window: TimeWindow,
        report: &mut TokenReport,
    ) -> Result<(), ClientRejection> {
        let outcome = match single_use(&key.id, identity, claims, window) {
            Ok(None) => return Ok(()),
            Err(rejection) => Err(rejection.message),
            Ok(Some(single_use)) => {
                let mut reader = self.0.store.reader().await?;
                if reader.is_assertion_used(single_use).await? {
                    Err("exchanged before".to_owned())
                } else {
                    Ok("not exchanged yet".to_owned())
                }
            }
        };
        report.push("jti", "exchanged once at most", outcome);
        Ok(())
    }
}
