//! The audit log: appending within a use case's own transaction, listing, verifying.
//!
//! Each entry's hash covers the one before, so an export can be checked by anyone; the end of each chain is sealed
//! with a MAC under the master key, so that whoever rewrites the table cannot make it fit.

use crate::{
    AuditLog, Error, Inner, Principal, RequestContext, Result, operations::audit_witness::Witness, principal,
};
use domain::{
    Capability, Claim, EventId, Timestamp,
    audit::{Action, Actor, AuditEvent, AuditFilter, AuditHead, FIRST_PREVIOUS_HASH, NewEvent, SYSTEM_CHAIN},
};
use jose::MasterKey;
use store::{Store, Transaction};

const SEAL_PURPOSE: &str = "audit head";
const VERIFY_BATCH: i64 = 1000;

/// What an entry says besides who, when and from where.
pub(crate) struct Entry<'a> {
    pub(crate) action: Action,
    pub(crate) object_id: &'a str,
    pub(crate) object_name: &'a str,
    pub(crate) details: serde_json::Value,
}

/// What a walk along one chain found.
#[derive(Debug, Clone)]
pub struct ChainReport {
    /// The organisation's id, or `system`.
    pub chain: String,
    /// How many entries were good.
    pub entries: i64,
    /// The last good entry's hash.
    pub hash: String,
    /// The first thing that does not fit, if any.
    pub damage: Option<String>,
}

impl Inner {
    /// Appends an entry by a principal, in the principal's organisation and the caller's transaction.
    pub(crate) async fn audit(
        &self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        principal: &Principal,
        mut entry: Entry<'_>,
    ) -> Result<()> {
        // What a workload's token did says which run it was issued to.
        if let (Claim::Token(claims), Some(details)) = (&principal.claim, entry.details.as_object_mut())
            && let Some(workload) = &claims.workload
        {
            details.insert("workload".to_owned(), workload.run.as_str().into());
        }
        self.append(transaction, ctx, principal.organisation_id.as_str(), principal.actor(), entry).await
    }

    /// Appends an entry by Duku itself to any chain.
    pub(crate) async fn audit_as_system(
        &self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        chain: &str,
        entry: Entry<'_>,
    ) -> Result<()> {
        self.append(transaction, ctx, chain, principal::system(), entry).await
    }

    pub(crate) async fn append(
        &self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        chain: &str,
        actor: Actor,
        entry: Entry<'_>,
    ) -> Result<()> {
        let head = transaction.lock_audit_head(chain).await?;
        let new = NewEvent {
            id: EventId::generate(ctx.now, self.entropy()),
            at: ctx.now,
            actor,
            action: entry.action,
            object_id: entry.object_id.to_owned(),
            object_name: entry.object_name.to_owned(),
            details: entry.details,
            address: ctx.address.map(|address| address.to_string()),
        };
        let mut event = AuditEvent::place(new, chain, head.sequence + 1, head.hash);
        event.hash = hash_of(&event);
        let seal = self.seal(chain, event.sequence, &event.hash);
        Ok(transaction.append_audit_event(&event, &seal).await?)
    }

    fn seal(&self, chain: &str, sequence: i64, hash: &str) -> String {
        seal(&self.master_key, chain, sequence, hash)
    }
}

impl AuditLog<'_> {
    /// Up to `first` entries of the principal's organisation before the entry `before`, newest first.
    ///
    /// # Errors
    /// The principal may not read the log, or the store fails.
    pub async fn list(
        self,
        principal: &Principal,
        first: i64,
        before: Option<&EventId>,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEvent>> {
        principal.authorise(Capability::ManageOrganisation)?;
        let first = self.0.page(first)?;
        let mut reader = self.0.store.reader().await?;
        let before = before.map(EventId::as_str);
        Ok(reader.audit_events_before(principal.organisation_id.as_str(), before, first, filter).await?)
    }

    /// Up to 1,000 entries of a chain after number `after`, oldest first, for an operator's export.
    pub async fn export(self, chain: &str, after: i64) -> Result<Vec<AuditEvent>> {
        Ok(self.0.store.reader().await?.audit_events_after(chain, after, VERIFY_BATCH).await?)
    }

    /// Up to 1,000 entries of the principal's organisation after number `after`, oldest first.
    ///
    /// # Errors
    /// The principal may not read the log, or not any more, or the store fails.
    pub async fn export_own(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        after: i64,
    ) -> Result<Vec<AuditEvent>> {
        principal.authorise(Capability::ManageOrganisation)?;
        let events = self.export(principal.organisation_id.as_str(), after).await?;
        // After the read: an export goes on for a while, and what was read is given only to who may have it then.
        self.0.confirm(ctx, principal).await?;
        Ok(events)
    }

    /// Walks the chain of the principal's organisation and says whether it is whole.
    ///
    /// # Errors
    /// The principal may not read the log, or the store fails.
    pub async fn verify_own(self, principal: &Principal) -> Result<ChainReport> {
        principal.authorise(Capability::ManageOrganisation)?;
        let chain = principal.organisation_id.as_str();
        let reports = self.verify(Some(chain)).await?;
        reports.into_iter().next().ok_or_else(|| Error::internal("an organisation without a chain"))
    }

    /// Walks every chain, or one, and says of each whether it is whole.
    ///
    /// # Errors
    /// The store fails. A fault in a chain is not an error: it is in the report.
    pub async fn verify(self, only: Option<&str>) -> Result<Vec<ChainReport>> {
        self.verify_against(only, &Witness::default()).await
    }

    /// The same, and whether the chains have all that a witness saw.
    pub async fn verify_against(self, only: Option<&str>, witness: &Witness) -> Result<Vec<ChainReport>> {
        verify_chains(&self.0.store, Some(&self.0.master_key), only, witness).await
    }
}

fn seal(master_key: &MasterKey, chain: &str, sequence: i64, hash: &str) -> String {
    let key = master_key.derive(SEAL_PURPOSE);
    jose::hex(&jose::hmac_sha256(&key, format!("{chain}\n{sequence}\n{hash}").as_bytes()))
}

/// Walks every chain in a store, or one, and says of each whether it is whole. Without the master key the entries are
/// checked against each other, and the seals of the chains' ends are not; without a witness, a chain that was cut and given
/// an older end again passes for whole.
///
/// # Errors
/// The store fails. A fault in a chain is not an error: it is in the report.
pub async fn verify_chains(
    store: &Store,
    master_key: Option<&MasterKey>,
    only: Option<&str>,
    witness: &Witness,
) -> Result<Vec<ChainReport>> {
    let verifier = Verifier { store, master_key, witness };
    let heads = store.reader().await?.audit_heads().await?;
    let mut reports = Vec::new();
    let is_gone = |chain: &&str| heads.iter().all(|head| head.chain != **chain);
    for chain in witness.chains().filter(is_gone).filter(|chain| only.is_none_or(|only| only == *chain)) {
        reports.push(ChainReport {
            chain: chain.to_owned(),
            entries: 0,
            hash: FIRST_PREVIOUS_HASH.to_owned(),
            damage: witness.cut(chain, 0),
        });
    }
    for head in heads.into_iter().filter(|head| only.is_none_or(|chain| chain == head.chain)) {
        reports.push(verifier.chain(head).await?);
    }
    Ok(reports)
}

struct Verifier<'a> {
    store: &'a Store,
    master_key: Option<&'a MasterKey>,
    witness: &'a Witness,
}

impl Verifier<'_> {
    async fn events_after(&self, chain: &str, after: i64) -> Result<Vec<AuditEvent>> {
        Ok(self.store.reader().await?.audit_events_after(chain, after, VERIFY_BATCH).await?)
    }

    async fn chain(&self, head: AuditHead) -> Result<ChainReport> {
        let mut walk = Walk::default();
        let mut damage = None;
        while damage.is_none() && walk.entries < head.sequence {
            // The session is not held over the walk: a long chain must not keep a connection.
            let before = walk.entries;
            let events = self.events_after(&head.chain, before).await?;
            let sealed = events.iter().take_while(|event| event.sequence <= head.sequence);
            damage = sealed.map(|event| self.step(&mut walk, event)).find_map(Result::err);
            if walk.entries == before {
                break;
            }
        }
        if damage.is_none() {
            damage = self.damage_at_end(&head, &walk).await?;
        }
        Ok(ChainReport { chain: head.chain, entries: walk.entries, hash: walk.hash, damage })
    }

    fn step(&self, walk: &mut Walk, event: &AuditEvent) -> Result<(), String> {
        walk.step(event)?;
        self.witness.contradicts(&event.chain, event.sequence, &event.hash).map_or(Ok(()), Err)
    }

    async fn damage_at_end(&self, head: &AuditHead, walk: &Walk) -> Result<Option<String>> {
        if head.sequence == 0 {
            // The first entry and its seal come in one transaction: no good chain is without them.
            return Ok(Some("the sealed end of the chain is missing".to_owned()));
        }
        if walk.entries != head.sequence || walk.hash != head.hash {
            return Ok(Some(format!(
                "the chain ends at {}, its sealed end is {}",
                walk.entries, head.sequence
            )));
        }
        let fits = |key| seal(key, &head.chain, head.sequence, &head.hash) == head.seal;
        if !self.master_key.is_none_or(fits) {
            return Ok(Some("the seal of the chain's end does not fit the master key".to_owned()));
        }
        if let Some(cut) = self.witness.cut(&head.chain, head.sequence) {
            return Ok(Some(cut));
        }
        // What was appended since comes with a later end; what was put there by hand does not.
        let Some(last) = self.events_after(&head.chain, head.sequence).await?.pop() else { return Ok(None) };
        let end = self.store.reader().await?.audit_head(&head.chain).await?.map_or(0, |head| head.sequence);
        let beyond = last.sequence > end;
        Ok(beyond.then(|| format!("entry {} stands behind the chain's sealed end, {end}", last.sequence)))
    }
}

/// An entry as a line of an export, without the line's end: JSON with every field that its hash covers, so that anyone
/// can check it.
pub fn export_line(event: &AuditEvent) -> String {
    let line = serde_json::json!({
        "id": event.id,
        "chain": event.chain,
        "sequence": event.sequence,
        "at": event.at.to_string(),
        "at_ms": event.at.ms(),
        "actor_kind": event.actor_kind,
        "actor_id": event.actor_id,
        "actor_name": event.actor_name,
        "action": event.action,
        "object_id": event.object_id,
        "object_name": event.object_name,
        "details": event.details,
        "address": event.address,
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    });
    line.to_string()
}

/// Reads a line of an export; none if it is no entry.
pub fn read_export_line(line: &str) -> Option<AuditEvent> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line.get(name).and_then(serde_json::Value::as_str).map(ToOwned::to_owned);
    let number = |name: &str| line.get(name).and_then(serde_json::Value::as_i64);
    Some(AuditEvent {
        id: text("id")?,
        chain: text("chain")?,
        sequence: number("sequence")?,
        at: Timestamp::from_ms(number("at_ms")?),
        actor_kind: text("actor_kind")?,
        actor_id: text("actor_id")?,
        actor_name: text("actor_name")?,
        action: text("action")?,
        object_id: text("object_id")?,
        object_name: text("object_name")?,
        details: text("details")?,
        address: text("address"),
        previous_hash: text("previous_hash")?,
        hash: text("hash")?,
    })
}

/// A walk along a chain that checks each entry against the one before. It needs no database: an export can be walked too.
#[derive(Debug)]
pub struct Walk {
    /// How many entries were good.
    pub entries: i64,
    /// The last good entry's hash.
    pub hash: String,
}

impl Default for Walk {
    fn default() -> Self {
        Self { entries: 0, hash: FIRST_PREVIOUS_HASH.to_owned() }
    }
}

impl Walk {
    /// Takes the next entry.
    ///
    /// # Errors
    /// What does not fit, as a sentence.
    pub fn step(&mut self, event: &AuditEvent) -> Result<(), String> {
        let expected = self.entries + 1;
        if event.sequence != expected {
            return Err(format!("entry {expected} is missing; {} follows", event.sequence));
        }
        if event.previous_hash != self.hash || event.hash != hash_of(event) {
            return Err(format!("entry {expected} ({}) was changed", event.id));
        }
        self.entries = expected;
        self.hash.clone_from(&event.hash);
        Ok(())
    }
}

fn hash_of(event: &AuditEvent) -> String {
    jose::hex(&jose::sha256(&event.covered_bytes()))
}

/// The chain for what concerns no single organisation.
pub(crate) const SYSTEM: &str = SYSTEM_CHAIN;
