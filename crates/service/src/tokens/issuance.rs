//! The main job: a key's pair gets an access token (RFC 6749 §4.4).
//!
//! The path is one primary-key read, one digest and one signature; it writes nothing. Only a rejected pair costs a
//! second read, the same one whether the client is unknown or the secret is wrong. The one read says besides whether
//! the signing key is still published, so that none that was withdrawn elsewhere signs here.

use super::{
    claims::{Claims, token_claims},
    client_authentication::{AuthenticatedClient, ClientProof, ClientRejection},
};
use crate::{RequestContext, Result, Tokens, keys::usage_recorder::Use};
use domain::{
    ScopeSet, Timestamp, TokenId,
    api_key::{CredentialState, TokenWindow},
    scope::UnknownScope,
    workload::RunLink,
};
use metrics::{Counter, counter};
use std::borrow::Cow;

/// A token that was issued.
#[derive(Debug)]
pub struct IssuedToken {
    /// The signed JWT.
    pub access_token: String,
    /// Its times.
    pub window: TokenWindow,
    /// What it was granted.
    pub scopes: ScopeSet,
    /// When the presented secret stops working: the key's expiry, or the end of a rotation's grace. None where none was presented.
    pub secret_expires_at: Option<Timestamp>,
}

/// Why no token is issued.
#[derive(Debug)]
pub enum IssuanceRejection {
    /// The client is not authenticated.
    Client(ClientRejection),
    /// The client asked for a scope that there is not.
    Scope(UnknownScope),
}

/// Counters of exchanges by outcome, looked up once.
pub(crate) struct Meters {
    granted: Counter,
    unknown: Counter,
    expired: Counter,
    rotated: Counter,
    revoked: Counter,
    not_accepted: Counter,
    issuer_unavailable: Counter,
    limited: Counter,
    scope: Counter,
    failed: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let outcome = |outcome: &'static str| counter!("duku_exchanges_total", "outcome" => outcome);
        Self {
            granted: outcome("granted"),
            unknown: outcome("unknown_client_or_secret"),
            expired: outcome("expired"),
            rotated: outcome("rotated"),
            revoked: outcome("revoked"),
            not_accepted: outcome("assertion_not_accepted"),
            issuer_unavailable: outcome("issuer_unavailable"),
            limited: outcome("too_many_failures"),
            scope: outcome("invalid_scope"),
            failed: outcome("internal"),
        }
    }

    fn of(&self, outcome: &Result<IssuedToken, IssuanceRejection>) -> &Counter {
        match outcome {
            Ok(_) => &self.granted,
            Err(IssuanceRejection::Scope(_)) => &self.scope,
            Err(IssuanceRejection::Client(rejection)) => match rejection {
                ClientRejection::Unknown => &self.unknown,
                ClientRejection::Expired(_) => &self.expired,
                ClientRejection::Rotated(_) => &self.rotated,
                ClientRejection::Revoked(_) => &self.revoked,
                ClientRejection::NotAccepted(_)
                | ClientRejection::Assertion(_)
                | ClientRejection::Waiting => &self.not_accepted,
                ClientRejection::IssuerUnavailable(_) => &self.issuer_unavailable,
                ClientRejection::TooManyFailures(_) => &self.limited,
                ClientRejection::Error(_) => &self.failed,
            },
        }
    }
}

impl Tokens<'_> {
    /// Issues an access token to whoever presents a right pair or assertion. `scope` is the raw parameter; empty for the default.
    ///
    /// # Errors
    /// What was presented is rejected, the scope is not known, or the store fails.
    pub async fn issue_for_client(
        self,
        ctx: &RequestContext,
        proof: impl Into<ClientProof<'_>>,
        scope: &str,
    ) -> Result<IssuedToken, IssuanceRejection> {
        let outcome = self.try_issue_for_client(ctx, proof.into(), scope).await;
        self.0.meters.of(&outcome).increment(1);
        outcome
    }

    async fn try_issue_for_client(
        self,
        ctx: &RequestContext,
        proof: ClientProof<'_>,
        scope: &str,
    ) -> Result<IssuedToken, IssuanceRejection> {
        let failed = |failure| IssuanceRejection::Client(ClientRejection::Error(failure));
        let client = self.check_client(ctx, proof).await.map_err(IssuanceRejection::Client)?;
        let scopes = ScopeSet::parse(scope).map_err(IssuanceRejection::Scope)?;
        if client.assertion.is_some() {
            Box::pin(self.use_up(ctx, &client)).await.map_err(IssuanceRejection::Client)?;
        }
        let AuthenticatedClient { id, key, by_grace, assertion } = client;
        let has_secret = assertion.is_none();
        let workload = assertion.and_then(|accepted| accepted.workload);
        if !key.signing_key_published {
            Box::pin(self.refresh_signing_keys()).await.map_err(failed)?;
        }
        let window = key.credential_state.token_window(ctx.now, self.0.policy.token_lifetime_seconds);
        let token_id = TokenId::generate(ctx.now, self.0.entropy());
        let claims = Claims {
            iss: Cow::Borrowed(&self.0.policy.issuer),
            sub: Cow::Borrowed(id.as_str()),
            client_id: Cow::Borrowed(id.as_str()),
            azp: Cow::Borrowed(id.as_str()),
            aud: Cow::Borrowed(&self.0.policy.audience),
            iat: window.issued_at,
            exp: window.expires_at,
            jti: Cow::Borrowed(token_id.as_str()),
            scope: Cow::Owned(scopes.to_string()),
            org_id: Cow::Borrowed(key.organisation_id.as_str()),
            org_name: Cow::Borrowed(&key.organisation_name),
            token_epoch: key.credential_state.token_epoch,
            sid: None,
            workload,
        };
        let access_token = self.issue(ctx, &claims).map_err(failed)?;
        let CredentialState { secret, grace, expires_at, .. } = key.credential_state;
        let grace = grace.filter(|_| by_grace);
        let secret = grace.map_or(secret, |grace| grace.digest);
        let run = claims
            .workload
            .as_deref()
            .map(|workload| RunLink { title: workload.run.clone(), url: workload.run_url.clone() });
        self.0.usage.note(&id, ctx, Use::Exchange { by_grace, secret, run });
        let secret_expires_at = has_secret.then(|| grace.map_or(expires_at, |grace| grace.until));
        Ok(IssuedToken { access_token, window, scopes, secret_expires_at })
    }

    /// Signs a token's claims, and remembers that it did: what this node signed, it need not check.
    pub(crate) fn issue(self, ctx: &RequestContext, claims: &Claims<'_>) -> Result<String> {
        let (token, key) = self.signing_ring().sign(ctx.now, claims)?;
        if let Some(key) = key
            && let Ok(verified) = token_claims(claims, key.kid())
        {
            self.0.verified.remember(&token, verified);
        }
        Ok(token)
    }
}
