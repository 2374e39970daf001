//! What keys were used for and from where, written in batches away from the requests.

use crate::{Session, StoreError, statements::statements, value::params};
use domain::{KeyId, SecretDigest, Timestamp};

statements! {
    COUNT = "INSERT INTO key_usage (key_id, day, exchanges, grace_exchanges, api_calls) \
        SELECT id, $2, $3, $4, $5 FROM api_keys WHERE id = $1 \
        ON CONFLICT (key_id, day) DO UPDATE SET exchanges = key_usage.exchanges + excluded.exchanges, \
        grace_exchanges = key_usage.grace_exchanges + excluded.grace_exchanges, \
        api_calls = key_usage.api_calls + excluded.api_calls";
    NOTE_SOURCE = "INSERT INTO key_sources (key_id, address, secret, last_used_at_ms) \
        SELECT id, $2, $3, $4 FROM api_keys WHERE id = $1 \
        ON CONFLICT (key_id, address, secret) DO UPDATE SET last_used_at_ms = \
        CASE WHEN excluded.last_used_at_ms > key_sources.last_used_at_ms \
        THEN excluded.last_used_at_ms ELSE key_sources.last_used_at_ms END";
    NOTE_DEAD = "UPDATE retired_secrets SET seen_count = seen_count + $3, last_seen_at_ms = $4, last_seen_from = $5 \
        WHERE key_id = $1 AND digest = $2";
    LOCK_DEAD = "UPDATE retired_secrets SET seen_count = seen_count WHERE key_id = $1 AND digest = $2";
    DEAD_LAST_SEEN = "SELECT last_seen_at_ms FROM retired_secrets WHERE key_id = $1 AND digest = $2";
    SOURCES = "SELECT address, secret, last_used_at_ms FROM key_sources \
        WHERE key_id = $1 AND last_used_at_ms >= $2 ORDER BY last_used_at_ms DESC LIMIT 100";
    DAYS = "SELECT day, exchanges, grace_exchanges, api_calls FROM key_usage WHERE key_id = $1 AND day >= $2 ORDER BY day";
    PRUNE_USAGE = "DELETE FROM key_usage WHERE day < $1 OR NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.id = key_usage.key_id)";
    PRUNE_SOURCES = "DELETE FROM key_sources WHERE last_used_at_ms < $1 AND EXISTS (SELECT 1 FROM key_sources n \
        WHERE n.key_id = key_sources.key_id AND n.last_used_at_ms > key_sources.last_used_at_ms)";
    PRUNE_ORPHANED_SOURCES = "DELETE FROM key_sources \
        WHERE NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.id = key_sources.key_id)";
}

/// One day of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Days since the Unix epoch.
    pub day: i64,
    /// Tokens bought.
    pub exchanges: i64,
    /// Of these, with the previous secret, during a rotation's grace.
    pub grace_exchanges: i64,
    /// API calls made.
    pub api_calls: i64,
}

/// Where a key's secret was used from.
#[derive(Debug, Clone)]
pub struct RecentSource {
    /// The address.
    pub address: String,
    /// Whether it was the previous secret, during a rotation's grace.
    pub previous_secret: bool,
    /// When it last was.
    pub last_used_at: Timestamp,
}

/// A former secret that turned up.
#[derive(Debug, Clone)]
pub struct DeadSecretUse {
    /// The key that it belonged to.
    pub key_id: KeyId,
    /// Which secret.
    pub digest: SecretDigest,
    /// How often since the last batch.
    pub times: i64,
    /// When it last did.
    pub at: Timestamp,
    /// From where.
    pub address: Option<String>,
}

impl Session {
    /// Adds to days of keys. Keys that are gone are passed over.
    pub async fn count_key_uses(&mut self, uses: &[(&KeyId, KeyUse)]) -> Result<(), StoreError> {
        let row = |(key, counts): &(&KeyId, KeyUse)| {
            params![key.as_str(), counts.day, counts.exchanges, counts.grace_exchanges, counts.api_calls]
        };
        self.execute_each(COUNT, uses.iter().map(row).collect()).await
    }

    /// Notes where keys were used from. Keys that are gone are passed over.
    pub async fn note_key_sources(&mut self, sources: &[(&KeyId, RecentSource)]) -> Result<(), StoreError> {
        let row = |(key, source): &(&KeyId, RecentSource)| {
            let secret = if source.previous_secret { "previous" } else { "current" };
            params![key.as_str(), source.address.as_str(), secret, source.last_used_at]
        };
        self.execute_each(NOTE_SOURCE, sources.iter().map(row).collect()).await
    }

    /// Counts a former secret that turned up. False if nobody remembers it.
    pub async fn note_dead_secret(&mut self, seen: &DeadSecretUse) -> Result<bool, StoreError> {
        let params = params![seen.key_id.as_str(), seen.digest, seen.times, seen.at, seen.address.as_deref()];
        Ok(self.execute(NOTE_DEAD, params).await? == 1)
    }

    /// When a former secret last turned up, if it ever did. No other transaction counts it until this one ends.
    pub async fn dead_secret_last_seen(
        &mut self,
        key: &KeyId,
        digest: SecretDigest,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.execute(LOCK_DEAD, params![key.as_str(), digest]).await?;
        let found =
            self.find(DEAD_LAST_SEEN, params![key.as_str(), digest], |row| row.optional_time(0)).await?;
        Ok(found.flatten())
    }

    /// From where the key was used since `since`, newest first, at most 100.
    pub async fn key_sources(
        &mut self,
        key: &KeyId,
        since: Timestamp,
    ) -> Result<Vec<RecentSource>, StoreError> {
        self.query(SOURCES, params![key.as_str(), since], |row| {
            Ok(RecentSource {
                address: row.text(0)?,
                previous_secret: row.text(1)? == "previous",
                last_used_at: row.time(2)?,
            })
        })
        .await
    }

    /// The key's days since `day`, oldest first; days without use are left out.
    pub async fn key_days(&mut self, key: &KeyId, day: i64) -> Result<Vec<KeyUse>, StoreError> {
        self.query(DAYS, params![key.as_str(), day], |row| {
            Ok(KeyUse {
                day: row.int(0)?,
                exchanges: row.int(1)?,
                grace_exchanges: row.int(2)?,
                api_calls: row.int(3)?,
            })
        })
        .await
    }

    /// Forgets counters before `day` and addresses not seen since `since` (but each key's newest), and those of deleted keys.
    pub async fn prune_usage(&mut self, day: i64, since: Timestamp) -> Result<u64, StoreError> {
        let counters = self.execute(PRUNE_USAGE, params![day]).await?;
        let sources = self.execute(PRUNE_SOURCES, params![since]).await?;
        Ok(counters + sources + self.execute(PRUNE_ORPHANED_SOURCES, params![]).await?)
    }
}
