//! Migrations: numbered scripts, run at start in one transaction each, by one process at a time.

use crate::{Session, Store, StoreError, value::params};

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal;)*) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_foundation";
    2 "0002_people";
    3 "0003_passkeys";
    4 "0004_authority";
    5 "0005_cleaning";
};

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations \
     (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
/// Any number will do, as long as every node of a cluster takes the same: this spells "duku".
const LOCK: &str = "SELECT pg_advisory_xact_lock(1685416821)";

/// Brings the data to this binary's schema.
pub(crate) async fn run(store: &Store) -> Result<(), StoreError> {
    if version_before_writing(store).await? == newest() {
        return Ok(());
    }
    loop {
        let mut session = store.begin().await?;
        if session.is_postgres() {
            session.script(LOCK).await?;
        }
        session.script(HISTORY).await?;
        let found = current(&mut session).await?;
        refuse_newer(found)?;
        let Some(next) = MIGRATIONS.iter().find(|migration| migration.version > found) else {
            return session.commit().await;
        };
        session.script(if session.is_postgres() { next.postgres } else { next.sqlite }).await?;
        session
            .execute(
                "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)",
                params![next.version, next.name],
            )
            .await?;
        session.commit().await?;
        tracing::info!(version = next.version, name = next.name, "migrated the database");
    }
}

pub(crate) fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn refuse_newer(found: i64) -> Result<(), StoreError> {
    if found > newest() { Err(StoreError::Newer { found, known: newest() }) } else { Ok(()) }
}

/// What the data says without asking for a write lock, so that opening current data disturbs nobody.
pub(crate) async fn version_before_writing(store: &Store) -> Result<i64, StoreError> {
    match current(&mut store.reader().await?).await {
        Ok(found) => refuse_newer(found).map(|()| found),
        Err(StoreError::Refused(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

async fn current(session: &mut Session) -> Result<i64, StoreError> {
    let found = session
        .find("SELECT MAX(version) FROM schema_migrations", params![], |row| row.optional_int(0))
        .await?;
    Ok(found.flatten().unwrap_or(0))
}
