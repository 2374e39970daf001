//! Mail on its way, which warnings were mailed, and which forms were carried out.

use crate::{
    OrganisationTransaction, Reader, StoreError, Transaction,
    engine::{
        statements::statements,
        value::{only_column, params, read},
    },
    tables::keys::api_keys::key,
};
use domain::{ApiKey, KeyId, QueuedMail, Timestamp, TokenId, UserId, authority::ManageKeys};

statements! {
    ADD = "INSERT INTO mails (id, sealed, created_at_ms, next_attempt_at_ms, attempts) VALUES ($1, $2, $3, $4, 0)";
    DUE = "SELECT id, sealed, created_at_ms, attempts FROM mails WHERE next_attempt_at_ms <= $1 \
        ORDER BY next_attempt_at_ms LIMIT 20";
    CLAIM = "UPDATE mails SET attempts = attempts + 1, next_attempt_at_ms = $3 \
        WHERE id = $1 AND attempts = $2";
    FAILED = "UPDATE mails SET last_error = $2 WHERE id = $1";
    SENT = "DELETE FROM mails WHERE id = $1";
    NOTICE = "INSERT INTO key_notices (key_id, expires_at_ms, days) VALUES ($1, $2, $3) \
        ON CONFLICT (key_id, expires_at_ms, days) DO NOTHING";
    EXPIRING = "SELECT k.id, k.organisation_id, k.organisation_name, k.label, k.secret_digest, k.secret_hint, \
        k.grace_digest, k.grace_until_ms, k.lifetime_seconds, k.created_at_ms, k.created_by, k.expires_at_ms, \
        k.rotated_at_ms, k.token_epoch, \
        (SELECT MIN(n.days) FROM key_notices n WHERE n.key_id = k.id AND n.expires_at_ms = k.expires_at_ms) \
        FROM api_keys k WHERE k.expires_at_ms > $1 AND k.expires_at_ms <= $2 ORDER BY k.id";
    ADMINS = "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id \
        WHERE m.organisation_id = $1 AND m.role = 'admin' ORDER BY u.id";
    SEND_FORM = "INSERT INTO sent_forms (id, user_id, object_id, sent_at_ms) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (id) DO NOTHING";
    SENT_FORM = "SELECT object_id FROM sent_forms WHERE id = $1 AND user_id = $2";
}

impl Reader {
    /// Up to 20 mails that are due, longest waiting first.
    pub async fn due_mails(&mut self, now: Timestamp) -> Result<Vec<QueuedMail>, StoreError> {
        self.query(DUE, params![now], |row| read!(row => QueuedMail { id, sealed, created_at, attempts }))
            .await
    }

    /// Keys of all organisations that expire after `from` and not after `to`, each with how many days before that its last
    /// warning was given, if one was.
    pub async fn keys_expiring(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(ApiKey, Option<i64>)>, StoreError> {
        self.query(EXPIRING, params![from, to], |row| Ok((key(row)?, row.next()?))).await
    }

    /// The addresses of the organisation's Admins.
    pub async fn admin_addresses(
        &mut self,
        organisation: &domain::OrganisationId,
    ) -> Result<Vec<domain::Email>, StoreError> {
        self.query(ADMINS, params![organisation.as_str()], only_column).await
    }

    /// What a form of the user was carried out on, if it was.
    pub async fn find_sent_form(&mut self, form: &str, user: &UserId) -> Result<Option<String>, StoreError> {
        self.find(SENT_FORM, params![form, user.as_str()], only_column).await
    }
}

impl Transaction {
    /// Queues a mail that is due at `due`.
    pub async fn queue_mail(
        &mut self,
        id: &TokenId,
        sealed: &[u8],
        now: Timestamp,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(ADD, params![id.as_str(), sealed, now, due]).await.map(drop)
    }

    /// Takes a mail on, to be tried again at `next` unless it is gone by then. False if another node took it.
    pub async fn claim_mail(&mut self, mail: &QueuedMail, next: Timestamp) -> Result<bool, StoreError> {
        Ok(self.execute(CLAIM, params![&mail.id, mail.attempts, next]).await? == 1)
    }

    /// Notes why a mail could not be sent.
    pub async fn note_mail_error(&mut self, id: &str, error: &str) -> Result<(), StoreError> {
        self.execute(FAILED, params![id, error]).await.map(drop)
    }

    /// Forgets a mail that was sent.
    pub async fn forget_mail(&mut self, id: &str) -> Result<(), StoreError> {
        self.execute(SENT, params![id]).await.map(drop)
    }

    /// Notes that the warning `days` before a key's expiry is given. False if it was given before, by whichever node.
    pub async fn note_key_notice(
        &mut self,
        key: &KeyId,
        expires_at: Timestamp,
        days: i64,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(NOTICE, params![key.as_str(), expires_at, days]).await? == 1)
    }
}

impl OrganisationTransaction<ManageKeys> {
    /// Notes that a form is carried out on `object_id`. False if it was carried out before.
    pub async fn note_sent_form(
        &mut self,
        form: &str,
        user: &UserId,
        object_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(SEND_FORM, params![form, user.as_str(), object_id, now]).await? == 1)
    }
}
