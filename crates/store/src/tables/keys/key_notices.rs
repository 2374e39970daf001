//! Which warnings before a key's expiry were mailed, and to whom they go.

use crate::{
    Reader, Result, Transaction,
    engine::{only_column, params, statements},
    tables::keys::api_keys::key,
};
use domain::{ApiKey, Email, KeyId, OrganisationId, Timestamp};

statements! {
    NOTICE = "INSERT INTO key_notices (key_id, expires_at_ms, days) VALUES ($1, $2, $3) \
        ON CONFLICT (key_id, expires_at_ms, days) DO NOTHING";
    EXPIRING = "SELECT k.id, k.organisation_id, k.organisation_name, k.label, k.secret_digest, k.secret_hint, \
        k.grace_digest, k.grace_until_ms, k.lifetime_seconds, k.created_at_ms, k.created_by, k.expires_at_ms, \
        k.rotated_at_ms, k.token_epoch, \
        (SELECT MIN(n.days) FROM key_notices n WHERE n.key_id = k.id AND n.expires_at_ms = k.expires_at_ms) \
        FROM api_keys k WHERE k.expires_at_ms > $1 AND k.expires_at_ms <= $2 ORDER BY k.id";
    ADMINS = "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id \
        WHERE m.organisation_id = $1 AND m.role = 'admin' ORDER BY u.id";
}

impl Reader {
    /// Keys of all organisations that expire after `from` and not after `to`, each with how many days before that its last
    /// warning was given, if one was.
    pub async fn keys_expiring(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(ApiKey, Option<i64>)>> {
        self.query(EXPIRING, params![from, to], |row| Ok((key(row)?, row.next()?))).await
    }

    /// The addresses of the organisation's Admins.
    pub async fn admin_addresses(&mut self, organisation: &OrganisationId) -> Result<Vec<Email>> {
        self.query(ADMINS, params![organisation.as_str()], only_column).await
    }
}

impl Transaction {
    /// Notes that the warning `days` before a key's expiry is given. False if it was given before, by whichever node.
    pub async fn note_key_notice(&mut self, key: &KeyId, expires_at: Timestamp, days: i64) -> Result<bool> {
        Ok(self.execute(NOTICE, params![key.as_str(), expires_at, days]).await? == 1)
    }
}
