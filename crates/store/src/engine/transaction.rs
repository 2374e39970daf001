//! One connection with the database, the same on both engines.

use crate::{
    StoreError,
    engine::{
        postgres::{PgConnection, shares::Share},
        sqlite::{Sqlite, SqliteTransaction},
        value::{Mapper, Row, Value},
    },
};
use metrics::{Histogram, histogram};
use std::{pin::Pin, sync::LazyLock, time::Instant};

/// How long operations take, as their callers wait for it. Looked up once: the recorder is there before the first store is.
pub(crate) struct Meters {
    pub(crate) query: Histogram,
    execute: Histogram,
    commit: Histogram,
}

pub(crate) static METERS: LazyLock<Meters> = LazyLock::new(|| {
    let operation = |operation: &'static str| histogram!("duku_database_seconds", "operation" => operation);
    Meters { query: operation("query"), execute: operation("execute"), commit: operation("commit") }
});

/// Runs statements; a transaction if it came from [`crate::Store::begin`].
///
/// A transaction that is dropped before [`Session::commit`] leaves no trace.
pub struct Session {
    inner: Inner,
    /// A failed statement spoils a transaction on PostgreSQL; it is treated alike on both engines. So is one whose
    /// answer nobody waited for: it may have failed.
    spoilt: bool,
}

#[expect(clippy::large_enum_variant, reason = "a session is short-lived and never stored in numbers")]
enum Inner {
    SqliteReader(Sqlite),
    SqliteWriter(SqliteTransaction),
    Postgres { connection: PgConnection, _share: Option<Share> },
}

type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

impl Session {
    pub(crate) const fn sqlite_reader(sqlite: Sqlite) -> Self {
        Self { inner: Inner::SqliteReader(sqlite), spoilt: false }
    }

    pub(crate) const fn sqlite_writer(transaction: SqliteTransaction) -> Self {
        Self { inner: Inner::SqliteWriter(transaction), spoilt: false }
    }

    /// Of whoever has a share of the connections, or a connection apart from those that are shared.
    pub(crate) const fn postgres(connection: PgConnection, share: Option<Share>) -> Self {
        Self { inner: Inner::Postgres { connection, _share: share }, spoilt: false }
    }

    /// Makes everything that the transaction did durable.
    ///
    /// # Errors
    /// Nothing was kept; or, if the connection broke just then, it is not known whether it was.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        if self.spoilt {
            return Err(StoreError::Rejected("a statement of this transaction had failed".into()));
        }
        let started = Instant::now();
        let answer = match &mut self.inner {
            Inner::SqliteReader(_) => Ok(()),
            Inner::SqliteWriter(transaction) => transaction.commit().await,
            Inner::Postgres { connection, .. } => connection.commit().await,
        };
        METERS.commit.record(started.elapsed());
        answer
    }

    /// Undoes everything that the transaction did, for a rejection that goes by what it read. When this returns, what it read
    /// is durable: on SQLite it may have read what an earlier transaction of the same flush had written.
    ///
    /// # Errors
    /// What it read was not kept, so that the rejection has no ground.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::SqliteReader(_) | Inner::Postgres { .. } => Ok(()),
            Inner::SqliteWriter(transaction) => transaction.roll_back().await,
        }
    }

    /// Runs a statement that answers rows.
    pub(crate) async fn query<T: Send + 'static>(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
        map: Mapper<T>,
    ) -> Result<Vec<T>, StoreError> {
        let started = Instant::now();
        let before = self.suspect();
        let answer = match &mut self.inner {
            Inner::SqliteReader(sqlite) => {
                sqlite.read(|connection| crate::engine::sqlite::query(connection, sql, &params, map))
            }
            // Boxed, so that the program has the waiting once and not for every kind of row.
            Inner::SqliteWriter(transaction) => {
                let work = move |connection: &_| crate::engine::sqlite::query(connection, sql, &params, map);
                let rows: Waiting<'_, Vec<T>> = Box::pin(transaction.run(work));
                rows.await
            }
            Inner::Postgres { connection, .. } => {
                let rows: Waiting<'_, _> = Box::pin(connection.query(sql, &params));
                rows.await.and_then(|rows| rows.iter().map(|row| Row::of_postgres(row).read(map)).collect())
            }
        };
        METERS.query.record(started.elapsed());
        self.note(before, answer)
    }

    /// Runs a statement that answers at most one row.
    pub(crate) async fn find<T: Send + 'static>(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
        map: Mapper<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.query(sql, params, map).await?.into_iter().next())
    }

    /// Runs a statement that changes rows and says how many.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
        let started = Instant::now();
        let before = self.suspect();
        let answer = match &mut self.inner {
            Inner::SqliteReader(_) => Err(reading()),
            Inner::SqliteWriter(transaction) => {
                transaction
                    .run(move |connection| crate::engine::sqlite::execute(connection, sql, &params))
                    .await
            }
            Inner::Postgres { connection, .. } => connection.execute(sql, &params).await,
        };
        METERS.execute.record(started.elapsed());
        self.note(before, answer)
    }

    /// Runs a statement that changes rows for each of many sets of parameters, without waiting for one before the next is
    /// sent.
    pub(crate) async fn execute_each(
        &mut self,
        sql: &'static str,
        each: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        let started = Instant::now();
        let before = self.suspect();
        let answer = match &mut self.inner {
            Inner::SqliteReader(_) => Err(reading()),
            Inner::SqliteWriter(transaction) => {
                let mut each = each.into_iter();
                let work = move |connection: &_| {
                    each.try_for_each(|params| {
                        crate::engine::sqlite::execute(connection, sql, &params).map(drop)
                    })
                };
                transaction.run(work).await
            }
            Inner::Postgres { connection, .. } => connection.execute_each(sql, &each).await,
        };
        METERS.execute.record(started.elapsed());
        self.note(before, answer)
    }

    /// Runs a script of several statements, as a migration is.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let before = self.suspect();
        let answer = match &mut self.inner {
            Inner::SqliteReader(_) => Err(reading()),
            Inner::SqliteWriter(transaction) => {
                transaction
                    .run(move |connection| connection.execute_batch(sql).map_err(StoreError::from))
                    .await
            }
            Inner::Postgres { connection, .. } => connection.script(sql).await,
        };
        self.note(before, answer)
    }

    /// Prepares a statement without running it, for the test that prepares all of them.
    ///
    /// # Errors
    /// The statement does not fit the schema.
    pub async fn prepare(&mut self, sql: &'static str) -> Result<(), StoreError> {
        match &mut self.inner {
            Inner::SqliteReader(sqlite) => {
                sqlite.read(|connection| connection.prepare(sql).map(drop).map_err(StoreError::from))
            }
            Inner::SqliteWriter(transaction) => {
                transaction
                    .run(move |connection| connection.prepare(sql).map(drop).map_err(StoreError::from))
                    .await
            }
            Inner::Postgres { connection, .. } => connection.prepare(sql).await,
        }
    }

    /// From now on answers are waited for as long as they take: the server has no limit either, or its own.
    pub(crate) const fn wait_without_limit(&mut self) {
        if let Inner::Postgres { connection, .. } = &mut self.inner {
            connection.wait_without_limit();
        }
    }

    /// Whether the engine is PostgreSQL, for the few places where the dialects differ.
    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres { .. })
    }

    /// Takes the session for spoilt until [`Self::note`] knows better; answers what it was before.
    const fn suspect(&mut self) -> bool {
        std::mem::replace(&mut self.spoilt, true)
    }

    fn note<T>(&mut self, before: bool, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.spoilt = before || answer.is_err();
        answer
    }
}

fn reading() -> StoreError {
    StoreError::Rejected("a reading session cannot write".into())
}
