//! What is forgotten once it is over, in batches that each hold locks for a moment only.

use crate::{
    Result, Transaction,
    engine::{params, statements},
};
use domain::Timestamp;

statements! {
    SESSIONS_OF_ENDED = "DELETE FROM sessions WHERE id IN (SELECT c.id FROM sessions p JOIN sessions c ON c.parent_id = p.id \
        WHERE p.expires_at_ms <= $1 ORDER BY p.expires_at_ms LIMIT $2)";
    SESSIONS = "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s \
        WHERE s.expires_at_ms <= $1 ORDER BY s.expires_at_ms LIMIT $2)";
    CEREMONIES = "DELETE FROM passkey_ceremonies WHERE digest IN (SELECT c.digest FROM passkey_ceremonies c \
        WHERE c.expires_at_ms <= $1 ORDER BY c.expires_at_ms LIMIT $2)";
    CODES = "DELETE FROM authorization_codes WHERE digest IN (SELECT c.digest FROM authorization_codes c \
        WHERE c.expires_at_ms <= $1 ORDER BY c.expires_at_ms LIMIT $2)";
    DEVICES = "DELETE FROM device_authorizations WHERE digest IN (SELECT d.digest FROM device_authorizations d \
        WHERE d.expires_at_ms <= $1 ORDER BY d.expires_at_ms LIMIT $2)";
    INVITATIONS = "DELETE FROM invitations WHERE id IN (SELECT i.id FROM invitations i \
        WHERE i.expires_at_ms <= $1 ORDER BY i.expires_at_ms LIMIT $2)";
    LINKS = "DELETE FROM one_time_links WHERE digest IN (SELECT l.digest FROM one_time_links l \
        WHERE l.expires_at_ms <= $1 ORDER BY l.expires_at_ms LIMIT $2)";
    NOTICES = "DELETE FROM key_notices WHERE (key_id, expires_at_ms, days) IN (SELECT n.key_id, n.expires_at_ms, n.days \
        FROM key_notices n WHERE n.expires_at_ms <= $1 ORDER BY n.expires_at_ms LIMIT $2)";
    FORMS = "DELETE FROM sent_forms WHERE id IN (SELECT f.id FROM sent_forms f \
        WHERE f.sent_at_ms <= $1 ORDER BY f.sent_at_ms LIMIT $2)";
    ASSERTIONS = "DELETE FROM used_assertions WHERE digest IN (SELECT a.digest FROM used_assertions a \
        WHERE a.expires_at_ms <= $1 ORDER BY a.expires_at_ms LIMIT $2)";
    MAILS = "DELETE FROM mails WHERE id IN (SELECT m.id FROM mails m \
        WHERE m.created_at_ms <= $1 ORDER BY m.created_at_ms LIMIT $2)";
}

/// What can be forgotten. The time that counts is when it expired, unless something else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// Sessions whose parent has expired; before [`Self::Sessions`], or they would stay until they expire themselves.
    SessionsOfEnded,
    /// Sessions.
    Sessions,
    /// Challenges for passkeys.
    Ceremonies,
    /// Authorization codes.
    Codes,
    /// Waiting devices.
    Devices,
    /// Invitations.
    Invitations,
    /// Links that set passwords, and setup links.
    Links,
    /// What was said of keys that expire; counted from the key's expiry.
    Notices,
    /// Forms that were sent; counted from then.
    Forms,
    /// Mails that could not be sent; counted from when they were written.
    Mails,
    /// Assertions that were exchanged.
    Assertions,
}

impl Outdated {
    const fn sql(self) -> &'static str {
        match self {
            Self::SessionsOfEnded => SESSIONS_OF_ENDED,
            Self::Sessions => SESSIONS,
            Self::Ceremonies => CEREMONIES,
            Self::Codes => CODES,
            Self::Devices => DEVICES,
            Self::Invitations => INVITATIONS,
            Self::Links => LINKS,
            Self::Notices => NOTICES,
            Self::Forms => FORMS,
            Self::Mails => MAILS,
            Self::Assertions => ASSERTIONS,
        }
    }
}

impl Transaction {
    /// Forgets up to `most` of what was over at `until`, the oldest first; answers how many.
    pub async fn forget(&mut self, what: Outdated, until: Timestamp, most: i64) -> Result<u64> {
        self.execute(what.sql(), params![until, most]).await
    }
}
