//! Reading and writing, the same on both engines.

use crate::{
    Result, StoreError,
    engine::{
        postgres::{PgConnection, shares::Share},
        sqlite::{Sqlite, SqliteConnection, SqliteTransaction},
        value::{Mapper, Row, Value},
    },
};
use metrics::{Histogram, histogram};
use std::{
    ops::{Deref, DerefMut},
    pin::Pin,
    sync::LazyLock,
    time::Instant,
};

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

/// Reads. Each statement sees the newest commit of any process; within a [`Transaction`] also what that did.
pub struct Reader {
    connection: Connection,
    /// A failed statement spoils a transaction on PostgreSQL; it is treated alike on both engines. So is one whose
    /// answer nobody waited for: it may have failed.
    spoilt: bool,
}

/// A transaction, which reads as a [`Reader`] does and can write. If it is dropped before [`Self::commit`], it leaves no trace.
pub struct Transaction(Reader);

#[expect(clippy::large_enum_variant, reason = "a connection is short-lived and never stored in numbers")]
enum Connection {
    Sqlite(SqliteConnection),
    Postgres { connection: PgConnection, _share: Option<Share> },
}

type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Deref for Transaction {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.0
    }
}

impl Reader {
    pub(crate) const fn sqlite(sqlite: Sqlite) -> Self {
        Self { connection: Connection::Sqlite(SqliteConnection::Reader(sqlite)), spoilt: false }
    }

    /// Of whoever has a share of the connections, or a connection apart from those that are shared.
    pub(crate) const fn postgres(connection: PgConnection, share: Option<Share>) -> Self {
        Self { connection: Connection::Postgres { connection, _share: share }, spoilt: false }
    }

    /// Runs a statement that answers rows.
    pub(crate) async fn query<T: Send + 'static>(
        &mut self,
        sql: &'static str,
        params: Vec<Value>,
        map: Mapper<T>,
    ) -> Result<Vec<T>> {
        let started = Instant::now();
        let before = self.suspect();
        let answer = match &mut self.connection {
            // Boxed, so that the program has the waiting once and not for every kind of row.
            Connection::Sqlite(sqlite) => {
                let work = move |connection: &_| crate::engine::sqlite::query(connection, sql, &params, map);
                let rows: Waiting<'_, Vec<T>> = Box::pin(sqlite.run(work));
                rows.await
            }
            Connection::Postgres { connection, .. } => {
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
    ) -> Result<Option<T>> {
        Ok(self.query(sql, params, map).await?.into_iter().next())
    }

    /// Prepares a statement without running it, for the test that prepares all of them.
    ///
    /// # Errors
    /// The statement does not fit the schema.
    pub async fn prepare(&mut self, sql: &'static str) -> Result<()> {
        match &mut self.connection {
            Connection::Sqlite(sqlite) => {
                sqlite
                    .run(move |connection| connection.prepare(sql).map(drop).map_err(StoreError::from))
                    .await
            }
            Connection::Postgres { connection, .. } => connection.prepare(sql).await,
        }
    }

    /// Whether the engine is PostgreSQL, for the few places where the dialects differ.
    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.connection, Connection::Postgres { .. })
    }

    /// Takes the connection for spoilt until [`Self::note`] knows better; answers what it was before.
    const fn suspect(&mut self) -> bool {
        std::mem::replace(&mut self.spoilt, true)
    }

    fn note<T>(&mut self, before: bool, answer: Result<T>) -> Result<T> {
        self.spoilt = before || answer.is_err();
        answer
    }
}

impl Transaction {
    pub(crate) const fn sqlite(transaction: SqliteTransaction) -> Self {
        let connection = Connection::Sqlite(SqliteConnection::Writer(transaction));
        Self(Reader { connection, spoilt: false })
    }

    /// As [`Reader::postgres`].
    pub(crate) const fn postgres(connection: PgConnection, share: Option<Share>) -> Self {
        Self(Reader::postgres(connection, share))
    }

    /// Makes everything that the transaction did durable.
    ///
    /// # Errors
    /// Nothing was kept; or, if the connection broke just then, it is not known whether it was.
    pub async fn commit(mut self) -> Result<()> {
        if self.spoilt {
            return Err(StoreError::Rejected("a statement of this transaction had failed".into()));
        }
        let started = Instant::now();
        let answer = match &mut self.connection {
            Connection::Sqlite(sqlite) => sqlite.commit().await,
            Connection::Postgres { connection, .. } => connection.commit().await,
        };
        METERS.commit.record(started.elapsed());
        answer
    }

    /// Undoes everything that the transaction did, for a rejection that goes by what it read. When this returns, what it read
    /// is durable: on SQLite it may have read what an earlier transaction of the same flush had written.
    ///
    /// # Errors
    /// What it read was not kept, so that the rejection has no ground.
    pub async fn roll_back(self) -> Result<()> {
        match &self.connection {
            Connection::Sqlite(sqlite) => sqlite.roll_back().await,
            Connection::Postgres { .. } => Ok(()),
        }
    }

    /// Runs a statement that changes rows and says how many.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u64> {
        let started = Instant::now();
        let before = self.suspect();
        let answer = match &mut self.connection {
            Connection::Sqlite(sqlite) => {
                sqlite.run(move |connection| crate::engine::sqlite::execute(connection, sql, &params)).await
            }
            Connection::Postgres { connection, .. } => connection.execute(sql, &params).await,
        };
        METERS.execute.record(started.elapsed());
        self.note(before, answer)
    }

    /// Runs a statement that changes rows for each of many sets of parameters, without waiting for one before the next is
    /// sent.
    pub(crate) async fn execute_each(&mut self, sql: &'static str, each: Vec<Vec<Value>>) -> Result<()> {
        let started = Instant::now();
        let before = self.suspect();
        let answer = match &mut self.connection {
            Connection::Sqlite(sqlite) => {
                let mut each = each.into_iter();
                let work = move |connection: &_| {
                    each.try_for_each(|params| {
                        crate::engine::sqlite::execute(connection, sql, &params).map(drop)
                    })
                };
                sqlite.run(work).await
            }
            Connection::Postgres { connection, .. } => connection.execute_each(sql, &each).await,
        };
        METERS.execute.record(started.elapsed());
        self.note(before, answer)
    }

    /// Runs a script of several statements, as a migration is.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<()> {
        let before = self.suspect();
        let answer = match &mut self.connection {
            Connection::Sqlite(sqlite) => {
                sqlite.run(move |connection| connection.execute_batch(sql).map_err(StoreError::from)).await
            }
            Connection::Postgres { connection, .. } => connection.script(sql).await,
        };
        self.note(before, answer)
    }

    /// From now on answers are waited for as long as they take: the server has no limit either, or its own.
    pub(crate) fn wait_without_limit(&mut self) {
        if let Connection::Postgres { connection, .. } = &mut self.connection {
            connection.wait_without_limit();
        }
    }
}
