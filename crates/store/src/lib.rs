//! Storage: SQLite in one file, or PostgreSQL. The only place that knows SQL.
//!
//! A [`Reader`] runs statements on either engine. So does a [`Transaction`], which can write and loses everything unless it is
//! committed. An operation is durable when [`Transaction::commit`] has answered. Everything fails if the database does.

mod all_statements;
mod backups;
mod engine;
mod health;
mod tables;

pub use all_statements::{all_statements, dialects};
pub use backups::{
    Differences, MOST_DIFFERENCES, Named, RunningGrace, SoleUse, copy_sqlite, create_private,
    damage_of_sqlite, folder_of, has_sqlite_data,
};
pub use engine::error::StoreError;
pub use engine::postgres::Pooler;
pub use engine::postgres::shares::{Origin, attribute_work_to, on_behalf_of, on_same_behalf};
pub use engine::sqlite::checkpoint::Checkpoint;
pub use engine::transaction::{Reader, Transaction};
pub use engine::{Location, Options};
pub use health::ServerFacts;
pub use tables::authority::{
    FoundOrganisation, JoinOrganisation, MayAddMembers, OrganisationTransaction, TokenTransaction, UserProof,
    UserTransaction,
};
pub use tables::cleaning::Outdated;
pub use tables::keys::api_keys::{KeyForIssuance, KeyForTokenCheck};
pub use tables::keys::identities::{KeyForAssertion, SingleUse, UseUp};
pub use tables::keys::key_usage::{DayPosition, SourcePosition};
pub use tables::keys::signing_keys::StoredSigningKey;

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

use engine::{Engine, migrations};
use std::{sync::Arc, time::Duration};

/// An open store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    keys: Arc<tables::keys::api_keys::KeyLookups>,
    identities: Arc<tables::keys::identities::IdentityLookup>,
}

impl Store {
    fn on(engine: Engine) -> Self {
        Self {
            keys: Arc::new(tables::keys::api_keys::KeyLookups::new(&engine)),
            identities: Arc::new(tables::keys::identities::IdentityLookup::new(&engine)),
            engine,
        }
    }

    /// Opens the data, making the file or the tables if they are missing and migrating older ones.
    ///
    /// Several processes may open the same data at once: one migrates, the others wait.
    ///
    /// # Errors
    /// The data cannot be reached, written, or was written by a newer version.
    pub async fn open(options: &Options) -> Result<Self> {
        let engine = Engine::open(options).await?;
        migrations::run(&engine, options.migration_timeout).await?;
        Ok(Self::on(engine))
    }

    /// For reading: each statement sees the newest commit of any process.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn reader(&self) -> Result<Reader> {
        self.engine.reader().await
    }

    /// Starts a transaction.
    ///
    /// # Errors
    /// The database cannot be reached or cannot be written.
    pub async fn begin(&self) -> Result<Transaction> {
        self.engine.begin().await
    }

    /// Ends writing, after everything that was begun, and on SQLite brings the write-ahead log into the database file, so that
    /// the file alone is a whole copy. It waits no longer than `lock_wait` for other processes. Whatever becomes of it, nothing
    /// is lost: what the file lacks is in the log.
    ///
    /// # Errors
    /// The file cannot be written, or `limit` was too short.
    pub async fn close(&self, lock_wait: Duration, limit: Duration) -> Result<Checkpoint> {
        self.engine.close(lock_wait, limit).await
    }

    /// Which engine holds the data: `sqlite` or `postgres`.
    pub const fn engine(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(..) => "postgres",
        }
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// There is none.
    pub async fn ping(&self) -> Result<()> {
        if let Some(postgres) = self.engine.postgres() {
            postgres.check_again().await?;
        }
        self.reader().await?.meta("schema").await.map(drop)
    }
}
