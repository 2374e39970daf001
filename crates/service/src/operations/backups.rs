//! What an installation remembers of its backups, and what becomes of an old state when it comes back to life.

use crate::{
    Operations, RequestContext, Result,
    audit::{Entry, SYSTEM},
};
use domain::{
    Timestamp,
    audit::{Action, Actor, AuditFilter, SYSTEM_CHAIN},
};
use serde_json::{Value, json};
use store::{Store, Transaction};

/// What the audit log calls the object of these entries: the data as a whole.
const DATA: &str = "data";

impl Operations<'_> {
    /// Notes that a backup was made: who has copies of the data is worth knowing.
    pub async fn note_backup(
        self,
        ctx: &RequestContext,
        operator: Actor,
        name: &str,
        details: Value,
    ) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        let entry = Entry { action: Action::DataBackedUp, object_id: DATA, object_name: name, details };
        self.0.append(&mut transaction, ctx, SYSTEM, operator, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Notes that these data come from a backup and, with `end`, ends every access token, session, code, link and
    /// invitation in them: some were ended after the backup was made, and nobody knows any more which.
    pub async fn note_restore(
        self,
        ctx: &RequestContext,
        operator: &Actor,
        name: &str,
        details: Value,
        end: bool,
    ) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        if end {
            self.end_everything(&mut transaction, ctx, operator).await?;
        }
        let entry = Entry { action: Action::DataRestored, object_id: DATA, object_name: name, details };
        self.0.append(&mut transaction, ctx, SYSTEM, operator.clone(), entry).await?;
        transaction.commit().await?;
        self.0.tokens().refresh_signing_keys().await
    }

    /// Ends every access token, session, code, link and invitation of all organisations, on every node. API keys stay.
    pub async fn end_all_access(self, ctx: &RequestContext, operator: &Actor) -> Result<()> {
        let mut transaction = self.0.store.begin().await?;
        self.end_everything(&mut transaction, ctx, operator).await?;
        let entry = Entry {
            action: Action::AllAccessEnded,
            object_id: DATA,
            object_name: "all organisations",
            details: json!({}),
        };
        self.0.append(&mut transaction, ctx, SYSTEM, operator.clone(), entry).await?;
        transaction.commit().await?;
        self.0.tokens().refresh_signing_keys().await
    }

    async fn end_everything(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        operator: &Actor,
    ) -> Result<()> {
        // Raising every key's token epoch would not do: a signing key that was withdrawn since is back as well.
        self.0.tokens().replace_signing_keys(transaction, ctx, operator).await?;
        Ok(transaction.end_every_way_in(ctx.now).await?)
    }
}

/// When the last backup was made with `duku backup`, as the audit log has it.
pub async fn last_backup(store: &Store) -> Result<Option<Timestamp>> {
    let filter =
        AuditFilter { action: Some(Action::DataBackedUp.as_str().to_owned()), ..AuditFilter::default() };
    let found = store.reader().await?.audit_events_before(SYSTEM_CHAIN, None, 1, &filter).await?;
    Ok(found.first().map(|event| event.at))
}
