//! What an API key opens: its secrets, its expiry, and the tokens that it issued.

use crate::{SecretDigest, Timestamp};

/// A rotated-out secret that still works for a while because the Admin asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// The previous secret's SHA-256.
    pub digest: SecretDigest,
    /// The first instant at which it works no more.
    pub until: Timestamp,
}

/// The part of a key that decides what it opens: all that an exchange and an API call need to read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialState {
    /// The SHA-256 of the secret that works.
    pub secret: SecretDigest,
    /// The previous secret while a rotation's grace lasts.
    pub grace: Option<Grace>,
    /// From this instant on neither the key nor its tokens work. Always a whole second.
    pub expires_at: Timestamp,
    /// Tokens that carry a lower number have been ended.
    pub token_epoch: i64,
}

/// Which of a key's secrets was presented, as a constant-time comparison of digests found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMatch {
    /// The one that it has now.
    Current,
    /// The one before, while storage still holds its grace.
    Previous,
    /// Neither.
    Other,
}

/// Whether a presented secret opens the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialCheck {
    /// It does.
    Granted {
        /// Only thanks to a rotation's grace.
        by_grace: bool,
    },
    /// It was right, but the key's time is over since then.
    Expired(Timestamp),
    /// It is not a secret of this key, or no longer.
    Rejected,
}

/// Why a token that a key issued is rejected although its own times are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenEnd {
    /// The key expired then.
    KeyExpired(Timestamp),
    /// An Admin ended the tokens issued before.
    Ended,
}

/// The times that a token carries, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenWindow {
    /// `iat`
    pub issued_at: i64,
    /// `exp`
    pub expires_at: i64,
}

impl TokenWindow {
    /// `expires_in`, in seconds.
    pub const fn seconds(self) -> i64 {
        self.expires_at - self.issued_at
    }
}

impl CredentialState {
    /// Whether the key works at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Judges a presented secret.
    pub fn check(&self, presented: SecretMatch, now: Timestamp) -> CredentialCheck {
        let right = match presented {
            SecretMatch::Current => true,
            SecretMatch::Previous => self.grace.is_some_and(|grace| now < grace.until),
            SecretMatch::Other => false,
        };
        if !right {
            CredentialCheck::Rejected
        } else if self.is_active(now) {
            CredentialCheck::Granted { by_grace: presented == SecretMatch::Previous }
        } else {
            CredentialCheck::Expired(self.expires_at)
        }
    }

    /// The times of a token issued at `now`: `lifetime_seconds`, but never past the key's own expiry.
    pub fn token_window(&self, now: Timestamp, lifetime_seconds: i64) -> TokenWindow {
        let issued_at = now.seconds();
        let expires_at = issued_at.saturating_add(lifetime_seconds).min(self.expires_at.seconds());
        TokenWindow { issued_at, expires_at }
    }

    /// Whether a token of `epoch` is still honoured at `now`.
    ///
    /// # Errors
    /// The key expired, or its tokens were ended after this one was issued.
    pub fn check_token_epoch(&self, epoch: i64, now: Timestamp) -> Result<(), TokenEnd> {
        if !self.is_active(now) {
            Err(TokenEnd::KeyExpired(self.expires_at))
        } else if epoch != self.token_epoch {
            Err(TokenEnd::Ended)
        } else {
            Ok(())
        }
    }
}
