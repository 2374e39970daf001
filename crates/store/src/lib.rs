//! Storage: SQLite in one file, or PostgreSQL. The only place that knows SQL.
//!
//! A [`Session`] runs statements on either engine; a session from [`Store::begin`] is a transaction and
//! loses everything unless it is committed. An operation is durable when [`Session::commit`] has answered.

mod audit;
mod authority;
mod authorization;
mod checkup;
mod cleaning;
mod copies;
mod error;
mod keys;
mod links;
mod mails;
mod members;
mod meta;
mod migrate;
mod organisations;
mod passkeys;
mod postgres;
mod products;
mod second_factors;
mod session;
mod sessions;
mod signing_keys;
mod sqlite;
mod statements;
mod tokens;
mod usage;
mod value;

pub use audit::{AuditFilter, AuditHead};
pub use authority::{
    FoundOrganisation, JoinOrganisation, MayAddMembers, OrganisationTransaction, TokenTransaction, UserProof,
    UserTransaction,
};
pub use authorization::{DeviceDecision, StoredCode, StoredDevice};
pub use checkup::ServerFacts;
pub use cleaning::Outdated;
pub use copies::{
    Differences, MOST_DIFFERENCES, Named, RunningGrace, SoleUse, copy_sqlite, create_private,
    faults_of_sqlite, folder_of, has_sqlite_data,
};
pub use error::StoreError;
pub use keys::{KeyAtDoor, KeyAtExchange, KeyOverview};
pub use links::{Invitation, InvitationEnd, LinkPurpose, OneTimeLink};
pub use mails::QueuedMail;
pub use members::{Member, Person, PersonForTokenCheck, PersonToken};
pub use passkeys::{CeremonyPurpose, StoredCeremony, StoredPasskey};
pub use postgres::Pooler;
pub use postgres::shares::{Origin, attribute_work_to, on_behalf_of, on_same_behalf};
pub use second_factors::StoredSecondFactor;
pub use session::Session;
pub use sessions::{Membership, PersonSession, SessionKind, VisitorRow};
pub use signing_keys::StoredSigningKey;
pub use sqlite::checkpoint::Checkpoint;
pub use statements::{all_statements, dialects};
pub use usage::{DayPosition, DeadSecretUse, KeyUse, RecentSource, SOURCES_OF_A_KEY, SourcePosition};

use postgres::shares::Shares;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

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
    pub fn parse(url: &str) -> Result<Self, StoreError> {
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

/// Of the connections to PostgreSQL, those that sessions share: the hot path's reads have four of their own, if there are enough.
fn shared_connections(pool_size: usize) -> usize {
    pool_size - (2 * postgres::lookups::LANES).min(pool_size / 2)
}

/// An open store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Engine);

#[derive(Clone)]
enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Gathering, Arc<Shares>),
}

impl Store {
    /// Opens the data, making the file or the tables if they are missing and migrating older ones.
    ///
    /// Several processes may open the same data at once: one migrates, the others wait.
    ///
    /// # Errors
    /// The data cannot be reached, written, or was written by a newer version.
    pub async fn open(options: &Options) -> Result<Self, StoreError> {
        let store = Self::open_engine(options).await?;
        migrate::run(&store, options.migration_timeout).await?;
        Ok(store)
    }

    async fn open_engine(options: &Options) -> Result<Self, StoreError> {
        Ok(match &options.location {
            Location::Sqlite(path) => Self(Engine::Sqlite(sqlite::Sqlite::open(path, options.patience)?)),
            Location::Postgres(url) => {
                let shares = Shares::new(shared_connections(options.pool_size), options.patience);
                Self(Engine::Postgres(postgres::Gathering::connect(url, options).await?, shares))
            }
        })
    }

    /// The pool of connections to PostgreSQL, if the data live there.
    pub(crate) const fn postgres(&self) -> Option<&postgres::Postgres> {
        match &self.0 {
            Engine::Sqlite(_) => None,
            Engine::Postgres(postgres, _) => Some(postgres.pool()),
        }
    }

    /// A session for reading, which sees the newest commit of any process at each statement.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn reader(&self) -> Result<Session, StoreError> {
        match &self.0 {
            Engine::Sqlite(sqlite) => Ok(Session::sqlite_reader(sqlite.clone())),
            Engine::Postgres(postgres, shares) => {
                let started = Instant::now();
                let share = shares.acquire().await?;
                let conversation = postgres::Conversation::reader_since(postgres.pool(), started).await?;
                Ok(Session::postgres(conversation, Some(share)))
            }
        }
    }

    /// Starts a transaction.
    ///
    /// # Errors
    /// The database cannot be reached or cannot be written.
    pub async fn begin(&self) -> Result<Session, StoreError> {
        match &self.0 {
            Engine::Sqlite(sqlite) => Ok(Session::sqlite_writer(sqlite.begin().await?)),
            Engine::Postgres(postgres, shares) => {
                let started = Instant::now();
                let share = shares.acquire().await?;
                let conversation = postgres::Conversation::transaction(postgres.pool(), started).await?;
                Ok(Session::postgres(conversation, Some(share)))
            }
        }
    }

    /// Ends writing, after everything that was begun, and on SQLite brings the write-ahead log into the database file, so that
    /// the file alone is a whole copy. It waits no longer than `lock_wait` for other processes. Whatever becomes of it, nothing
    /// is lost: what the file lacks is in the log.
    ///
    /// # Errors
    /// The file cannot be written, or `limit` was too short.
    pub async fn close(&self, lock_wait: Duration, limit: Duration) -> Result<Checkpoint, StoreError> {
        match &self.0 {
            Engine::Sqlite(sqlite) => match tokio::time::timeout(limit, sqlite.close(lock_wait)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(StoreError::Unavailable("the checkpoint took too long".into())),
            },
            Engine::Postgres(..) => Ok(Checkpoint::Complete),
        }
    }

    /// Which engine holds the data: `sqlite` or `postgres`.
    pub const fn engine(&self) -> &'static str {
        match self.0 {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(..) => "postgres",
        }
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// There is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if let Engine::Postgres(postgres, _) = &self.0 {
            postgres.pool().check_again().await?;
        }
        self.reader().await?.meta("schema").await.map(drop)
    }
}
