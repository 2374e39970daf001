//! Access tokens that were revoked one by one. Tokens themselves are not stored.

use crate::{Session, StoreError, TokenTransaction, statements::statements, value::params};
use domain::Timestamp;

statements! {
    REVOKE = "INSERT INTO revoked_tokens (token_id, expires_at_ms) VALUES ($1, $2) ON CONFLICT (token_id) DO NOTHING";
    FORGET_EXPIRED = "DELETE FROM revoked_tokens WHERE expires_at_ms <= $1";
    PROBE = "SELECT (SELECT COUNT(*) FROM revoked_tokens WHERE token_id = $1), \
        (SELECT COUNT(*) FROM signing_keys WHERE kid = $2)";
}

/// The standing of one token, whoever holds it.
#[derive(Debug, Clone, Copy)]
pub struct TokenProbe {
    /// Whether it was revoked.
    pub revoked: bool,
    /// Whether the key that signed it is still published.
    pub signing_key_alive: bool,
}

impl TokenTransaction {
    /// Remembers that the token this transaction began with was revoked.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoke_token(&mut self) -> Result<(), StoreError> {
        let params = params![&self.claims().token_id, Timestamp::from_seconds(self.claims().expires_at)];
        self.execute(REVOKE, params).await.map(drop)
    }
}

impl Session {
    /// Forgets revoked tokens that have expired since; answers how many.
    pub async fn forget_expired_tokens(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.execute(FORGET_EXPIRED, params![now]).await
    }

    /// The standing of one token.
    pub async fn probe_token(&mut self, token_id: &str, kid: &str) -> Result<TokenProbe, StoreError> {
        let found = self
            .find(PROBE, params![token_id, kid], |row| {
                Ok(TokenProbe { revoked: row.flag(0)?, signing_key_alive: row.flag(1)? })
            })
            .await?;
        found.ok_or_else(|| StoreError::corrupt("no answer to a probe"))
    }
}
