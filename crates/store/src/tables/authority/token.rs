//! Authority over an API key's own tokens, from one of them.

use super::organisation::on_postgres::HOLD_SIGNING_KEY;
use crate::{Result, Store, Transaction};
use domain::{ApiKey, Ended, KeyId, Timestamp, authority::TokenClaims};

/// A transaction that may revoke one token of an API key. The key's row is locked: whoever acts with the token is done, or
/// waits.
pub struct TokenTransaction {
    transaction: Transaction,
    key: ApiKey,
    claims: TokenClaims,
}

impl TokenTransaction {
    /// The key as this transaction found it.
    pub const fn key(&self) -> &ApiKey {
        &self.key
    }

    pub(crate) const fn claims(&self) -> &TokenClaims {
        &self.claims
    }

    /// Undoes everything.
    pub async fn roll_back(self) -> Result<()> {
        self.transaction.roll_back().await
    }
}

impl_transaction!(TokenTransaction);

impl Store {
    /// Begins a transaction on one token of an API key, if the token is good.
    ///
    /// # Errors
    /// The database fails. That the token is over is the inner error.
    pub async fn begin_for_token(
        &self,
        id: &KeyId,
        claims: &TokenClaims,
        now: Timestamp,
    ) -> Result<Result<TokenTransaction, Ended>> {
        let mut transaction = self.begin().await?;
        transaction.hold(HOLD_SIGNING_KEY, &claims.kid).await?;
        transaction.lock_key(id).await?;
        let confirmed = transaction.confirm_token(claims, now).await?;
        match (confirmed, transaction.find_key(id).await?) {
            (Ok(_), Some(key)) => Ok(Ok(TokenTransaction { transaction, key, claims: claims.clone() })),
            (confirmed, _) => {
                transaction.roll_back().await?;
                Ok(Err(confirmed.err().unwrap_or(Ended::KeyRevoked)))
            }
        }
    }
}
