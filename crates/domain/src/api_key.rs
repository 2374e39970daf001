//! An API key's life: generate, exchange, rotate, expire, revoke.
//!
//! Each transition consumes the state it starts from. A key that takes one of the organisation's places
//! (a new one, or an expired one that comes back) needs a [`FreeSlot`], and only [`claim_slot`] makes one.

pub mod credential_state;
pub mod usage;

pub use credential_state::{CredentialCheck, CredentialState, Grace, SecretMatch, TokenEnd, TokenWindow};

use crate::{
    Invalid, KeyId, KeyPolicy, Label, Lifetime, OrganisationId, SecretDigest, Timestamp,
    organisation::Organisation,
};

/// One integration's credential, as storage holds it: digests, never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key's id, which is its `client_id`.
    pub id: KeyId,
    /// The only organisation that it opens.
    pub organisation_id: OrganisationId,
    /// That organisation's name, kept here so that an exchange is one read.
    pub organisation_name: String,
    /// What the Admin called it.
    pub label: Label,
    /// The secret that works.
    pub secret: StoredSecret,
    /// The previous secret while a rotation's grace lasts.
    pub grace: Option<Grace>,
    /// What the expiry is renewed by at each rotation.
    pub lifetime: Lifetime,
    /// When it was generated.
    pub created_at: Timestamp,
    /// Who generated it, as a person reads it.
    pub created_by: String,
    /// From this instant on neither the key nor its tokens work. Always a whole second.
    pub expires_at: Timestamp,
    /// When its secret was last replaced.
    pub rotated_at: Option<Timestamp>,
    /// Tokens that carry a lower number have been ended.
    pub token_epoch: i64,
}

/// What storage knows of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its SHA-256.
    pub digest: SecretDigest,
    /// Its last four characters, for people.
    pub hint: String,
}

/// A key seen at one instant.
#[derive(Debug, Clone)]
pub enum KeyState {
    /// It can be exchanged and counts towards the limit.
    Active(ActiveKey),
    /// Its time is over; it stays listed and can be rotated back to life.
    Expired(ExpiredKey),
}

/// A key that works. Only [`ApiKey::at`] makes one.
#[derive(Debug, Clone)]
pub struct ActiveKey(ApiKey);

/// A key whose time is over. Only [`ApiKey::at`] makes one.
#[derive(Debug, Clone)]
pub struct ExpiredKey(ApiKey);

/// The proof that the organisation had room for one more Active key. It is used up by the key that takes it.
#[derive(Debug)]
pub struct FreeSlot(());

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFreeSlot {
    /// How many Active keys the organisation may have.
    pub limit: usize,
}

/// Takes one of `limit` places when `active` are in use. Call it inside the transaction that inserts.
///
/// # Errors
/// No place is free.
pub const fn claim_slot(active: usize, limit: usize) -> Result<FreeSlot, NoFreeSlot> {
    if active < limit { Ok(FreeSlot(())) } else { Err(NoFreeSlot { limit }) }
}

/// What an Admin decides about a new key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The id it will have.
    pub id: KeyId,
    /// Its label.
    pub label: Label,
    /// Its first secret.
    pub secret: StoredSecret,
    /// Its lifetime, already checked against the organisation's policy.
    pub lifetime: Lifetime,
    /// Who generates it.
    pub created_by: String,
}

/// What an Admin decides about a rotation.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The new secret.
    pub secret: StoredSecret,
    /// How long the previous secret works on.
    pub grace: GracePeriod,
    /// Whether tokens issued before are rejected at once.
    pub end_issued_tokens: bool,
}

/// How long a previous secret works on after a rotation: none, or up to 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GracePeriod(i64);

impl GracePeriod {
    /// The default: the previous secret stops at once.
    pub const NONE: Self = Self(0);
    /// The longest grace, in seconds: 7 days.
    pub const MAXIMUM_SECONDS: i64 = 7 * Lifetime::DAY_SECONDS;

    /// A grace of `seconds`.
    ///
    /// # Errors
    /// Negative or over 7 days.
    pub fn from_seconds(seconds: i64) -> Result<Self, Invalid> {
        if (0..=Self::MAXIMUM_SECONDS).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(Invalid::new(
                "graceSeconds",
                format!("a grace is 0 to {} seconds (7 days); {seconds} is outside", Self::MAXIMUM_SECONDS),
            ))
        }
    }
}

/// A rotation that happened: the key as it is now, and the secret that it left behind.
#[derive(Debug)]
pub struct Rotated {
    /// The key with its new secret and expiry.
    pub key: ApiKey,
    /// What to remember of the previous secret.
    pub retired: RetiredSecret,
}

/// A secret that works no more, remembered so that whoever holds it can be told why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredSecret {
    /// The key that it belonged to.
    pub key_id: KeyId,
    /// That key's organisation.
    pub organisation_id: OrganisationId,
    /// Its SHA-256.
    pub digest: SecretDigest,
    /// From when on it is rejected: when it was replaced, its grace ends or its key was revoked.
    pub at: Timestamp,
    /// Why it works no more.
    pub cause: Retirement,
}

words! {
    /// Why a secret works no more.
    pub enum Retirement {
        /// A rotation replaced it.
        Rotated = "rotated",
        /// Its key was revoked: this record is the key's tombstone.
        Revoked = "revoked",
    }
}

impl ApiKey {
    /// Generates a key in a free place of `organisation`.
    pub fn generate(_slot: FreeSlot, organisation: &Organisation, new: NewKey, now: Timestamp) -> Self {
        let created_at = now.to_whole_second();
        Self {
            id: new.id,
            organisation_id: organisation.id.clone(),
            organisation_name: organisation.name.as_str().to_owned(),
            label: new.label,
            secret: new.secret,
            grace: None,
            lifetime: new.lifetime,
            created_at,
            created_by: new.created_by,
            expires_at: created_at.plus_seconds(new.lifetime.seconds()),
            rotated_at: None,
            token_epoch: 0,
        }
    }

    /// What the key is at `now`.
    pub fn at(self, now: Timestamp) -> KeyState {
        if self.is_active(now) {
            KeyState::Active(ActiveKey(self))
        } else {
            KeyState::Expired(ExpiredKey(self))
        }
    }

    /// Whether it works at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.credential_state().is_active(now)
    }

    /// The grace that still runs at `now`.
    pub fn running_grace(&self, now: Timestamp) -> Option<Grace> {
        self.grace.filter(|grace| now < grace.until && self.is_active(now))
    }

    /// What decides what the key opens.
    pub const fn credential_state(&self) -> CredentialState {
        CredentialState {
            secret: self.secret.digest,
            grace: self.grace,
            expires_at: self.expires_at,
            token_epoch: self.token_epoch,
        }
    }

    /// Ends a rotation's grace now, if one runs.
    #[must_use]
    pub fn end_grace(self) -> Self {
        Self { grace: None, ..self }
    }

    /// Revokes the key: what is left of it is the tombstone.
    pub fn revoke(self, now: Timestamp) -> RetiredSecret {
        RetiredSecret {
            key_id: self.id,
            organisation_id: self.organisation_id,
            digest: self.secret.digest,
            at: now,
            cause: Retirement::Revoked,
        }
    }

    fn renewed(self, policy: KeyPolicy, now: Timestamp, end_issued_tokens: bool) -> Self {
        let lifetime = self.lifetime.min(policy.maximum);
        Self {
            lifetime,
            expires_at: now.to_whole_second().plus_seconds(lifetime.seconds()),
            token_epoch: self.token_epoch + i64::from(end_issued_tokens),
            ..self
        }
    }

    fn replace_secret(self, rotation: Rotation, policy: KeyPolicy, now: Timestamp) -> Rotated {
        let rotated_at = now.to_whole_second();
        let lifetime = self.lifetime.min(policy.maximum);
        let expires_at = rotated_at.plus_seconds(lifetime.seconds());
        let until = now.plus_seconds(rotation.grace.0).min(self.expires_at).min(expires_at);
        let retired = RetiredSecret {
            key_id: self.id.clone(),
            organisation_id: self.organisation_id.clone(),
            digest: self.secret.digest,
            at: until.max(now),
            cause: Retirement::Rotated,
        };
        let key = Self {
            grace: (until > now).then_some(Grace { digest: self.secret.digest, until }),
            secret: rotation.secret,
            lifetime,
            expires_at,
            rotated_at: Some(now),
            token_epoch: self.token_epoch + i64::from(rotation.end_issued_tokens),
            ..self
        };
        Rotated { key, retired }
    }
}

impl ActiveKey {
    /// Replaces the secret and renews the expiry. Needs no free place: the key has one.
    pub fn rotate(self, rotation: Rotation, policy: KeyPolicy, now: Timestamp) -> Rotated {
        self.0.replace_secret(rotation, policy, now)
    }

    /// Renews the expiry and nothing else: for a key whose secret, if it has one, is not what opens it.
    pub fn renew(self, policy: KeyPolicy, now: Timestamp, end_issued_tokens: bool) -> ApiKey {
        self.0.renewed(policy, now, end_issued_tokens)
    }
}

impl ExpiredKey {
    /// Brings the key back as [`ActiveKey::renew`] keeps one, in a free place.
    pub fn renew(
        self,
        _slot: FreeSlot,
        policy: KeyPolicy,
        now: Timestamp,
        end_issued_tokens: bool,
    ) -> ApiKey {
        self.0.renewed(policy, now, end_issued_tokens)
    }

    /// Brings the key back with a new secret, in a free place. An expired secret gets no grace.
    pub fn revive(self, _slot: FreeSlot, rotation: Rotation, policy: KeyPolicy, now: Timestamp) -> Rotated {
        self.0.replace_secret(rotation, policy, now)
    }
}

#[cfg(test)]
mod tests;
