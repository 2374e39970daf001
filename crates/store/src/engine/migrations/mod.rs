//! Migrations: numbered scripts, run at start in one transaction each, by one process at a time.
//!
//! On PostgreSQL nodes of the version before go on meanwhile: indexes on large tables are built concurrently, and a script that
//! cannot lock its tables at once gives way and tries again.

mod indexes;

use crate::{
    Engine, Reader, Result, StoreError,
    engine::value::{only_column, params},
};
use indexes::{Index, index};
use std::{
    pin::pin,
    time::{Duration, Instant},
};

/// How often the log says what is waited for.
const REPORT: Duration = Duration::from_secs(10);

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    /// Indexes on tables that may be large. They are built before the script, which makes those that are missing.
    indexes: &'static [Index],
}

macro_rules! migrations {
    ($($version:literal $name:literal $(concurrently $index:literal on $columns:literal)*;)*) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
            indexes: &[$(index!($index, $columns)),*],
        }),*]
    };
}

const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_foundation";
    2 "0002_people" concurrently "api_keys_by_expiry" on "api_keys (expires_at_ms)";
    3 "0003_passkeys";
    4 "0004_authority";
    5 "0005_cleaning"
        concurrently "key_sources_by_last_use" on "key_sources (key_id, last_used_at_ms)"
        concurrently "key_notices_by_expiry" on "key_notices (expires_at_ms)"
        concurrently "sent_forms_by_sending" on "sent_forms (sent_at_ms)";
    6 "0006_target_secrets";
    7 "0007_workloads";
};

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations \
     (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
/// Any number will do, as long as every node of a cluster takes the same: this spells "duku". Whoever does not get it tries
/// again: waiting inside PostgreSQL would be a statement that the building of an index waits for.
const LOCK: &str = "SELECT CASE WHEN pg_try_advisory_xact_lock(1685416821) THEN 1::bigint ELSE 0::bigint END";
/// A migration takes as long as it takes. It does not wait for the lock of a table for long, because everyone else who wants
/// that table waits behind it.
const LIMITS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
     SET LOCAL lock_timeout = 500";
/// How long a migration waits before it tries again, at first; each time it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What a try came to.
enum Step {
    /// The data have this binary's schema.
    Current,
    /// One migration was made.
    Migrated,
    /// Another process has the lock.
    Blocked,
}

/// Whom a migration waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blocker {
    /// Another process migrates.
    Process,
    /// A transaction uses the tables.
    Transaction,
}

/// Brings the data to this binary's schema. Waits so long for others who migrate, or who use what is to be changed.
pub(crate) async fn run(engine: &Engine, timeout: Duration) -> Result<()> {
    let before = version_before_writing(engine).await?;
    if before == newest() {
        return Ok(());
    }
    let (mut wait, mut pause): (Option<Wait>, _) = (None, FIRST_PAUSE);
    loop {
        let blocker = match step(engine, before > 0).await {
            Ok(Step::Current) => return Ok(()),
            Ok(Step::Migrated) => {
                (wait, pause) = (None, FIRST_PAUSE);
                continue;
            }
            Ok(Step::Blocked) => Blocker::Process,
            Err(error) if error.is_lock_timeout() && engine.postgres().is_none() => Blocker::Process,
            Err(error) if error.is_lock_timeout() => Blocker::Transaction,
            Err(error) => return Err(error),
        };
        wait.get_or_insert_with(Wait::begin).report(blocker, timeout)?;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(blocker.longest_pause());
    }
}

/// How long the data have been waited for.
struct Wait {
    began: Instant,
    reported: Option<Instant>,
}

impl Wait {
    fn begin() -> Self {
        Self { began: Instant::now(), reported: None }
    }

    /// Says now and then what is waited for, unless it has been waited for too long.
    fn report(&mut self, blocker: Blocker, timeout: Duration) -> Result<()> {
        if self.began.elapsed() >= timeout {
            return Err(blocker.given_up(timeout));
        }
        if self.reported.is_none_or(|at| at.elapsed() >= REPORT) {
            self.reported = Some(Instant::now());
            tracing::info!(seconds = self.began.elapsed().as_secs(), "{}", blocker.waited_for());
        }
        Ok(())
    }
}

/// Makes the next migration, if there is one and nobody else makes it. Data that were fresh have no rows to go on with.
async fn step(engine: &Engine, has_rows: bool) -> Result<Step> {
    let mut transaction = engine.begin().await?;
    if transaction.is_postgres() {
        transaction.script(LIMITS).await?;
        transaction.wait_without_limit();
        let locked = transaction.find(LOCK, params![], only_column).await?;
        if locked != Some(true) {
            return Ok(Step::Blocked);
        }
    }
    transaction.script(HISTORY).await?;
    let found = current(&mut transaction).await?;
    reject_newer(found)?;
    let Some(next) = MIGRATIONS.iter().find(|migration| migration.version > found) else {
        transaction.commit().await?;
        return Ok(Step::Current);
    };
    let (version, name) = (next.version, next.name);
    if transaction.is_postgres() && has_rows {
        for index in next.indexes {
            index.prepare(engine, &mut transaction).await?;
        }
    }
    let script = transaction.script(if transaction.is_postgres() { next.postgres } else { next.sqlite });
    report_while(&format!("the migration {name} is still under way"), script).await?;
    transaction
        .execute("INSERT INTO schema_migrations (version, name) VALUES ($1, $2)", params![version, name])
        .await?;
    transaction.commit().await?;
    tracing::info!(version, name, "migrated the database");
    Ok(Step::Migrated)
}

impl Blocker {
    const fn longest_pause(self) -> Duration {
        match self {
            Self::Process => Duration::from_secs(1),
            // Each try makes others wait.
            Self::Transaction => Duration::from_secs(5),
        }
    }

    const fn waited_for(self) -> &'static str {
        match self {
            Self::Process => "waiting for another process that migrates the database",
            Self::Transaction => "waiting for transactions that use what a migration changes",
        }
    }

    fn given_up(self, timeout: Duration) -> StoreError {
        let seconds = timeout.as_secs();
        StoreError::Unavailable(match self {
            Self::Process => format!(
                "another process has been migrating the database for {seconds} seconds: its log says how far it is; start \
                 again when it is done, or raise migration_timeout_seconds"
            ),
            Self::Transaction => format!(
                "a migration could not lock its tables for {seconds} seconds, because other transactions use them: end \
                 those (on PostgreSQL pg_stat_activity shows them), or raise migration_timeout_seconds; nothing was changed"
            ),
        })
    }
}

/// Writes a line every ten seconds until the work is done.
async fn report_while<T>(what: &str, work: impl Future<Output = T>) -> T {
    let (mut work, started) = (pin!(work), Instant::now());
    loop {
        if let Ok(done) = tokio::time::timeout(REPORT, &mut work).await {
            return done;
        }
        tracing::info!(seconds = started.elapsed().as_secs(), "{what}");
    }
}

pub(crate) fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn reject_newer(found: i64) -> Result<()> {
    let known = newest();
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(()) }
}

/// What the data says without asking for a write lock, so that opening current data disturbs nobody.
pub(crate) async fn version_before_writing(engine: &Engine) -> Result<i64> {
    match current(&mut engine.reader().await?).await {
        Ok(found) => reject_newer(found).map(|()| found),
        Err(StoreError::Rejected(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

async fn current(reader: &mut Reader) -> Result<i64> {
    let found = reader.find("SELECT MAX(version) FROM schema_migrations", params![], only_column).await?;
    Ok(found.flatten().unwrap_or(0))
}
