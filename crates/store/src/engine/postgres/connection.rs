//! What a reader or a transaction does with its connection.
//!
//! A connection that was cut, or on which a transaction is still open, never goes back to the pool.

use super::{
    Pooler, Postgres, pooler,
    statements::{Parameter, execute, query_in_transaction, query_unnamed, typed},
};
use crate::{Result, StoreError, engine::value::Value};
use deadpool_postgres::Object;
use futures::{TryStreamExt, future::try_join_all};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_postgres::{Row, Statement, error::SqlState};

/// A connection, and whether a transaction is open on it.
pub(crate) struct PgConnection {
    postgres: Postgres,
    connection: Option<Object>,
    in_transaction: bool,
    /// How long the connection was waited for: the first answer on it has only the rest of the time.
    waited: Duration,
    /// Whether answers are waited for as long as they take.
    unlimited: bool,
    /// Whether the connection is closed afterwards, because it is not as others expect it.
    apart: bool,
}

/// Why there is no answer.
enum QueryError {
    /// The connection is of no more use; another may be.
    ConnectionLost(StoreError),
    /// The time is over.
    Timeout(StoreError),
    /// The connection does not keep its session.
    SessionLost(StoreError),
    /// The connection is good.
    Database(StoreError),
}

impl From<tokio_postgres::Error> for QueryError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.code().is_some_and(pooler::is_lost_session) {
            return Self::SessionLost(pooler::lost_session());
        }
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
        if cut { Self::ConnectionLost(error) } else { Self::Database(error) }
    }
}

impl QueryError {
    fn timeout() -> Self {
        Self::Timeout(StoreError::Unavailable("PostgreSQL does not answer".into()))
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error + 'static>::is::<std::io::Error>)
}

impl PgConnection {
    /// For reading.
    pub(crate) async fn reader(postgres: &Postgres) -> Result<Self> {
        Self::reader_since(postgres, Instant::now()).await
    }

    /// For reading, by whoever has been waiting for an answer since `started`.
    pub(crate) async fn reader_since(postgres: &Postgres, started: Instant) -> Result<Self> {
        let connection = Some(postgres.connection(started).await?);
        Ok(Self {
            postgres: postgres.clone(),
            connection,
            in_transaction: false,
            waited: started.elapsed(),
            unlimited: false,
            apart: false,
        })
    }

    /// A connection whose session may be changed: it waits for answers as long as they take, and nobody gets it afterwards.
    pub(crate) async fn apart(postgres: &Postgres) -> Result<Self> {
        let mut connection = Self::reader(postgres).await?;
        (connection.unlimited, connection.apart) = (true, true);
        Ok(connection)
    }

    pub(crate) const fn wait_without_limit(&mut self) {
        self.unlimited = true;
    }

    /// In a new transaction.
    pub(crate) async fn transaction(postgres: &Postgres, started: Instant) -> Result<Self> {
        let mut connection = Self::reader_since(postgres, started).await?;
        match connection.start().await {
            // The pool had not noticed yet that the connection was cut. Nothing has been done on it.
            Err(QueryError::ConnectionLost(_)) => {
                connection = Self::reader_since(postgres, started).await?;
                connection.start().await.map_err(StoreError::from)?;
            }
            answer => answer?,
        }
        Ok(connection)
    }

    async fn start(&mut self) -> Result<(), QueryError> {
        // Set first: whoever stops waiting for the answer leaves a connection with an open transaction.
        self.in_transaction = true;
        let begin = Arc::clone(&self.postgres.begin);
        self.batch(&begin).await
    }

    pub(crate) async fn commit(&mut self) -> Result<()> {
        if self.in_transaction {
            self.batch("COMMIT").await?;
            self.in_transaction = false;
        }
        Ok(())
    }

    pub(crate) async fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.ask(sql, &typed(params)).await
    }

    pub(super) async fn ask(&mut self, sql: &'static str, params: &[Parameter<'_>]) -> Result<Vec<Row>> {
        let started = Instant::now();
        let rows = match self.rows(sql, params).await {
            // A reader can ask again; a transaction is gone with its connection.
            Err(QueryError::ConnectionLost(_)) if !self.in_transaction && !self.apart => {
                self.connection = Some(self.postgres.connection(started).await?);
                self.waited = started.elapsed();
                self.rows(sql, params).await
            }
            answer => answer,
        };
        Ok(rows?)
    }

    pub(crate) async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        let unnamed = self.has_no_session();
        let answer = self.within(async |connection| execute(connection, unnamed, sql, params).await).await;
        Ok(answer?)
    }

    /// Sends the statement with each set of parameters before the first answer is waited for.
    pub(crate) async fn execute_each(&mut self, sql: &'static str, each: &[Vec<Value>]) -> Result<()> {
        let unnamed = self.has_no_session();
        let answer = self
            .within(async |connection| {
                if !unnamed {
                    // Once, before all of them find that it is missing.
                    connection.prepare_cached(sql).await?;
                }
                let changes = each
                    .iter()
                    .map(async |params: &Vec<Value>| execute(connection, unnamed, sql, params).await);
                try_join_all(changes).await
            })
            .await;
        Ok(answer.map(drop)?)
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<()> {
        Ok(self.batch(sql).await?)
    }

    pub(crate) async fn prepare(&mut self, sql: &'static str) -> Result<()> {
        let answer: Result<Statement, QueryError> =
            self.within(async |connection| connection.prepare(sql).await).await;
        Ok(answer.map(drop)?)
    }

    async fn rows(&mut self, sql: &'static str, params: &[Parameter<'_>]) -> Result<Vec<Row>, QueryError> {
        let unnamed = self.has_no_session();
        // Only a transaction has limits at the server there.
        let begin = (unnamed && !self.in_transaction).then(|| Arc::clone(&self.postgres.begin));
        self.within(async |connection| match begin {
            Some(begin) => query_in_transaction(connection, &begin, sql, params).await,
            None if unnamed => query_unnamed(connection, sql, params).await,
            None => {
                let statement = connection.prepare_cached(sql).await?;
                let params = params.iter().map(|(value, _)| *value);
                connection.query_raw(&statement, params).await?.try_collect().await
            }
        })
        .await
    }

    /// Whether a statement must not leave anything at the backend, because the next one goes to another.
    fn has_no_session(&self) -> bool {
        self.postgres.pooler == Pooler::Transaction
    }

    async fn batch(&mut self, sql: &str) -> Result<(), QueryError> {
        self.within(async |connection| connection.batch_execute(sql).await).await
    }

    /// Waits for an answer, but not for ever, and parts with a connection that is of no more use.
    async fn within<T>(
        &mut self,
        work: impl AsyncFnOnce(&Object) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, QueryError> {
        let Some(connection) = &self.connection else {
            return Err(QueryError::ConnectionLost(StoreError::Unavailable(
                "the connection to PostgreSQL is lost".into(),
            )));
        };
        let limit = self.postgres.limit().saturating_sub(std::mem::take(&mut self.waited));
        let answer = if self.unlimited {
            Ok(work(connection).await)
        } else {
            tokio::time::timeout(limit, work(connection)).await
        };
        let answer =
            answer.map_or_else(|_| Err(QueryError::timeout()), |answer| answer.map_err(QueryError::from));
        match answer {
            Err(QueryError::ConnectionLost(_) | QueryError::Timeout(_)) => self.part(),
            Err(QueryError::SessionLost(_)) => {
                self.postgres.lose_sessions();
                self.part();
            }
            Ok(_) | Err(QueryError::Database(_)) => {}
        }
        answer
    }

    /// Closes the connection instead of giving it back.
    fn part(&mut self) {
        self.connection.take().map(Object::take);
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::ConnectionLost(error)
            | QueryError::Timeout(error)
            | QueryError::SessionLost(error)
            | QueryError::Database(error) => error,
        }
    }
}

impl Drop for PgConnection {
    fn drop(&mut self) {
        if self.apart {
            self.part();
        }
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
