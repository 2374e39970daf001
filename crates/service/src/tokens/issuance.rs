//! The main job: a key's pair gets an access token (RFC 6749 §4.4).
//!
//! The path is one primary-key read, one digest and one signature; it writes nothing. Only a rejected pair costs a
//! second read, the same one whether the client is unknown or the secret is wrong. The one read says besides whether
//! the signing key is still published, so that none that was withdrawn elsewhere signs here.

use crate::{
    Error, RequestContext, Tokens,
    keys::usage_recorder::Use,
    tokens::claims::{Claims, token_claims},
};
use domain::{
    ApiKey, KeyId, ScopeSet, SecretDigest, Timestamp, TokenId,
    api_key::{CredentialCheck, CredentialState, RetiredSecret, Retirement, SecretMatch, TokenWindow},
    scope::UnknownScope,
};
use metrics::{Counter, counter};
use std::borrow::Cow;
use store::{KeyForIssuance, StoreError};

/// What a client presents.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// The `client_id`, not yet checked.
    pub client_id: &'a str,
    /// The `client_secret`, not yet checked.
    pub client_secret: &'a str,
}

impl Credential<'_> {
    /// Whether the secret is one that the key has now.
    pub(crate) fn opens(&self, key: &ApiKey, now: Timestamp) -> bool {
        let credential_state = key.credential_state();
        let presented = present(&credential_state, &jose::digest(self.client_secret));
        matches!(credential_state.check(presented, now), CredentialCheck::Granted { .. })
    }
}

/// A token that was issued.
#[derive(Debug)]
pub struct IssuedToken {
    /// The signed JWT.
    pub access_token: String,
    /// Its times.
    pub window: TokenWindow,
    /// What it was granted.
    pub scopes: ScopeSet,
    /// When the presented secret stops working: the key's expiry, or the end of a rotation's grace.
    pub secret_expires_at: Timestamp,
}

/// Why a client is not authenticated.
#[derive(Debug)]
pub enum ClientRejection {
    /// No such client, or not its secret: nobody outside learns which.
    Unknown,
    /// The secret was right; the key expired then.
    Expired(Timestamp),
    /// The secret was right until it was rotated out then.
    Rotated(Timestamp),
    /// The secret was right until its key was revoked then.
    Revoked(Timestamp),
    /// There were too many failures; wait so many seconds.
    TooManyFailures(u64),
    /// The store failed.
    Error(Error),
}

/// Why no token is issued.
#[derive(Debug)]
pub enum IssuanceRejection {
    /// The client is not authenticated.
    Client(ClientRejection),
    /// The client asked for a scope that there is not.
    Scope(UnknownScope),
}

impl From<StoreError> for ClientRejection {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// Counters of exchanges by outcome, looked up once.
pub(crate) struct Meters {
    granted: Counter,
    unknown: Counter,
    expired: Counter,
    rotated: Counter,
    revoked: Counter,
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
                ClientRejection::TooManyFailures(_) => &self.limited,
                ClientRejection::Error(_) => &self.failed,
            },
        }
    }
}

/// An authenticated client.
pub(crate) struct AuthenticatedClient {
    pub(crate) id: KeyId,
    pub(crate) key: KeyForIssuance,
    by_grace: bool,
}

impl Tokens<'_> {
    /// Issues an access token to whoever presents a right pair. `scope` is the raw parameter; empty for the default.
    ///
    /// # Errors
    /// The pair is rejected, the scope is not known, or the store fails.
    pub async fn issue_for_client(
        self,
        ctx: &RequestContext,
        credential: Credential<'_>,
        scope: &str,
    ) -> Result<IssuedToken, IssuanceRejection> {
        let outcome = self.try_issue_for_client(ctx, credential, scope).await;
        self.0.meters.of(&outcome).increment(1);
        outcome
    }

    async fn try_issue_for_client(
        self,
        ctx: &RequestContext,
        credential: Credential<'_>,
        scope: &str,
    ) -> Result<IssuedToken, IssuanceRejection> {
        let failed = |failure| IssuanceRejection::Client(ClientRejection::Error(failure));
        let AuthenticatedClient { id, key, by_grace } =
            self.authenticate_client(ctx, credential).await.map_err(IssuanceRejection::Client)?;
        let scopes = ScopeSet::parse(scope).map_err(IssuanceRejection::Scope)?;
        if !key.signing_key_alive {
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
        };
        let access_token = self.issue(ctx, &claims).map_err(failed)?;
        self.0.usage.note(&id, ctx, Use::Exchange { by_grace });
        let CredentialState { grace, expires_at, .. } = key.credential_state;
        let secret_expires_at = grace.filter(|_| by_grace).map_or(expires_at, |grace| grace.until);
        Ok(IssuedToken { access_token, window, scopes, secret_expires_at })
    }

    /// Signs a token's claims, and remembers that it did: what this node signed, it need not check.
    pub(crate) fn issue(self, ctx: &RequestContext, claims: &Claims<'_>) -> Result<String, Error> {
        let (token, key) = self.signing_ring().sign(ctx.now, claims)?;
        if let Some(key) = key
            && let Ok(verified) = token_claims(claims, key.kid())
        {
            self.0.verified.remember(&token, verified);
        }
        Ok(token)
    }

    /// Checks a client's pair.
    pub(crate) async fn authenticate_client(
        self,
        ctx: &RequestContext,
        credential: Credential<'_>,
    ) -> Result<AuthenticatedClient, ClientRejection> {
        let Ok(id) = KeyId::parse(credential.client_id) else {
            return Err(self.reject(ctx, None, ClientRejection::Unknown));
        };
        let digest = jose::digest(credential.client_secret);
        let ring = self.signing_ring();
        let kid = ring.kid(ctx.now).map_err(ClientRejection::Error)?;
        let found = self.0.store.find_key_for_issuance(&id, kid).await?;
        let admission = found.as_ref().map_or(CredentialCheck::Rejected, |key| {
            key.credential_state.check(present(&key.credential_state, &digest), ctx.now)
        });
        match (admission, found) {
            (CredentialCheck::Granted { by_grace }, Some(key)) => {
                Ok(AuthenticatedClient { id, key, by_grace })
            }
            (CredentialCheck::Expired(at), _) => {
                Err(self.reject(ctx, Some(&id), ClientRejection::Expired(at)))
            }
            (CredentialCheck::Granted { .. } | CredentialCheck::Rejected, _) => {
                // Boxed, so that those that are authenticated do not carry it about.
                let retired = Box::pin(async { self.0.store.reader().await?.retired_secrets(&id).await });
                let retired = retired.await?;
                let rejection = self.explain(ctx, &retired, &digest);
                Err(self.reject(ctx, Some(&id), rejection))
            }
        }
    }

    /// The truth for whoever holds a former secret, and one uniform answer for everyone else.
    fn explain(
        self,
        ctx: &RequestContext,
        retired: &[RetiredSecret],
        digest: &SecretDigest,
    ) -> ClientRejection {
        let known = retired.iter().find(|secret| jose::matches(&secret.digest, digest));
        match known {
            None => ClientRejection::Unknown,
            Some(secret) => {
                self.0.usage.note_dead(secret, ctx);
                match secret.cause {
                    Retirement::Rotated => ClientRejection::Rotated(secret.at),
                    Retirement::Revoked => ClientRejection::Revoked(secret.at),
                }
            }
        }
    }

    fn reject(
        self,
        ctx: &RequestContext,
        client: Option<&KeyId>,
        rejection: ClientRejection,
    ) -> ClientRejection {
        self.0.limits.failed(client, ctx.address).map_or(rejection, ClientRejection::TooManyFailures)
    }
}

/// Compares digests in constant time.
fn present(key: &CredentialState, digest: &SecretDigest) -> SecretMatch {
    let current = jose::matches(&key.secret, digest);
    let previous = key.grace.is_some_and(|grace| jose::matches(&grace.digest, digest));
    if current {
        SecretMatch::Current
    } else if previous {
        SecretMatch::Previous
    } else {
        SecretMatch::Other
    }
}
