//! The main job: a key's pair buys an access token (RFC 6749 §4.4).
//!
//! The path is one primary-key read, one digest and one signature; it writes nothing. Only a refused pair costs a
//! second read, the same one whether the client is unknown or the secret is wrong. The one read says besides whether
//! the signing key is still published, so that none that was withdrawn elsewhere signs here.

use crate::{Ctx, Failure, Service, tokens::Claims, usage::Use};
use domain::{
    ApiKey, KeyId, ScopeSet, SecretDigest, Timestamp, TokenId,
    api_key::{Admission, Presented, RetiredSecret, Retirement, Standing, TokenWindow},
    scope::UnknownScope,
};
use metrics::{Counter, counter};
use std::borrow::Cow;
use store::{KeyAtExchange, StoreError};

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
        let standing = key.standing();
        let presented = present(&standing, &jose::digest(self.client_secret));
        matches!(standing.admit(presented, now), Admission::Granted { .. })
    }
}

/// A token that was issued.
#[derive(Debug)]
pub struct Exchanged {
    /// The signed JWT.
    pub access_token: String,
    /// Its times.
    pub window: TokenWindow,
    /// What it was granted.
    pub scopes: ScopeSet,
    /// When the presented secret stops working: the key's expiry, or the end of a rotation's grace.
    pub secret_expires_at: Timestamp,
}

/// Why a client is not let in.
#[derive(Debug)]
pub enum ClientRefusal {
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
    Failure(Failure),
}

/// Why a token is not sold.
#[derive(Debug)]
pub enum ExchangeRefusal {
    /// The client is not let in.
    Client(ClientRefusal),
    /// The client asked for a scope that there is not.
    Scope(UnknownScope),
}

impl From<StoreError> for ClientRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
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

    fn of(&self, outcome: &Result<Exchanged, ExchangeRefusal>) -> &Counter {
        match outcome {
            Ok(_) => &self.granted,
            Err(ExchangeRefusal::Scope(_)) => &self.scope,
            Err(ExchangeRefusal::Client(refusal)) => match refusal {
                ClientRefusal::Unknown => &self.unknown,
                ClientRefusal::Expired(_) => &self.expired,
                ClientRefusal::Rotated(_) => &self.rotated,
                ClientRefusal::Revoked(_) => &self.revoked,
                ClientRefusal::TooManyFailures(_) => &self.limited,
                ClientRefusal::Failure(_) => &self.failed,
            },
        }
    }
}

/// A client that was let in.
pub(crate) struct Admitted {
    pub(crate) id: KeyId,
    pub(crate) key: KeyAtExchange,
    by_grace: bool,
}

impl Service {
    /// Sells an access token to whoever presents a right pair. `scope` is the raw parameter; empty for the default.
    ///
    /// # Errors
    /// The pair is refused, the scope is not known, or the store fails.
    pub async fn exchange(
        &self,
        ctx: &Ctx,
        credential: Credential<'_>,
        scope: &str,
    ) -> Result<Exchanged, ExchangeRefusal> {
        let outcome = self.try_exchange(ctx, credential, scope).await;
        self.0.meters.of(&outcome).increment(1);
        outcome
    }

    async fn try_exchange(
        &self,
        ctx: &Ctx,
        credential: Credential<'_>,
        scope: &str,
    ) -> Result<Exchanged, ExchangeRefusal> {
        let failed = |failure| ExchangeRefusal::Client(ClientRefusal::Failure(failure));
        let Admitted { id, key, by_grace } =
            self.admit_client(ctx, credential).await.map_err(ExchangeRefusal::Client)?;
        let scopes = ScopeSet::parse(scope).map_err(ExchangeRefusal::Scope)?;
        if !key.signing_key_alive {
            Box::pin(self.refresh_signing_keys()).await.map_err(failed)?;
        }
        let window = key.standing.token_window(ctx.now, self.0.policy.token_lifetime_seconds);
        let token_id = TokenId::generate(ctx.now, self.entropy());
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
            token_epoch: key.standing.token_epoch,
            sid: None,
        };
        let access_token = self.issue(ctx, &claims).map_err(failed)?;
        self.0.usage.note(&id, ctx, Use::Exchange { by_grace });
        let Standing { grace, expires_at, .. } = key.standing;
        let secret_expires_at = grace.filter(|_| by_grace).map_or(expires_at, |grace| grace.until);
        Ok(Exchanged { access_token, window, scopes, secret_expires_at })
    }

    /// Checks a client's pair.
    pub(crate) async fn admit_client(
        &self,
        ctx: &Ctx,
        credential: Credential<'_>,
    ) -> Result<Admitted, ClientRefusal> {
        let Ok(id) = KeyId::parse(credential.client_id) else {
            return Err(self.refuse(ctx, None, ClientRefusal::Unknown));
        };
        let digest = jose::digest(credential.client_secret);
        let ring = self.signing_ring();
        let kid = ring.kid(ctx.now).map_err(ClientRefusal::Failure)?;
        let found = self.0.store.find_key_at_exchange(&id, kid).await?;
        let admission = found
            .as_ref()
            .map_or(Admission::Refused, |key| key.standing.admit(present(&key.standing, &digest), ctx.now));
        match (admission, found) {
            (Admission::Granted { by_grace }, Some(key)) => Ok(Admitted { id, key, by_grace }),
            (Admission::Expired(at), _) => Err(self.refuse(ctx, Some(&id), ClientRefusal::Expired(at))),
            (Admission::Granted { .. } | Admission::Refused, _) => {
                // Boxed, so that those who are let in do not carry it about.
                let retired = Box::pin(async { self.0.store.reader().await?.retired_secrets(&id).await });
                let retired = retired.await?;
                let refusal = self.explain(ctx, &retired, &digest);
                Err(self.refuse(ctx, Some(&id), refusal))
            }
        }
    }

    /// The truth for whoever holds a former secret, and one uniform answer for everyone else.
    fn explain(&self, ctx: &Ctx, retired: &[RetiredSecret], digest: &SecretDigest) -> ClientRefusal {
        let known = retired.iter().find(|secret| jose::matches(&secret.digest, digest));
        match known {
            None => ClientRefusal::Unknown,
            Some(secret) => {
                self.0.usage.note_dead(secret, ctx);
                match secret.cause {
                    Retirement::Rotated => ClientRefusal::Rotated(secret.at),
                    Retirement::Revoked => ClientRefusal::Revoked(secret.at),
                }
            }
        }
    }

    fn refuse(&self, ctx: &Ctx, client: Option<&KeyId>, refusal: ClientRefusal) -> ClientRefusal {
        self.0.limits.failed(client, ctx.address).map_or(refusal, ClientRefusal::TooManyFailures)
    }
}

/// Compares digests in constant time.
fn present(key: &Standing, digest: &SecretDigest) -> Presented {
    let current = jose::matches(&key.secret, digest);
    let previous = key.grace.is_some_and(|grace| jose::matches(&grace.digest, digest));
    if current {
        Presented::Current
    } else if previous {
        Presented::Previous
    } else {
        Presented::Other
    }
}
