//! One session's use of a connection.
//!
//! A connection that was cut, or on which a transaction is still open, never goes back to the pool.

use super::Postgres;
use crate::{StoreError, value::Value};
use deadpool_postgres::Object;
use futures::future::try_join_all;
use std::time::{Duration, Instant};
use tokio_postgres::{Statement, error::SqlState, types::ToSql};

/// The level is named because a server may have another default, and locking rows relies on this one.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// A connection, and whether a transaction is open on it.
pub(crate) struct Conversation {
    postgres: Postgres,
    connection: Option<Object>,
    in_transaction: bool,
    /// How long the connection was waited for: the first answer on it has only the rest of the time.
    waited: Duration,
}

/// Why there is no answer.
enum Fault {
    /// The connection is of no more use; another may be.
    Cut(StoreError),
    /// The time is over.
    Silence(StoreError),
    /// The connection is good.
    Said(StoreError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let cut = match error.as_db_error() {
            Some(database) => matches!(
                *database.code(),
                SqlState::ADMIN_SHUTDOWN
                    | SqlState::CRASH_SHUTDOWN
                    | SqlState::CANNOT_CONNECT_NOW
                    | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            ),
            // The rest are parameters that could not be sent and answers that could not be read.
            None => error.is_closed() || is_io(&error),
        };
        let error = StoreError::from(error);
        if cut { Self::Cut(error) } else { Self::Said(error) }
    }
}

impl Fault {
    fn silence() -> Self {
        Self::Silence(StoreError::Unavailable("PostgreSQL does not answer".into()))
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error + 'static>::is::<std::io::Error>)
}

impl Conversation {
    /// For reading.
    pub(crate) async fn reader(postgres: &Postgres) -> Result<Self, StoreError> {
        Self::reader_since(postgres, Instant::now()).await
    }

    /// For reading, by whoever has been waiting for an answer since `started`.
    async fn reader_since(postgres: &Postgres, started: Instant) -> Result<Self, StoreError> {
        let connection = Some(postgres.connection(started).await?);
        Ok(Self { postgres: postgres.clone(), connection, in_transaction: false, waited: started.elapsed() })
    }

    /// In a new transaction.
    pub(crate) async fn transaction(postgres: &Postgres) -> Result<Self, StoreError> {
        let started = Instant::now();
        let mut conversation = Self::reader_since(postgres, started).await?;
        match conversation.start().await {
            // The pool had not noticed yet that the connection was cut. Nothing has been done on it.
            Err(Fault::Cut(_)) => {
                conversation = Self::reader_since(postgres, started).await?;
                conversation.start().await.map_err(StoreError::from)?;
            }
            answer => answer?,
        }
        Ok(conversation)
    }

    async fn start(&mut self) -> Result<(), Fault> {
        // Set first: whoever stops waiting for the answer leaves a connection with an open transaction.
        self.in_transaction = true;
        self.batch(BEGIN).await
    }

    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        if self.in_transaction {
            self.batch("COMMIT").await?;
            self.in_transaction = false;
        }
        Ok(())
    }

    pub(crate) async fn query(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        self.ask(sql, &borrowed(params)).await
    }

    pub(super) async fn ask(
        &mut self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let started = Instant::now();
        let rows = match self.rows(sql, params).await {
            // A reader can ask again; a transaction is gone with its connection.
            Err(Fault::Cut(_)) if !self.in_transaction => {
                self.connection = Some(self.postgres.connection(started).await?);
                self.waited = started.elapsed();
                self.rows(sql, params).await
            }
            answer => answer,
        };
        Ok(rows?)
    }

    pub(crate) async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, StoreError> {
        let answer = self
            .within(async |connection| {
                let statement = connection.prepare_cached(sql).await?;
                connection.execute(&statement, &borrowed(params)).await
            })
            .await;
        Ok(answer?)
    }

    /// Sends the statement with each set of parameters before the first answer is waited for.
    pub(crate) async fn execute_each(
        &mut self,
        sql: &'static str,
        each: &[Vec<Value>],
    ) -> Result<(), StoreError> {
        let answer = self
            .within(async |connection| {
                let statement = connection.prepare_cached(sql).await?;
                let changes = each
                    .iter()
                    .map(async |params: &Vec<Value>| connection.execute(&statement, &borrowed(params)).await);
                try_join_all(changes).await
            })
            .await;
        Ok(answer.map(drop)?)
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        Ok(self.batch(sql).await?)
    }

    pub(crate) async fn prepare(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let answer: Result<Statement, Fault> =
            self.within(async |connection| connection.prepare(sql).await).await;
        Ok(answer.map(drop)?)
    }

    async fn rows(
        &mut self,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, Fault> {
        self.within(async |connection| {
            let statement = connection.prepare_cached(sql).await?;
            connection.query(&statement, params).await
        })
        .await
    }

    async fn batch(&mut self, sql: &'static str) -> Result<(), Fault> {
        self.within(async |connection| connection.batch_execute(sql).await).await
    }

    /// Waits for an answer, but not for ever, and parts with a connection that is of no more use.
    async fn within<T>(
        &mut self,
        work: impl AsyncFnOnce(&Object) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Fault> {
        let Some(connection) = &self.connection else {
            return Err(Fault::Cut(StoreError::Unavailable("the connection to PostgreSQL is lost".into())));
        };
        let limit = self.postgres.limit().saturating_sub(std::mem::take(&mut self.waited));
        let answer = tokio::time::timeout(limit, work(connection)).await;
        let answer = answer.map_or_else(|_| Err(Fault::silence()), |answer| answer.map_err(Fault::from));
        if matches!(answer, Err(Fault::Cut(_) | Fault::Silence(_))) {
            self.part();
        }
        answer
    }

    /// Closes the connection instead of giving it back.
    fn part(&mut self) {
        self.connection.take().map(Object::take);
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Cut(error) | Fault::Silence(error) | Fault::Said(error) => error,
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if self.in_transaction
            && let Some(connection) = self.connection.take()
        {
            let open = OpenTransaction(Some(connection));
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(open.roll_back(self.postgres.limit()));
            }
        }
    }
}

/// A connection whose transaction nobody wants any more. Closing it would do, but a rejection is no reason to connect anew.
struct OpenTransaction(Option<Object>);

impl OpenTransaction {
    async fn roll_back(mut self, limit: Duration) {
        if let Some(connection) = &self.0
            && let Ok(Ok(())) = tokio::time::timeout(limit, connection.batch_execute("ROLLBACK")).await
        {
            drop(self.0.take());
        }
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.0.take().map(Object::take);
    }
}

fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
