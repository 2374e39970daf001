//! Whether an assertion opens a key that has no secret (RFC 7521, 7523 and 8693): a token that a workload's platform signed, or one
//! that the client signed itself.
//!
//! The request names the key, and nothing is searched. The checks are made in the order of `RejectionReason`. Why one failed is told
//! only to whoever presents a validly signed token whose pins match; everybody else gets one uniform rejection.

mod report;

use super::client_authentication::{AuthenticatedClient, ClientRejection};
use crate::{
    RequestContext, Tokens,
    workloads::{KeySetPlace, KeySetUnavailable},
};
use domain::{
    KeyId, SecretDigest, Timestamp,
    workload::{
        AssertionRejection, Attempt, AuthenticationMethod, Claims, ClientKeys, Identity, RejectionReason,
        Report, Run, TimeWindow, WorkloadClaim, WorkloadIdentity, check, check_audience, check_only_audience,
        parse_claims,
    },
};
use jose::assertion::{Assertion, AssertionAlgorithm, CLIENT_ASSERTION_TYPES, KeySet, MAXIMUM_LENGTH};
pub use report::{TokenCheck, TokenReport};
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

/// A validly signed assertion, judged by everything but its `jti`'s first use.
struct Judged {
    outcome: Result<TimeWindow, AssertionRejection>,
    /// Whether it is of the workload or client that the key is for, so that whoever presents it may be told more.
    is_its_own: bool,
    /// Whether an Admin is shown that it was presented.
    is_noted: bool,
}

/// What became of each check of an assertion that a client signed (RFC 7523 §3).
struct OwnChecks {
    times: Result<TimeWindow, AssertionRejection>,
    kind: Result<(), AssertionRejection>,
    subject: Result<(), AssertionRejection>,
    audience: Result<(), AssertionRejection>,
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
            // An outage of the issuer is no failure of the client's.
            Err(rejection @ ClientRejection::IssuerUnavailable(_)) => {
                return Err(self.reject(ctx, None, rejection));
            }
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
                // What an Admin is to see is counted by its owner: failures of others in the client's name do not hide it.
                let owner =
                    noted.and(found.identity.workload()).map(|workload| workload.preset.owner(&claims));
                let shown = match owner {
                    Some(owner) => {
                        let wait = self.0.limits.attempted(&id, &owner, ctx.address);
                        wait.map_or(shown, ClientRejection::TooManyFailures)
                    }
                    None => self.reject(ctx, Some(&id), shown),
                };
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
        let OwnChecks { times, kind, subject, audience } = self.own_checks(ctx, assertion, claims);
        let is_its_own = subject.is_ok();
        let outcome = times.and_then(|window| kind.and(subject).and(audience).map(|()| window));
        Judged { outcome, is_its_own, is_noted: false }
    }

    fn own_checks(self, ctx: &RequestContext, assertion: &Assertion<'_>, claims: &Claims) -> OwnChecks {
        let is_its_own = claims.get("sub") == claims.get("iss");
        let message = "`sub` must be the client_id, as `iss` is";
        OwnChecks {
            times: TimeWindow::of_client_assertion(claims, ctx.now),
            kind: assertion.require_type(self.client_assertion_types()).map_err(Into::into),
            subject: is_its_own
                .then_some(())
                .ok_or_else(|| AssertionRejection::new(RejectionReason::Pins, message)),
            audience: check_only_audience(claims, &self.0.policy.issuer),
        }
    }

    fn client_assertion_types(self) -> &'static [Option<&'static str>] {
        if self.0.policy.client_assertion_type_required {
            CLIENT_ASSERTION_TYPES.get(..1).unwrap_or_default()
        } else {
            &CLIENT_ASSERTION_TYPES
        }
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
        let owner = workload.preset.owner(claims);
        let digits = |text: &str, count| {
            jose::hex(&jose::sha256(text.as_bytes())).chars().take(count).collect::<String>()
        };
        let distinguishing = workload.preset.distinguishing_claims(claims, workload.conditions());
        let told = serde_json::json!([rejection.reason.as_str(), distinguishing]).to_string();
        let attempt = Attempt {
            id: digits(&owner, 16) + &digits(&told, 32),
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
