//! Mail on its way.

use crate::{
    Reader, Result, Transaction,
    engine::{params, read, statements},
};
use domain::{QueuedMail, Timestamp, TokenId};

statements! {
    ADD = "INSERT INTO mails (id, sealed, created_at_ms, next_attempt_at_ms, attempts) VALUES ($1, $2, $3, $4, 0)";
    DUE = "SELECT id, sealed, created_at_ms, attempts FROM mails WHERE next_attempt_at_ms <= $1 \
        ORDER BY next_attempt_at_ms LIMIT 20";
    CLAIM = "UPDATE mails SET attempts = attempts + 1, next_attempt_at_ms = $3 \
        WHERE id = $1 AND attempts = $2";
    FAILED = "UPDATE mails SET last_error = $2 WHERE id = $1";
    SENT = "DELETE FROM mails WHERE id = $1";
}

impl Reader {
    /// Up to 20 mails that are due, longest waiting first.
    pub async fn due_mails(&mut self, now: Timestamp) -> Result<Vec<QueuedMail>> {
        self.query(DUE, params![now], |row| read!(row => QueuedMail { id, sealed, created_at, attempts }))
            .await
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
    ) -> Result<()> {
        self.execute(ADD, params![id.as_str(), sealed, now, due]).await.map(drop)
    }

    /// Takes a mail on, to be tried again at `next` unless it is gone by then. False if another node took it.
    pub async fn claim_mail(&mut self, mail: &QueuedMail, next: Timestamp) -> Result<bool> {
        Ok(self.execute(CLAIM, params![&mail.id, mail.attempts, next]).await? == 1)
    }

    /// Notes why a mail could not be sent.
    pub async fn note_mail_error(&mut self, id: &str, error: &str) -> Result<()> {
        self.execute(FAILED, params![id, error]).await.map(drop)
    }

    /// Forgets a mail that was sent.
    pub async fn forget_mail(&mut self, id: &str) -> Result<()> {
        self.execute(SENT, params![id]).await.map(drop)
    }
}
