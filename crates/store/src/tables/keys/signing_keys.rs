//! Signing keys, private parts sealed under the master key.

use crate::{
    Reader, Result, Transaction,
    engine::{params, read, statements},
};
use domain::Timestamp;

statements! {
    INSERT = "INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private_key, created_at_ms, signs_from_ms) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    LIST = "SELECT kid, algorithm, public_jwk, sealed_private_key, created_at_ms, signs_from_ms \
        FROM signing_keys ORDER BY signs_from_ms, kid";
    DELETE = "DELETE FROM signing_keys WHERE kid = $1";
}

/// A signing key as stored.
#[derive(Debug, Clone)]
pub struct StoredSigningKey {
    /// Its key id, the RFC 7638 thumbprint.
    pub kid: String,
    /// `ES256`, `RS256` or `EdDSA`.
    pub algorithm: String,
    /// The public key as a JWK, in JSON.
    pub public_jwk: String,
    /// The private key, sealed under the master key with the kid as context.
    pub sealed_private_key: Vec<u8>,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// When it starts to sign. The newest that has started is the one that signs.
    pub signs_from: Timestamp,
}

impl Reader {
    /// Every signing key, in the order in which they start to sign.
    pub async fn signing_keys(&mut self) -> Result<Vec<StoredSigningKey>> {
        self.query(LIST, params![], |row| {
            read!(row => StoredSigningKey {
                kid, algorithm, public_jwk, sealed_private_key, created_at, signs_from,
            })
        })
        .await
    }
}

impl Transaction {
    /// Adds a signing key.
    pub async fn insert_signing_key(&mut self, key: &StoredSigningKey) -> Result<()> {
        let params = params![key => kid, algorithm, public_jwk, sealed_private_key, created_at, signs_from];
        self.execute(INSERT, params).await.map(drop)
    }

    /// Deletes a signing key: its tokens are rejected from now on. False if there is none.
    pub async fn delete_signing_key(&mut self, kid: &str) -> Result<bool> {
        Ok(self.execute(DELETE, params![kid]).await? == 1)
    }
}
