//! Whether an assertion opens a key that has no secret (RFC 7521, 7523 and 8693): a token that a workload's platform signed, or one
//! that the client signed itself.
//!
//! The request names the key, and nothing is searched. The checks are made in the order of `RejectionReason`. Why one failed is told
//! only to whoever presents a validly signed token whose pins match; everybody else gets one uniform rejection.

use super::client_authentication::{AuthenticatedClient, ClientRejection};
use crate::{
    RequestContext, Tokens,
    workloads::{KeySetPlace, KeySetUnavailable},
};
use domain::{
    ApiKey, KeyId, SecretDigest, Timestamp,
    workload::{
        AssertionRejection, Attempt, AuthenticationMethod, Claims, ClientKeys, Identity, RejectionReason,
        Report, Run, TimeWindow, WorkloadClaim, WorkloadIdentity, check, check_audience, check_only_audience,
        parse_claims,
    },
};
use jose::assertion::{Assertion, AssertionAlgorithm, CLIENT_ASSERTION_TYPES, KeySet, MAXIMUM_LENGTH};
use std::sync::Arc;
use store::{KeyForAssertion, SingleUse, UseUp};

/// The longest subject that an access token repeats, in characters.
const SUBJECT: usize = 300;

/// The algorithms that assertions may be signed with, by their names in RFC 7518 and 8037.
pub fn assertion_algorithms() -> [&'static str; 5] {
    AssertionAlgorithm::ALL.map(AssertionAlgorithm::as_str)
}

/// What a client presents instead of a secret.
#[derive(Clone, Copy)]
pub struct PresentedAssertion<'a> {
    /// The `client_id`, not yet checked. A client that signs its assertion itself may leave it out: the assertion names it.
    pub client_id: Option<&'a str>,
    /// The JWT.
    pub token: &'a str,
    /// Whether it came as a `client_assertion`. An assertion of the client's own counts there alone.
    pub is_client_assertion: bool,
}

/// What an assertion was accepted for, and what of it happens only once the exchange is granted.
#[derive(Debug)]
pub(crate) struct AcceptedAssertion {
    /// Which version of the key's identity it was checked against.
    pub(super) version: i64,
    /// The run that it was made for.
    pub(crate) workload: Option<Box<WorkloadClaim>>,
    single_use: Option<SingleUse>,
    claims: Claims,
}

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

/// A validly signed assertion, judged by everything but its `jti`'s first use.
struct Judged {
    outcome: Result<TimeWindow, AssertionRejection>,
    /// Whether it is of the workload or client that the key is for, so that whoever presents it may be told more.
    is_its_own: bool,
    /// Whether an Admin is shown that it was presented.
    is_noted: bool,
}

impl Tokens<'_> {
    /// Checks an assertion, but does not use it up yet.
    pub(super) async fn check_assertion(
        self,
        ctx: &RequestContext,
        presented: PresentedAssertion<'_>,
    ) -> Result<AuthenticatedClient, ClientRejection> {
        let refuse = |id, reason| Err(self.reject(ctx, id, ClientRejection::NotAccepted(reason)));
        if presented.token.len() > MAXIMUM_LENGTH {
            return refuse(None, RejectionReason::Size);
        }
        let assertion = match Assertion::parse(presented.token) {
            Ok(assertion) => assertion,
            Err(error) => return refuse(None, error.reason()),
        };
        let claimed = || assertion.claimed_client().filter(|_| presented.is_client_assertion);
        let client_id = presented.client_id.map(str::to_owned).or_else(claimed);
        let Some(id) = client_id.and_then(|id| KeyId::parse(&id).ok()) else {
            return refuse(None, RejectionReason::Key);
        };
        let Some(mut found) = self.find_for_assertion(ctx, &id).await? else {
            return refuse(Some(&id), RejectionReason::Key);
        };
        if found.identity.method() == AuthenticationMethod::PrivateKeyJwt && !presented.is_client_assertion {
            return refuse(Some(&id), RejectionReason::Key);
        }
        let (claims, waited) = match self.verified_claims(ctx, &id, &found.identity, &assertion).await {
            Ok(verified) => verified,
            Err(rejection) => return Err(self.reject(ctx, Some(&id), rejection)),
        };
        if waited {
            // The issuer's keys took a while: what was read before may have been changed or ended.
            match self.find_for_assertion(ctx, &id).await? {
                Some(again) if again.version == found.version => found = again,
                _ => return refuse(Some(&id), RejectionReason::Key),
            }
        }
        let judged = match &found.identity {
            Identity::WorkloadIdentity(workload) => self.judge_workload(ctx, workload, &claims),
            Identity::PrivateKeyJwt(_) => self.judge_own(ctx, &assertion, &claims),
        };
        let single_use = judged.outcome.and_then(|window| single_use(&id, &found.identity, &claims, window));
        let rejection = match single_use {
            Ok(_) if !found.key.credential_state.is_active(ctx.now) => {
                let at = found.key.credential_state.expires_at;
                ClientRejection::Assertion(AssertionRejection::new(
                    RejectionReason::Key,
                    format!(
                        "the API key expired at {at}; an Admin can renew it in Viewport under Settings > API Keys"
                    ),
                ))
            }
            Ok(single_use) => {
                let workload = found.identity.workload().map(|workload| Box::new(claim(workload, &claims)));
                let KeyForAssertion { key, version, .. } = found;
                let assertion = Box::new(AcceptedAssertion { version, workload, single_use, claims });
                return Ok(AuthenticatedClient { id, key, by_grace: false, assertion: Some(assertion) });
            }
            Err(rejection) => {
                let noted = judged.is_noted.then_some(&rejection);
                let shown = match found.identity.workload() {
                    _ if judged.is_its_own => ClientRejection::Assertion(rejection.clone()),
                    Some(workload) if judged.is_noted && workload.waits_until(ctx.now).is_some() => {
                        ClientRejection::Waiting
                    }
                    _ => ClientRejection::NotAccepted(rejection.reason),
                };
                let shown = self.reject(ctx, Some(&id), shown);
                if let (Some(noted), false) = (noted, matches!(shown, ClientRejection::TooManyFailures(_))) {
                    self.note_attempt(ctx, &id, &found.identity, &claims, noted).await;
                }
                return Err(shown);
            }
        };
        Err(self.reject(ctx, Some(&id), rejection))
    }

    /// Uses an assertion up that can be used once, on every node, when nothing else can reject the exchange any more.
    pub(super) async fn use_up(
        self,
        ctx: &RequestContext,
        client: &AuthenticatedClient,
    ) -> Result<(), ClientRejection> {
        let Some(AcceptedAssertion { single_use: Some(single_use), version, claims, .. }) =
            client.assertion.as_deref()
        else {
            return Ok(());
        };
        let epoch = client.key.credential_state.token_epoch;
        match self.0.store.use_up_assertion(*single_use, &client.id, *version, epoch, ctx.now).await? {
            UseUp::Done => Ok(()),
            UseUp::KeyChanged => {
                Err(self.reject(ctx, Some(&client.id), ClientRejection::NotAccepted(RejectionReason::Key)))
            }
            UseUp::UsedBefore => {
                let rejection = AssertionRejection::new(
                    RejectionReason::Replay,
                    "this token was exchanged before, and each can be exchanged once: get a new one from its issuer",
                );
                tracing::warn!(key = %client.id, "an assertion was presented that had been exchanged before");
                let shown = self.reject(ctx, Some(&client.id), ClientRejection::Assertion(rejection.clone()));
                if let Ok(Some(found)) = self.find_for_assertion(ctx, &client.id).await
                    && !matches!(shown, ClientRejection::TooManyFailures(_))
                {
                    self.note_attempt(ctx, &client.id, &found.identity, claims, &rejection).await;
                }
                Err(shown)
            }
        }
    }

    async fn find_for_assertion(
        self,
        ctx: &RequestContext,
        id: &KeyId,
    ) -> Result<Option<KeyForAssertion>, ClientRejection> {
        let ring = self.signing_ring();
        let kid = ring.kid(ctx.now).map_err(ClientRejection::Error)?;
        Ok(self.0.store.find_key_for_assertion(id, kid).await?)
    }

    /// The claims, once the issuer and the signature are known to be right; and whether that took waiting.
    async fn verified_claims(
        self,
        ctx: &RequestContext,
        id: &KeyId,
        identity: &Identity,
        assertion: &Assertion<'_>,
    ) -> Result<(Claims, bool), ClientRejection> {
        let issuer = match identity {
            Identity::WorkloadIdentity(workload) => workload.issuer.as_str(),
            Identity::PrivateKeyJwt(_) => id.as_str(),
        };
        if !assertion.claims_issuer(issuer) {
            return Err(ClientRejection::NotAccepted(RejectionReason::Issuer));
        }
        let (keys, waited) = self.key_set(ctx, identity, assertion.kid()).await;
        let keys = keys.map_err(|KeySetUnavailable(why)| ClientRejection::IssuerUnavailable(why))?;
        let payload = assertion
            .verify(&keys, &AssertionAlgorithm::ALL)
            .map_err(|error| ClientRejection::NotAccepted(error.reason()))?;
        let claims =
            parse_claims(&payload).map_err(|rejection| ClientRejection::NotAccepted(rejection.reason))?;
        Ok((claims, waited))
    }

    async fn key_set(
        self,
        ctx: &RequestContext,
        identity: &Identity,
        kid: Option<&str>,
    ) -> (Result<Arc<KeySet>, KeySetUnavailable>, bool) {
        match place_of(identity) {
            Ok(place) => self.0.issuers.keys(ctx, &place, kid).await,
            Err(jwks) => (self.0.issuers.pasted(jwks), false),
        }
    }

    fn judge_workload(self, ctx: &RequestContext, workload: &WorkloadIdentity, claims: &Claims) -> Judged {
        let preset = workload.preset;
        let audience = workload.audience.as_deref().unwrap_or(&self.0.policy.issuer);
        let report =
            workload.conditions().map(|conditions| check(conditions, claims, &workload.accepted_dangers()));
        let times = TimeWindow::of_workload(claims, preset.longest_lifetime_seconds(), ctx.now);
        let for_us = check_audience(claims, audience);
        let is_noted =
            for_us.is_ok() && times.is_ok() && (report.is_some() || workload.waits_until(ctx.now).is_some());
        let is_its_own = report.as_ref().is_some_and(Report::pins_match);
        let outcome = times.and_then(|window| {
            for_us?;
            match &report {
                Some(report) => report.require_match()?,
                None => {
                    return Err(AssertionRejection::new(
                        RejectionReason::Pins,
                        "no workload is allowed to use this key yet",
                    ));
                }
            }
            Ok(window)
        });
        Judged { outcome, is_its_own, is_noted }
    }

    fn judge_own(self, ctx: &RequestContext, assertion: &Assertion<'_>, claims: &Claims) -> Judged {
        let types = if self.0.policy.client_assertion_type_required {
            CLIENT_ASSERTION_TYPES.get(..1).unwrap_or_default()
        } else {
            &CLIENT_ASSERTION_TYPES[..]
        };
        let is_its_own = claims.get("sub") == claims.get("iss");
        let outcome = TimeWindow::of_client_assertion(claims, ctx.now).and_then(|window| {
            assertion.require_type(types)?;
            if !is_its_own {
                let message = "`sub` must be the client_id, as `iss` is";
                return Err(AssertionRejection::new(RejectionReason::Pins, message));
            }
            check_only_audience(claims, &self.0.policy.issuer).map(|()| window)
        });
        Judged { outcome, is_its_own, is_noted: false }
    }

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
                let judged = self.judge_own(ctx, &assertion, &claims);
                let outcome =
                    judged.outcome.as_ref().map(|_| "right".to_owned()).map_err(ToString::to_string);
                report.push("sub, aud, exp, typ", "as RFC 7523 asks", outcome);
                judged.outcome.ok()
            }
        };
        if let Some(window) = window {
            self.report_single_use(key, identity, &claims, window, &mut report).await?;
        }
        Ok(report)
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
        let until = |window: &TimeWindow| format!("until {}", Timestamp::from_seconds(window.expires_at));
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

    /// Notes for the Admin who asked. It costs the caller nothing but its time if it fails.
    async fn note_attempt(
        self,
        ctx: &RequestContext,
        id: &KeyId,
        identity: &Identity,
        claims: &Claims,
        rejection: &AssertionRejection,
    ) {
        let Some(workload) = identity.workload() else { return };
        let run = claim(workload, claims);
        let who = run.repository.as_deref().or(run.subject.as_deref()).unwrap_or_default();
        let digits = |text: &str, count| {
            jose::hex(&jose::sha256(text.as_bytes())).chars().take(count).collect::<String>()
        };
        let telling = workload.preset.telling_claims(claims, workload.conditions());
        let told = serde_json::json!([rejection.reason.as_str(), telling]).to_string();
        let attempt = Attempt {
            id: digits(who, 16) + &digits(&told, 32),
            key_id: id.clone(),
            at: ctx.now,
            times: 1,
            reason: rejection.reason.as_str().to_owned(),
            message: rejection.message.clone(),
            claims: serde_json::Value::Object(claims.clone()).to_string(),
            address: ctx.address_text(),
        };
        if let Err(error) = self.write_attempt(&attempt).await {
            tracing::warn!(key = %id, "cannot note an attempt: {error}");
        }
    }

    async fn write_attempt(self, attempt: &Attempt) -> crate::Result<()> {
        let mut transaction = self.0.store.begin().await?;
        transaction.note_attempt(attempt).await?;
        Ok(transaction.commit().await?)
    }
}

/// Where the keys are that verify what is presented, or the keys themselves as a JWKS.
pub(crate) fn place_of(identity: &Identity) -> Result<KeySetPlace, &str> {
    match identity {
        Identity::WorkloadIdentity(workload) => match &workload.key_set {
            Some(pasted) => Err(pasted),
            None => Ok(KeySetPlace::OfIssuer(workload.issuer.clone())),
        },
        Identity::PrivateKeyJwt(ClientKeys::KeySet(pasted)) => Err(pasted),
        Identity::PrivateKeyJwt(ClientKeys::Url(url)) => Ok(KeySetPlace::At(url.clone())),
    }
}

/// The run that a token was made for, as access tokens carry it.
fn claim(workload: &WorkloadIdentity, claims: &Claims) -> WorkloadClaim {
    let run = Run::of(workload.preset, &workload.issuer, claims);
    let subject = claims.get("sub").and_then(serde_json::Value::as_str);
    WorkloadClaim {
        issuer: workload.issuer.as_str().to_owned(),
        subject: subject.map(|subject| domain::text::shown(subject, SUBJECT)),
        run: run.title,
        run_url: run.url,
        repository: run.repository,
        reference: run.reference,
        commit: run.commit,
        actor: run.actor,
        workflow: run.workflow,
    }
}

/// What is used up by the exchange, if the token can be used once.
fn single_use(
    id: &KeyId,
    identity: &Identity,
    claims: &Claims,
    window: TimeWindow,
) -> Result<Option<SingleUse>, AssertionRejection> {
    let jti = claims.get("jti").and_then(serde_json::Value::as_str).filter(|jti| !jti.is_empty());
    let (issuer, is_required) = match identity {
        Identity::WorkloadIdentity(workload) if !workload.uses_up_tokens() => return Ok(None),
        Identity::WorkloadIdentity(workload) => {
            (workload.issuer.as_str(), workload.preset.has_token_id() || claims.contains_key("jti"))
        }
        Identity::PrivateKeyJwt(_) => (id.as_str(), true),
    };
    match jti {
        Some(jti) => {
            let digest = SecretDigest(jose::sha256(format!("{issuer}\0{jti}").as_bytes()));
            let expires_at = Timestamp::from_seconds(window.remembered_until());
            Ok(Some(SingleUse { digest, expires_at }))
        }
        None if is_required => Err(AssertionRejection::new(
            RejectionReason::TokenId,
            "the token has no `jti`, or one that is no text; without it nobody can tell that it is used once",
        )),
        None => Ok(None),
    }
}
