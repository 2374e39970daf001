//! Statements as nodes of an older schema send them, and how long each of them took.

use crate::{
    cluster::postgres,
    outcome::{During, Outcome},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Each number stands for a key of the data.
const KEYS: i64 = 20_000;
const EXCHANGE: &str = "SELECT k.organisation_id, k.organisation_name, k.label, k.secret_digest, k.grace_digest, \
    k.grace_until_ms, k.lifetime_seconds, k.expires_at_ms, k.token_epoch, \
    EXISTS (SELECT 1 FROM signing_keys s WHERE s.kid = '') \
    FROM api_keys k WHERE k.id = 'key_01m86b0ev2etta2q' || lpad($1::bigint::text, 10, '0')";
const PERSON: &str = "SELECT u.token_epoch, m.role, o.name FROM users u \
    JOIN memberships m ON m.user_id = u.id JOIN organisations o ON o.id = m.organisation_id \
    WHERE u.id = 'usr_01m86b0ev2etta2q' || lpad(($1::bigint % 1000)::text, 10, '0')";
const ROTATE: &str = "UPDATE api_keys SET token_epoch = token_epoch + 1, rotated_at_ms = 1 \
    WHERE id = 'key_01m86b0ev2etta2q' || lpad($1::bigint::text, 10, '0')";

/// What the clients did.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) reads: u64,
    pub(super) longest_read: Duration,
    pub(super) writes: u64,
    pub(super) longest_write: Duration,
}

/// Clients at work.
pub(super) struct Clients {
    stop: Arc<AtomicBool>,
    readers: Vec<JoinHandle<Outcome<(u64, Duration)>>>,
    writer: JoinHandle<Outcome<(u64, Duration)>>,
}

impl Clients {
    pub(super) async fn start(url: &str) -> Outcome<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut readers = Vec::new();
        for sql in [EXCHANGE, EXCHANGE, PERSON] {
            readers.push(repeat(url, sql, &stop).await?);
        }
        let writer = repeat(url, ROTATE, &stop).await?;
        Ok(Self { stop, readers, writer })
    }

    /// Sends them home. A statement that failed is a broken promise.
    pub(super) async fn finish(self) -> Outcome<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        for reader in self.readers {
            let (count, longest) = reader.await.during("a reader")??;
            tally.reads += count;
            tally.longest_read = tally.longest_read.max(longest);
        }
        (tally.writes, tally.longest_write) = self.writer.await.during("a writer")??;
        Ok(tally)
    }
}

/// One statement again and again; gives how often, and how long the longest took.
async fn repeat(
    url: &str,
    sql: &'static str,
    stop: &Arc<AtomicBool>,
) -> Outcome<JoinHandle<Outcome<(u64, Duration)>>> {
    let client = postgres::connect(url).await?;
    let statement = client.prepare(sql).await.during(sql)?;
    let stop = Arc::clone(stop);
    Ok(tokio::spawn(async move {
        let (mut count, mut longest) = (0, Duration::ZERO);
        while !stop.load(Ordering::Relaxed) {
            let key = i64::try_from(count).unwrap_or_default() * 7919 % KEYS;
            let asked = Instant::now();
            client.execute(&statement, &[&key]).await.during(sql)?;
            longest = longest.max(asked.elapsed());
            count += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok((count, longest))
    }))
}

/// A transaction that has read what the migrations alter and stays open for a while.
pub(super) async fn hold_a_report(url: &str, time: Duration) -> Outcome<JoinHandle<Outcome>> {
    let client = postgres::connect(url).await?;
    let report = "BEGIN; SELECT COUNT(*) FROM users; SELECT COUNT(*) FROM memberships; SELECT COUNT(*) FROM organisations; \
        SELECT COUNT(*) FROM targets";
    client.batch_execute(report).await.during("a report")?;
    Ok(tokio::spawn(async move {
        tokio::time::sleep(time).await;
        client.batch_execute("COMMIT").await.during("the end of a report")
    }))
}
