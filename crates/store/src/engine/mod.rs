//! The two databases behind one interface. Nothing here knows a table.

pub(crate) mod error;
pub(crate) mod lookup;
pub(crate) mod migrations;
pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod statements;
pub(crate) mod transaction;
pub(crate) mod value;

use crate::Result;
pub(crate) use statements::statements;
pub(crate) use value::{Row, only_column, params, read};

use error::StoreError;
use postgres::{PgConnection, Pooler, Postgres, shares::Shares};
use sqlite::{Sqlite, checkpoint::Checkpoint};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use transaction::{Reader, Transaction};

/// Where the data lives.
#[derive(Clone)]
pub enum Location {
    /// One SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server; the URL may hold a password and is never shown.
    Postgres(String),
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite at {}", path.display()),
            Self::Postgres(_) => f.write_str("postgres"),
        }
    }
}

impl Location {
    /// Reads `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// Any other scheme, or no path.
    pub fn parse(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            Some(path) if !path.is_empty() && !path.contains('?') => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err(StoreError::Configuration(
                "the database URL must start with sqlite:// or postgres://, like sqlite:///var/lib/duku/duku.db".into(),
            )),
        }
    }
}

/// How to reach the data.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lives.
    pub location: Location,
    /// PostgreSQL: the most connections of this process.
    pub pool_size: usize,
    /// How long to wait for a lock, a connection or an answer before an operation is given up. A transaction that asks
    /// for nothing for a few times as long is given up, too, because others wait for it.
    pub patience: Duration,
    /// PostgreSQL: a file of PEM certificates to trust instead of the system's.
    pub certificate_authority: Option<PathBuf>,
    /// What stands between Duku and PostgreSQL.
    pub pooler: Pooler,
    /// How long a migration waits for another process that migrates, or for transactions that use what it changes.
    pub migration_timeout: Duration,
}

impl Options {
    /// Options with the defaults for `location`.
    pub const fn new(location: Location) -> Self {
        Self {
            location,
            pool_size: 16,
            patience: Duration::from_secs(5),
            certificate_authority: None,
            pooler: Pooler::None,
            migration_timeout: Duration::from_hours(1),
        }
    }
}

/// Of the connections to PostgreSQL, those that readers and transactions share: lookups have four of their own, if there are enough.
fn shared_connections(pool_size: usize) -> usize {
    pool_size - (2 * lookup::STATEMENTS_AT_ONCE).min(pool_size / 2)
}

/// An open database. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres, Arc<Shares>),
}

impl Engine {
    pub(crate) async fn open(options: &Options) -> Result<Self> {
        Ok(match &options.location {
            Location::Sqlite(path) => Self::Sqlite(Sqlite::open(path, options.patience)?),
            Location::Postgres(url) => {
                let shares = Shares::new(shared_connections(options.pool_size), options.patience);
                Self::Postgres(Postgres::connect(url, options).await?, shares)
            }
        })
    }

    /// The pool of connections to PostgreSQL, if the data live there.
    pub(crate) const fn postgres(&self) -> Option<&Postgres> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(postgres, _) => Some(postgres),
        }
    }

    pub(crate) async fn reader(&self) -> Result<Reader> {
        match self {
            Self::Sqlite(sqlite) => Ok(Reader::sqlite(sqlite.clone())),
            Self::Postgres(postgres, shares) => {
                let started = Instant::now();
                let share = shares.acquire().await?;
                let connection = PgConnection::reader_since(postgres, started).await?;
                Ok(Reader::postgres(connection, Some(share)))
            }
        }
    }

    pub(crate) async fn begin(&self) -> Result<Transaction> {
        match self {
            Self::Sqlite(sqlite) => Ok(Transaction::sqlite(sqlite.begin().await?)),
            Self::Postgres(postgres, shares) => {
                let started = Instant::now();
                let share = shares.acquire().await?;
                let connection = PgConnection::transaction(postgres, started).await?;
                Ok(Transaction::postgres(connection, Some(share)))
            }
        }
    }

    pub(crate) async fn close(&self, lock_wait: Duration, limit: Duration) -> Result<Checkpoint> {
        match self {
            Self::Sqlite(sqlite) => match tokio::time::timeout(limit, sqlite.close(lock_wait)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(StoreError::Unavailable("the checkpoint took too long".into())),
            },
            Self::Postgres(..) => Ok(Checkpoint::Complete),
        }
    }
}
