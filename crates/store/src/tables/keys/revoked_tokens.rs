//! Access tokens that were revoked one by one. Tokens themselves are not stored.
//!
//! A revocation is forgotten some time after its token has expired. Until when that was done stands in the row without a
//! token, and a token that expires no later counts as revoked, so that what is forgotten is rejected whatever a clock says.

use crate::{
    Result, TokenTransaction, Transaction,
    engine::{params, statements},
};
use domain::Timestamp;

statements! {
    REVOKE = "INSERT INTO revoked_tokens (token_id, expires_at_ms) VALUES ($1, $2) ON CONFLICT (token_id) DO NOTHING";
    FORGET = "DELETE FROM revoked_tokens WHERE token_id IN (SELECT r.token_id FROM revoked_tokens r \
        WHERE r.expires_at_ms <= $1 AND r.token_id <> '' ORDER BY r.expires_at_ms LIMIT $2)";
    FORGOTTEN_UNTIL = "INSERT INTO revoked_tokens (token_id, expires_at_ms) VALUES ('', $1) \
        ON CONFLICT (token_id) DO UPDATE SET expires_at_ms = CASE WHEN excluded.expires_at_ms > revoked_tokens.expires_at_ms \
        THEN excluded.expires_at_ms ELSE revoked_tokens.expires_at_ms END";
    CLEAR_FORGOTTEN_UNTIL = "DELETE FROM revoked_tokens WHERE token_id = ''";
}

impl TokenTransaction {
    /// Remembers that the token this transaction began with was revoked.
    pub async fn revoke_token(&mut self) -> Result<()> {
        let params = params![&self.claims().token_id, Timestamp::from_seconds(self.claims().expires_at)];
        self.execute(REVOKE, params).await.map(drop)
    }
}

impl Transaction {
    /// Forgets up to `most` revoked tokens that expired by `until`; answers how many. From then on every token that
    /// expires by `until` counts as revoked.
    pub async fn forget_revocations(&mut self, until: Timestamp, most: i64) -> Result<u64> {
        let forgotten = self.execute(FORGET, params![until, most]).await?;
        if forgotten > 0 {
            self.execute(FORGOTTEN_UNTIL, params![until]).await?;
        }
        Ok(forgotten)
    }

    /// Lets tokens that expire soon count again, after every key that signed former ones was replaced.
    pub async fn clear_forgotten_until(&mut self) -> Result<()> {
        self.execute(CLEAR_FORGOTTEN_UNTIL, params![]).await.map(drop)
    }
}
