//! A witness of the audit log: where each chain ended, kept where the owner of the database cannot rewrite it.
//!
//! The seal of a chain's end shows that the end was sealed here, not that it is the newest one: whoever can write the
//! database can cut a chain and put an older end back. Ends that were noted elsewhere show it.

use crate::{Operations, RequestContext, Result};
use domain::audit::AuditHead;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

/// The message of the log line that notes an end. It is read again by [`Witness::read_line`], so it does not change.
pub const LOG_MESSAGE: &str = "audit log witness";

/// Which ends were noted already by this process.
#[derive(Default)]
pub(crate) struct NotedEnds(Mutex<HashMap<String, i64>>);

/// Where a chain ended when somebody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedEnd {
    /// The organisation's id, or `system`.
    pub chain: String,
    /// The number of its last entry then.
    pub sequence: i64,
    /// That entry's hash.
    pub hash: String,
}

impl WitnessedEnd {
    /// The end as a line of a witness file, without the line's end.
    pub fn line(&self, ctx: &RequestContext) -> String {
        let line = json!({
            "at": ctx.now.to_string(), "chain": self.chain, "sequence": self.sequence, "hash": self.hash,
        });
        line.to_string()
    }
}

/// The newest end of each chain that a witness knows.
#[derive(Debug, Default)]
pub struct Witness(BTreeMap<String, Vec<WitnessedEnd>>);

impl Witness {
    /// Takes in a line of a witness file, or of a log in JSON. False if it is neither.
    pub fn read_line(&mut self, line: &str) -> bool {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return false };
        // A line of a witness file has no message.
        if line.get("message").is_some_and(|message| message != LOG_MESSAGE) {
            return false;
        }
        let text = |name: &str| line.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let sequence = line.get("sequence").and_then(Value::as_i64);
        let (Some(chain), Some(sequence), Some(hash)) = (text("chain"), sequence, text("hash")) else {
            return false;
        };
        self.0.entry(chain.clone()).or_default().push(WitnessedEnd { chain, sequence, hash });
        true
    }

    /// How many ends it knows.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The chains that it knows.
    pub(crate) fn chains(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What does not fit of an entry that is in the database.
    pub(crate) fn contradicts(&self, chain: &str, sequence: i64, hash: &str) -> Option<String> {
        let ends = self.0.get(chain)?;
        let other = ends.iter().find(|end| end.sequence == sequence && end.hash != hash)?;
        Some(format!(
            "entry {sequence} is another one than the witness saw: its hash was {}",
            short(&other.hash)
        ))
    }

    /// What does not fit of a chain that ends at `sequence`.
    pub(crate) fn cut(&self, chain: &str, sequence: i64) -> Option<String> {
        let newest = self.0.get(chain)?.iter().max_by_key(|end| end.sequence)?;
        (newest.sequence > sequence).then(|| {
            format!(
                "the chain was cut: it ends at {sequence}, and the witness saw entry {} ({})",
                newest.sequence,
                short(&newest.hash)
            )
        })
    }
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

impl Operations<'_> {
    /// The ends of all chains that have grown since [`Self::note_witnessed`] was last told of them.
    pub async fn ends_to_witness(self) -> Result<Vec<WitnessedEnd>> {
        let heads = self.0.store.reader().await?.audit_heads().await?;
        let noted = self.0.noted_ends.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = |head: &AuditHead| noted.get(&head.chain).is_none_or(|seen| *seen < head.sequence);
        let ends = heads.into_iter().filter(|head| head.sequence > 0 && grown(head));
        Ok(ends
            .map(|AuditHead { chain, sequence, hash, .. }| WitnessedEnd { chain, sequence, hash })
            .collect())
    }

    /// Remembers which ends have been noted.
    pub fn note_witnessed(self, ends: &[WitnessedEnd]) {
        let mut noted = self.0.noted_ends.0.lock().unwrap_or_else(PoisonError::into_inner);
        for end in ends {
            noted.insert(end.chain.clone(), end.sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_read_from_its_file_and_from_a_log() {
        let mut witness = Witness::default();
        let end = WitnessedEnd { chain: "org_1".into(), sequence: 7, hash: "a".repeat(64) };
        let ctx = RequestContext::background(domain::Timestamp::from_seconds(0), "test");
        assert!(witness.read_line(&end.line(&ctx)));
        let logged = json!({
            "timestamp": "…", "level": "INFO", "target": "duku::witness",
            "message": LOG_MESSAGE, "chain": "org_1", "sequence": 9, "hash": "b",
        });
        assert!(witness.read_line(&logged.to_string()));
        let other = logged.to_string().replace(LOG_MESSAGE, "another message");
        for other in ["", "no JSON", "{}", "{\"message\":\"stopped\"}", "{\"chain\":\"x\"}", &other] {
            assert!(!witness.read_line(other), "{other}");
        }
        assert_eq!(witness.len(), 2);
        assert_eq!(witness.cut("org_1", 9), None);
        assert!(witness.cut("org_1", 8).unwrap().contains("entry 9"));
        assert_eq!(witness.contradicts("org_1", 7, &"a".repeat(64)), None);
        assert!(witness.contradicts("org_1", 7, "c").is_some());
        assert_eq!((witness.cut("org_2", 0), witness.contradicts("org_2", 7, "c")), (None, None));
    }
}
