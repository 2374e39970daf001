//! The signing keys' life: published, signing, retired, withdrawn.
//!
//! A key is published in the JWKS for a lead time before it signs, and stays until the last token that it signed has
//! expired. The newest key whose time has come signs. Private keys are sealed under the master key with the kid as context.

use crate::{
    Error, Rejection, RequestContext, Result, Tokens,
    audit::{Entry, SYSTEM},
    principal::system,
};
use domain::{
    Timestamp,
    audit::{Action, Actor},
};
use jose::{Algorithm, SigningKey, VerifyingKey};
use serde::Serialize;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use store::{StoredSigningKey, Transaction};

/// Nodes whose rings are a moment old, and clocks that differ, may still sign with a key that has a successor.
const RETIREMENT_SLACK_SECONDS: i64 = 600;

/// The signing keys that this process knows.
#[derive(Default)]
pub(crate) struct SigningKeys(RwLock<Arc<SigningKeyRing>>);

#[derive(Default)]
pub(crate) struct SigningKeyRing {
    /// In the order in which they start to sign.
    signers: Vec<(Timestamp, SigningKey)>,
    verifiers: HashMap<String, Arc<VerifyingKey>>,
    jwks: Arc<str>,
    /// What the ring was made of: kids and starts.
    state: Vec<(String, Timestamp)>,
}

/// A signing key as an operator sees it.
#[derive(Debug, Clone)]
pub struct SigningKeyInfo {
    /// Its key id.
    pub kid: String,
    /// Its algorithm.
    pub algorithm: String,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// When it starts to sign.
    pub signs_from: Timestamp,
    /// Whether it is the one that signs now.
    pub signs_now: bool,
    /// Why its private half cannot be used, if it cannot: no server starts on such a key.
    pub error: Option<String>,
}

impl SigningKeyRing {
    /// The newest key whose time has come; after a clock jumped back the oldest one, which is published and good.
    fn signer(&self, now: Timestamp) -> Result<&SigningKey> {
        let turn = self.signers.iter().rev().find(|(from, _)| *from <= now);
        let chosen = turn.or_else(|| self.signers.first());
        chosen.map(|(_, key)| key).ok_or_else(|| Error::internal("there is no signing key"))
    }

    /// The name of the key whose turn it is.
    pub(crate) fn kid(&self, now: Timestamp) -> Result<&str> {
        self.signer(now).map(SigningKey::kid)
    }

    /// Signs with the key whose turn it is, and gives its public half.
    pub(crate) fn sign(
        &self,
        now: Timestamp,
        claims: &impl Serialize,
    ) -> Result<(String, Option<Arc<VerifyingKey>>)> {
        let signer = self.signer(now)?;
        let token = signer.sign(claims).map_err(Error::internal)?;
        Ok((token, self.verifiers.get(signer.kid()).cloned()))
    }
}

impl SigningKeys {
    fn ring(&self) -> Arc<SigningKeyRing> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, ring: SigningKeyRing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

fn state_of(stored: &[StoredSigningKey]) -> Vec<(String, Timestamp)> {
    stored.iter().map(|key| (key.kid.clone(), key.signs_from)).collect()
}

/// The key that [`SigningKeyRing::signer`] chooses.
fn signing_now(stored: &[StoredSigningKey], now: Timestamp) -> Option<&StoredSigningKey> {
    stored.iter().rev().find(|key| key.signs_from <= now).or_else(|| stored.first())
}

impl Tokens<'_> {
    /// Signs an ID token's claims with the key whose turn it is.
    pub(crate) fn sign_id_token(self, ctx: &RequestContext, claims: &impl Serialize) -> Result<String> {
        self.0.signing.ring().signer(ctx.now)?.sign_id_token(claims).map_err(Error::internal)
    }

    /// The signing keys as they are now.
    pub(crate) fn signing_ring(self) -> Arc<SigningKeyRing> {
        self.0.signing.ring()
    }

    /// The public half of the key that signs now, as `SubjectPublicKeyInfo` in DER.
    pub async fn current_public_key(self, ctx: &RequestContext) -> Result<Vec<u8>> {
        self.refresh_signing_keys().await?;
        self.0.signing.ring().signer(ctx.now)?.public_key_der().map_err(Error::internal)
    }

    /// The public key with this id, looked up in the store if this process does not know it yet.
    pub(crate) async fn verifying_key(self, kid: &str) -> Result<Option<Arc<VerifyingKey>>> {
        if let Some(key) = self.0.signing.ring().verifiers.get(kid) {
            return Ok(Some(Arc::clone(key)));
        }
        self.refresh_signing_keys().await?;
        Ok(self.0.signing.ring().verifiers.get(kid).cloned())
    }

    /// The JSON Web Key Set (RFC 7517 §5) with every published key, as the store has it now. While the store cannot be
    /// reached, as it was a moment ago: others may go on checking the tokens that they have.
    ///
    /// # Errors
    /// The store holds something that it should not.
    pub async fn jwks(self) -> Result<Arc<str>> {
        match self.refresh_signing_keys().await {
            Err(failure) if failure.is_temporary() => {
                tracing::warn!(%failure, "the published keys may be old");
            }
            other => other?,
        }
        Ok(Arc::clone(&self.0.signing.ring().jwks))
    }

    /// Takes over what other nodes or an operator did to the signing keys.
    ///
    /// # Errors
    /// The store fails, or a private key cannot be unsealed.
    pub async fn refresh_signing_keys(self) -> Result<()> {
        let stored = self.0.store.reader().await?.signing_keys().await?;
        if state_of(&stored) != self.0.signing.ring().state {
            self.0.signing.replace(self.ring_of(&stored)?);
        }
        Ok(())
    }

    fn ring_of(self, stored: &[StoredSigningKey]) -> Result<SigningKeyRing> {
        let mut ring = SigningKeyRing { state: state_of(stored), ..SigningKeyRing::default() };
        let mut published = Vec::new();
        for key in stored {
            let signer = self.unseal(key)?;
            ring.verifiers.insert(key.kid.clone(), Arc::new(signer.verifying_key()));
            published.push(signer.public_jwk());
            ring.signers.push((key.signs_from, signer));
        }
        ring.jwks = json!({ "keys": published }).to_string().into();
        Ok(ring)
    }

    fn unseal(self, key: &StoredSigningKey) -> Result<SigningKey> {
        let failure =
            |error: &dyn std::fmt::Display| Error::internal(format!("signing key {}: {error}", key.kid));
        let algorithm = Algorithm::parse(&key.algorithm).map_err(|error| failure(&error))?;
        let document = self
            .0
            .master_key
            .open(&seal_context(&key.kid), &key.sealed_private_key)
            .map_err(|error| failure(&error))?;
        SigningKey::from_pkcs8(algorithm, &document).map_err(|error| failure(&error))
    }

    /// Makes the first signing key if there is none; otherwise takes the keys as they are.
    pub(crate) async fn ensure_signing_key(self, ctx: &RequestContext) -> Result<()> {
        self.refresh_signing_keys().await?;
        if self.0.signing.ring().signers.is_empty() { self.keep_signing_keys(ctx).await } else { Ok(()) }
    }

    /// Makes the first key, the next one when the newest grows old or has another algorithm than the policy, and
    /// deletes keys whose last token has expired. Safe to call from every node at any time.
    pub async fn keep_signing_keys(self, ctx: &RequestContext) -> Result<()> {
        let stored = self.0.store.reader().await?.signing_keys().await?;
        if self.is_due(&stored, ctx.now) || !self.done(&stored, ctx.now).is_empty() {
            let mut transaction = self.0.store.begin().await?;
            transaction.lock_signing_keys().await?;
            let stored = transaction.signing_keys().await?;
            if self.is_due(&stored, ctx.now) {
                let lead = if stored.is_empty() { 0 } else { self.0.policy.signing_key_lead_seconds };
                let (algorithm, signs_from) = (self.0.policy.algorithm, ctx.now.plus_seconds(lead));
                self.add_signing_key(&mut transaction, ctx, algorithm, signs_from, system()).await?;
            }
            for kid in self.done(&stored, ctx.now) {
                transaction.delete_signing_key(&kid).await?;
                tracing::info!(%kid, "deleted a signing key whose last token has expired");
            }
            transaction.commit().await?;
        }
        self.refresh_signing_keys().await
    }

    fn is_due(self, stored: &[StoredSigningKey], now: Timestamp) -> bool {
        let policy = &self.0.policy;
        stored.last().is_none_or(|newest| {
            let old = newest
                .signs_from
                .plus_seconds(policy.signing_key_lifetime_seconds - policy.signing_key_lead_seconds);
            // Nodes that were set to different algorithms take turns instead of making one key after the other.
            let other = newest.algorithm != policy.algorithm.as_str() && newest.signs_from <= now;
            other || old <= now
        })
    }

    /// Keys whose successor has been signing for longer than any of their tokens lives.
    fn done(self, stored: &[StoredSigningKey], now: Timestamp) -> Vec<String> {
        let linger = self.0.policy.token_lifetime_seconds + RETIREMENT_SLACK_SECONDS;
        stored
            .iter()
            .zip(stored.iter().skip(1))
            .filter(|(_, successor)| successor.signs_from.plus_seconds(linger) < now)
            .map(|(key, _)| key.kid.clone())
            .collect()
    }

    /// Puts a new signing key in the place of all that there are, so that nothing signed before is accepted any more.
    pub(crate) async fn replace_signing_keys(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        actor: &Actor,
    ) -> Result<()> {
        transaction.lock_signing_keys().await?;
        for key in transaction.signing_keys().await? {
            transaction.delete_signing_key(&key.kid).await?;
        }
        transaction.clear_forgotten_until().await?;
        self.add_signing_key(transaction, ctx, self.0.policy.algorithm, ctx.now, actor.clone())
            .await
            .map(drop)
    }

    async fn add_signing_key(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        algorithm: Algorithm,
        signs_from: Timestamp,
        actor: Actor,
    ) -> Result<SigningKeyInfo> {
        let (key, document) = SigningKey::generate(algorithm).map_err(Error::internal)?;
        let sealed_private_key = self
            .0
            .master_key
            .seal(&seal_context(key.kid()), &document, self.0.entropy())
            .map_err(Error::internal)?;
        let stored = StoredSigningKey {
            kid: key.kid().to_owned(),
            algorithm: algorithm.as_str().to_owned(),
            public_jwk: key.public_jwk().to_string(),
            sealed_private_key,
            created_at: ctx.now,
            signs_from,
        };
        transaction.insert_signing_key(&stored).await?;
        let entry = Entry {
            action: Action::SigningKeyCreated,
            object_id: &stored.kid,
            object_name: algorithm.as_str(),
            details: json!({ "signs_from": signs_from.to_string() }),
        };
        self.0.append(transaction, ctx, SYSTEM, actor, entry).await?;
        tracing::info!(kid = %stored.kid, algorithm = algorithm.as_str(), %signs_from, "made a signing key");
        Ok(info(&stored, signs_from <= ctx.now))
    }

    /// Makes the next signing key now; it signs after the lead time, or at once.
    pub async fn rotate_signing_key(
        self,
        ctx: &RequestContext,
        operator: Actor,
        immediately: bool,
    ) -> Result<SigningKeyInfo> {
        let lead = if immediately { 0 } else { self.0.policy.signing_key_lead_seconds };
        let mut transaction = self.0.store.begin().await?;
        transaction.lock_signing_keys().await?;
        // An operator's process may not have the server's settings: the data says which algorithm is in use.
        let newest = transaction.signing_keys().await?.pop();
        let algorithm =
            newest.and_then(|key| Algorithm::parse(&key.algorithm).ok()).unwrap_or(self.0.policy.algorithm);
        let signs_from = ctx.now.plus_seconds(lead);
        let made = self.add_signing_key(&mut transaction, ctx, algorithm, signs_from, operator).await?;
        transaction.commit().await?;
        self.refresh_after_change().await?;
        Ok(made)
    }

    /// Takes over an operator's change, which is done. Another key that cannot be used does not undo it, and `doctor` tells of it.
    async fn refresh_after_change(self) -> Result<()> {
        match self.refresh_signing_keys().await {
            Err(Error::Internal(cause)) => {
                tracing::error!(cause, "a signing key cannot be used");
                Ok(())
            }
            other => other,
        }
    }

    /// Withdraws a signing key that is no longer to be trusted: its tokens are rejected from now on, on every node. If it was its
    /// turn to sign and it cannot be used, a new key takes its place at once.
    ///
    /// # Errors
    /// There is no such key, it is the one that signs, or the store fails.
    pub async fn withdraw_signing_key(self, ctx: &RequestContext, operator: Actor, kid: &str) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        transaction.lock_signing_keys().await?;
        let stored = transaction.signing_keys().await?;
        let Some(key) = stored.iter().find(|key| key.kid == kid) else {
            return Err(Rejection::NotFound { kind: "signing key", id: kid.to_owned() }.into());
        };
        if signing_now(&stored, ctx.now).is_some_and(|current| current.kid == kid) {
            if self.unseal(key).is_ok() {
                return Err(Rejection::Conflict(
                    "this key signs now: run `duku admin signing-key rotate --immediately` first".into(),
                )
                .into());
            }
            let algorithm = Algorithm::parse(&key.algorithm).unwrap_or(self.0.policy.algorithm);
            self.add_signing_key(&mut transaction, ctx, algorithm, ctx.now, operator.clone()).await?;
        }
        transaction.delete_signing_key(kid).await?;
        let entry = Entry {
            action: Action::SigningKeyWithdrawn,
            object_id: kid,
            object_name: &key.algorithm,
            details: json!({}),
        };
        self.0.append(&mut transaction, ctx, SYSTEM, operator, entry).await?;
        transaction.commit().await?;
        self.refresh_after_change().await
    }

    /// Every signing key, in the order in which they start to sign.
    pub async fn list_signing_keys(self, ctx: &RequestContext) -> Result<Vec<SigningKeyInfo>> {
        let stored = self.0.store.reader().await?.signing_keys().await?;
        let current = signing_now(&stored, ctx.now).map(|key| key.kid.clone());
        let infos = stored.iter().map(|key| SigningKeyInfo {
            error: self.unseal(key).err().map(|error| error.to_string()),
            ..info(key, Some(&key.kid) == current.as_ref())
        });
        Ok(infos.collect())
    }
}

fn info(key: &StoredSigningKey, signs_now: bool) -> SigningKeyInfo {
    SigningKeyInfo {
        kid: key.kid.clone(),
        algorithm: key.algorithm.clone(),
        created_at: key.created_at,
        signs_from: key.signs_from,
        signs_now,
        error: None,
    }
}

fn seal_context(kid: &str) -> String {
    format!("signing key {kid}")
}

/// The actor that stands in the log for someone on the server's host.
pub fn operator(name: &str) -> Actor {
    Actor { kind: domain::audit::ActorKind::Operator, id: "operator".to_owned(), name: name.to_owned() }
}
