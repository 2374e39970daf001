//! The audit log: one chain per organisation, append-only in the database itself.

use crate::{
    Reader, Result, StoreError, Transaction,
    engine::{Row, only_column, params, read, statements},
};
use domain::audit::{AuditEvent, SYSTEM_CHAIN};
use domain::audit::{AuditFilter, AuditHead};

macro_rules! event_columns {
    () => {
        "id, chain, sequence, at_ms, actor_kind, actor_id, actor_name, action, object_id, object_name, details, \
         address, previous_hash, hash"
    };
}

statements! {
    OPEN_CHAIN = "INSERT INTO audit_heads (chain, sequence, hash, seal) VALUES ($1, 0, $2, '') \
        ON CONFLICT (chain) DO NOTHING";
    LOCK_HEAD = "UPDATE audit_heads SET seal = seal WHERE chain = $1";
    HEAD = "SELECT chain, sequence, hash, seal FROM audit_heads WHERE chain = $1";
    CHAINS = "SELECT c.chain, COALESCE(h.sequence, 0), COALESCE(h.hash, ''), COALESCE(h.seal, '') \
        FROM (SELECT chain FROM audit_heads UNION SELECT chain FROM audit_events UNION SELECT id FROM organisations \
        UNION SELECT CAST($1 AS TEXT)) c \
        LEFT JOIN audit_heads h ON h.chain = c.chain ORDER BY c.chain";
    MOVE_HEAD = "UPDATE audit_heads SET sequence = $2, hash = $3, seal = $4 WHERE chain = $1";
    INSERT = concat!(
        "INSERT INTO audit_events (", event_columns!(), ") \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    );
    FORWARD = concat!(
        "SELECT ", event_columns!(), " FROM audit_events WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
    );
    BACKWARD = concat!(
        "SELECT ", event_columns!(), " FROM audit_events WHERE chain = $1 AND sequence < $2 \
         AND ($4 = '' OR action = $4) AND ($5 = '' OR object_id = $5) AND ($6 = '' OR actor_id = $6) ORDER BY sequence DESC LIMIT $3"
    );
    SEQUENCE_OF = "SELECT sequence FROM audit_events WHERE chain = $1 AND id = $2";
}

fn head(row: &Row<'_>) -> Result<AuditHead> {
    read!(row => AuditHead { chain, sequence, hash, seal })
}

fn event(row: &Row<'_>) -> Result<AuditEvent> {
    read!(row => AuditEvent {
        id, chain, sequence, at, actor_kind, actor_id, actor_name, action, object_id, object_name, details,
        address, previous_hash, hash,
    })
}

impl Reader {
    /// The chain's end.
    pub async fn audit_head(&mut self, chain: &str) -> Result<Option<AuditHead>> {
        self.find(HEAD, params![chain], head).await
    }

    /// The end of every chain that there must be; number 0 and no seal where it is missing.
    pub async fn audit_heads(&mut self) -> Result<Vec<AuditHead>> {
        self.query(CHAINS, params![SYSTEM_CHAIN], head).await
    }

    /// Up to `first` entries after number `after`, oldest first.
    pub async fn audit_events_after(
        &mut self,
        chain: &str,
        after: i64,
        first: i64,
    ) -> Result<Vec<AuditEvent>> {
        self.query(FORWARD, params![chain, after, first], event).await
    }

    /// Up to `first` entries before the entry `before` (or the newest ones), newest first.
    pub async fn audit_events_before(
        &mut self,
        chain: &str,
        before: Option<&str>,
        first: i64,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEvent>> {
        let before = match before {
            None => i64::MAX,
            Some(id) => self.find(SEQUENCE_OF, params![chain, id], only_column).await?.unwrap_or(0),
        };
        let action = filter.action.as_deref().unwrap_or("");
        let object = filter.object_id.as_deref().unwrap_or("");
        let actor = filter.actor_id.as_deref().unwrap_or("");
        self.query(BACKWARD, params![chain, before, first, action, object, actor], event).await
    }
}

impl Transaction {
    /// The chain's end, opening the chain if it is new, and no other transaction appends until this one ends.
    pub async fn lock_audit_head(&mut self, chain: &str) -> Result<AuditHead> {
        self.execute(OPEN_CHAIN, params![chain, domain::audit::FIRST_PREVIOUS_HASH]).await?;
        self.execute(LOCK_HEAD, params![chain]).await?;
        self.audit_head(chain).await?.ok_or_else(|| StoreError::corrupt("an audit chain without an end"))
    }

    /// Appends an entry and moves the chain's end to it.
    pub async fn append_audit_event(&mut self, event: &AuditEvent, seal: &str) -> Result<()> {
        let params = params![event =>
            id, chain, sequence, at, actor_kind, actor_id, actor_name, action, object_id, object_name,
            details, address, previous_hash, hash,
        ];
        self.execute(INSERT, params).await?;
        self.execute(MOVE_HEAD, params![&event.chain, event.sequence, &event.hash, seal]).await.map(drop)
    }
}
