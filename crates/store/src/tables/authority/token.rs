//! Authority over an API key's own tokens, from one of them.

use super::organisation::on_postgres::HOLD_SIGNING_KEY;
use crate::{Session, Store, StoreError};
use domain::{ApiKey, Ended, KeyId, Timestamp, authority::TokenClaims};
use std::ops;

/// A transaction that may revoke one token of an API key. The key's row is locked: whoever acts with the token is done, or
/// waits.
pub struct TokenTransaction {
    session: Session,
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

    /// Makes everything that the transaction did durable.
    ///
    /// # Errors
    /// As [`Session::commit`].
    pub async fn commit(self) -> Result<(), StoreError> {
        self.session.commit().await
    }

    /// Undoes everything.
    ///
    /// # Errors
    /// As [`Session::roll_back`].
    pub async fn roll_back(self) -> Result<(), StoreError> {
        self.session.roll_back().await
    }
}

impl ops::Deref for TokenTransaction {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl ops::DerefMut for TokenTransaction {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

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
    ) -> Result<Result<TokenTransaction, Ended>, StoreError> {
        let mut session = self.begin().await?;
        session.hold(HOLD_SIGNING_KEY, &claims.kid).await?;
        session.lock_key(id).await?;
        let confirmed = session.confirm_token(claims, now).await?;
        match (confirmed, session.find_key(id).await?) {
            (Ok(_), Some(key)) => Ok(Ok(TokenTransaction { session, key, claims: claims.clone() })),
            (confirmed, _) => {
                session.roll_back().await?;
                Ok(Err(confirmed.err().unwrap_or(Ended::KeyRevoked)))
            }
        }
    }
}
