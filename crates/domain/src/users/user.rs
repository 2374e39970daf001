//! A user.

use crate::{Email, Timestamp, UserId, authority::UserFacts};

/// Somebody with an address, member of any number of organisations.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's id, `usr_…`.
    pub id: UserId,
    /// The address that identifies the user.
    pub email: Email,
    /// The password as an argon2id string; none until the user has chosen one.
    pub password_hash: Option<String>,
    /// Tokens that carry a lower number have been ended.
    pub token_epoch: i64,
    /// When the user was first added.
    pub created_at: Timestamp,
}

impl User {
    /// A user who is added at `now`.
    pub const fn new(id: UserId, email: Email, password_hash: Option<String>, now: Timestamp) -> Self {
        Self { id, email, password_hash, token_epoch: 0, created_at: now }
    }

    /// Whether a password that was found right against `hash` is still the user's.
    pub fn has_password(&self, hash: &str) -> bool {
        self.password_hash.as_deref() == Some(hash)
    }
}

/// What a user's access token is checked against at each request.
#[derive(Debug)]
pub struct UserForTokenCheck {
    /// What decides whether the token is accepted.
    pub facts: UserFacts,
    /// The user's address.
    pub email: Email,
    /// The organisation's name.
    pub organisation_name: String,
}
