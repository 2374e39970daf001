//! What keys were used for and from where, written in batches away from the requests.

use crate::{
    Reader, Result, Transaction,
    engine::{only_column, params, read, statements},
};
use domain::{
    KeyId, KeyUse, RecentSource, SecretDigest, Timestamp,
    api_key::usage::{DeadSecretUse, Exchange, SOURCES_OF_A_KEY},
};

statements! {
    COUNT = "INSERT INTO key_usage (key_id, day, exchanges, grace_exchanges, api_calls, other_addresses) \
        SELECT id, $2, $3, $4, $5, $6 FROM api_keys WHERE id = $1 \
        ON CONFLICT (key_id, day) DO UPDATE SET exchanges = key_usage.exchanges + excluded.exchanges, \
        grace_exchanges = key_usage.grace_exchanges + excluded.grace_exchanges, \
        api_calls = key_usage.api_calls + excluded.api_calls, \
        other_addresses = key_usage.other_addresses + excluded.other_addresses";
    NOTE_SOURCE = "INSERT INTO key_sources (key_id, address, secret, last_used_at_ms, user_agent, exchanged_at_ms, \
        exchanged_digest, run) SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM api_keys WHERE id = $1 \
        ON CONFLICT (key_id, address, secret) DO UPDATE SET user_agent = excluded.user_agent, last_used_at_ms = \
        CASE WHEN excluded.last_used_at_ms > key_sources.last_used_at_ms \
        THEN excluded.last_used_at_ms ELSE key_sources.last_used_at_ms END, exchanged_at_ms = \
        CASE WHEN key_sources.exchanged_at_ms IS NULL OR excluded.exchanged_at_ms > key_sources.exchanged_at_ms \
        THEN excluded.exchanged_at_ms ELSE key_sources.exchanged_at_ms END, exchanged_digest = \
        CASE WHEN key_sources.exchanged_at_ms IS NULL OR excluded.exchanged_at_ms > key_sources.exchanged_at_ms \
        THEN excluded.exchanged_digest ELSE key_sources.exchanged_digest END, run = COALESCE(excluded.run, key_sources.run)";
    NOTE_DEAD = "UPDATE retired_secrets SET seen_count = seen_count + $3, last_seen_at_ms = $4, last_seen_from = $5 \
        WHERE key_id = $1 AND digest = $2";
    LOCK_DEAD = "UPDATE retired_secrets SET seen_count = seen_count WHERE key_id = $1 AND digest = $2";
    DEAD_LAST_SEEN = "SELECT last_seen_at_ms FROM retired_secrets WHERE key_id = $1 AND digest = $2";
    SOURCES = "SELECT address, secret, user_agent, last_used_at_ms, exchanged_at_ms, exchanged_digest, run FROM key_sources \
        WHERE key_id = $1 AND last_used_at_ms >= $2 ORDER BY last_used_at_ms DESC LIMIT 100";
    DAYS = "SELECT day, exchanges, grace_exchanges, api_calls, other_addresses FROM key_usage WHERE key_id = $1 AND day >= $2 ORDER BY day";
    COUNT_OTHERS = "UPDATE key_usage SET other_addresses = other_addresses + (SELECT COUNT(*) FROM (SELECT 1 \
        FROM key_sources s WHERE s.key_id = $1 ORDER BY s.last_used_at_ms DESC LIMIT $4 OFFSET $3) AS others) \
        WHERE key_id = $1 AND day = $2";
    FORGET_OTHERS = "DELETE FROM key_sources WHERE (key_id, address, secret) IN (SELECT s.key_id, s.address, s.secret \
        FROM key_sources s WHERE s.key_id = $1 ORDER BY s.last_used_at_ms DESC LIMIT $3 OFFSET $2)";
    NEXT_DAYS = "SELECT key_id, day FROM key_usage WHERE (key_id, day) > ($1, $2) ORDER BY key_id, day LIMIT 1 OFFSET $3";
    FORGET_DAYS = "DELETE FROM key_usage WHERE (key_id, day) > ($1, $2) AND (key_id, day) <= ($3, $4) \
        AND (day < $5 OR NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.id = key_usage.key_id))";
    NEXT_SOURCES = "SELECT key_id, address, secret FROM key_sources WHERE (key_id, address, secret) > ($1, $2, $3) \
        ORDER BY key_id, address, secret LIMIT 1 OFFSET $4";
    FORGET_SOURCES = "DELETE FROM key_sources WHERE (key_id, address, secret) > ($1, $2, $3) \
        AND (key_id, address, secret) <= ($4, $5, $6) AND (NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.id = key_sources.key_id) \
        OR last_used_at_ms < $7 AND EXISTS (SELECT 1 FROM key_sources n \
        WHERE n.key_id = key_sources.key_id AND n.last_used_at_ms > key_sources.last_used_at_ms) \
        OR last_used_at_ms < (SELECT n.last_used_at_ms FROM key_sources n \
        WHERE n.key_id = key_sources.key_id ORDER BY n.last_used_at_ms DESC LIMIT 1 OFFSET $8))";
}

/// The most addresses of a key that are forgotten at once.
const OTHERS_AT_ONCE: i64 = 1000;

fn exchange(at: Option<Timestamp>, secret: Option<SecretDigest>) -> Option<Exchange> {
    at.zip(secret).map(|(at, secret)| Exchange { at, secret })
}

impl Reader {
    /// From where the key was used since `since`, newest first, at most 100.
    pub async fn key_sources(&mut self, key: &KeyId, since: Timestamp) -> Result<Vec<RecentSource>> {
        self.query(SOURCES, params![key.as_str(), since], |row| {
            Ok(RecentSource {
                address: row.next()?,
                previous_secret: row.next::<String>()? == "previous",
                user_agent: row.next()?,
                last_used_at: row.next()?,
                exchange: exchange(row.next()?, row.next()?),
                run: row.next::<Option<String>>()?.and_then(|run| serde_json::from_str(&run).ok()),
            })
        })
        .await
    }

    /// The key's days since `day`, oldest first; days without use are left out.
    pub async fn key_days(&mut self, key: &KeyId, day: i64) -> Result<Vec<KeyUse>> {
        self.query(
            DAYS,
            params![key.as_str(), day],
            |row| read!(row => KeyUse { day, exchanges, grace_exchanges, api_calls, other_addresses }),
        )
        .await
    }
}

impl Transaction {
    /// Adds to days of keys. Keys that are gone are passed over.
    pub async fn count_key_uses(&mut self, uses: &[(&KeyId, KeyUse)]) -> Result<()> {
        let row = |(key, counts): &(&KeyId, KeyUse)| {
            let KeyUse { day, exchanges, grace_exchanges, api_calls, other_addresses } = *counts;
            params![key.as_str(), day, exchanges, grace_exchanges, api_calls, other_addresses]
        };
        self.execute_each(COUNT, uses.iter().map(row).collect()).await
    }

    /// Notes where keys were used from. Keys that are gone are passed over.
    pub async fn note_key_sources(&mut self, sources: &[(&KeyId, RecentSource)]) -> Result<()> {
        let row = |(key, source): &(&KeyId, RecentSource)| {
            let secret = if source.previous_secret { "previous" } else { "current" };
            params![
                key.as_str(),
                source.address.as_str(),
                secret,
                source.last_used_at,
                source.user_agent.as_deref(),
                source.exchange.map(|exchange| exchange.at),
                source.exchange.map(|exchange| exchange.secret),
                source.run.as_ref().and_then(|run| serde_json::to_string(run).ok())
            ]
        };
        self.execute_each(NOTE_SOURCE, sources.iter().map(row).collect()).await
    }

    /// Counts a former secret that turned up. False if nobody remembers it.
    pub async fn note_dead_secret(&mut self, seen: &DeadSecretUse) -> Result<bool> {
        let params = params![seen.key_id.as_str(), seen.digest, seen.times, seen.at, seen.address.as_deref()];
        Ok(self.execute(NOTE_DEAD, params).await? == 1)
    }

    /// When a former secret last turned up, if it ever did. No other transaction counts it until this one ends.
    pub async fn dead_secret_last_seen(
        &mut self,
        key: &KeyId,
        digest: SecretDigest,
    ) -> Result<Option<Timestamp>> {
        self.execute(LOCK_DEAD, params![key.as_str(), digest]).await?;
        let found = self.find(DEAD_LAST_SEEN, params![key.as_str(), digest], only_column).await?;
        Ok(found.flatten())
    }

    /// Forgets addresses of keys that have more than [`SOURCES_OF_A_KEY`], the oldest, and counts them on `day`.
    pub async fn forget_other_sources(&mut self, keys: &[&KeyId], day: i64) -> Result<()> {
        let count = keys.iter().map(|key| params![key.as_str(), day, SOURCES_OF_A_KEY, OTHERS_AT_ONCE]);
        self.execute_each(COUNT_OTHERS, count.collect()).await?;
        let forget = keys.iter().map(|key| params![key.as_str(), SOURCES_OF_A_KEY, OTHERS_AT_ONCE]);
        self.execute_each(FORGET_OTHERS, forget.collect()).await
    }

    /// Looks at the `size` counters after `from` and forgets those before `day` and those of deleted keys. Answers how many
    /// were forgotten and where the next ones begin; nowhere at the end.
    pub async fn forget_days(
        &mut self,
        from: &DayPosition,
        size: i64,
        day: i64,
    ) -> Result<(u64, Option<DayPosition>)> {
        let next = self
            .find(NEXT_DAYS, params![&from.key, from.day, size - 1], |row| {
                Ok(DayPosition { key: row.next()?, day: row.next()? })
            })
            .await?;
        let to = next.clone().unwrap_or_else(|| DayPosition { key: LAST.to_owned(), day: 0 });
        let params = params![&from.key, from.day, &to.key, to.day, day];
        Ok((self.execute(FORGET_DAYS, params).await?, next))
    }

    /// Looks at the `size` addresses after `from` and forgets those not seen since `since` (but each key's newest), those of
    /// deleted keys, and what a key has beyond [`SOURCES_OF_A_KEY`]. Answers as [`Self::forget_days`].
    pub async fn forget_sources(
        &mut self,
        from: &SourcePosition,
        size: i64,
        since: Timestamp,
    ) -> Result<(u64, Option<SourcePosition>)> {
        let SourcePosition { key, address, secret } = from;
        let next = self
            .find(
                NEXT_SOURCES,
                params![key, address, secret, size - 1],
                |row| read!(row => SourcePosition { key, address, secret }),
            )
            .await?;
        let end = SourcePosition { key: LAST.to_owned(), ..SourcePosition::default() };
        let to = next.clone().unwrap_or(end);
        let others = SOURCES_OF_A_KEY - 1;
        let params = params![key, address, secret, &to.key, &to.address, &to.secret, since, others];
        Ok((self.execute(FORGET_SOURCES, params).await?, next))
    }
}

/// Behind every id of a key: they begin with `key_`, and databases differ in how they order what is no letter.
const LAST: &str = "zzzz";

/// A counter, in the order of keys and days; the default is before the first.
#[derive(Debug, Clone, Default)]
pub struct DayPosition {
    key: String,
    day: i64,
}

/// An address of a key, in the order of keys; the default is before the first.
#[derive(Debug, Clone, Default)]
pub struct SourcePosition {
    key: String,
    address: String,
    secret: String,
}
