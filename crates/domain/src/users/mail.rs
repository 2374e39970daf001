//! Mail on its way to users.

use crate::Timestamp;

/// A claimed mail is left to its claimant for so long, in seconds: longer than any mail server is waited for.
pub const CLAIM_SECONDS: i64 = 120;
/// After how many seconds a failed mail is tried again, times the number of attempts.
const RETRY_SECONDS: i64 = 60;
/// For how long a mail is tried, in seconds: 3 days.
const GIVE_UP_SECONDS: i64 = 3 * 86_400;

/// A mail that waits to be sent.
#[derive(Debug, Clone)]
pub struct QueuedMail {
    /// Its id, which is also what its seal is bound to.
    pub id: String,
    /// The mail, sealed.
    pub sealed: Vec<u8>,
    /// When it was written.
    pub created_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
}

impl QueuedMail {
    /// When another node may try it that is claimed at `now` as number `place` of those that are sent one after the other:
    /// those before it may take their time, too.
    pub fn next_attempt(&self, place: i64, now: Timestamp) -> Timestamp {
        now.plus_seconds((CLAIM_SECONDS * place).max(RETRY_SECONDS * (self.attempts + 1)))
    }

    /// Mail that was written before this instant is given up.
    pub const fn given_up_before(now: Timestamp) -> Timestamp {
        now.plus_seconds(-GIVE_UP_SECONDS)
    }
}
