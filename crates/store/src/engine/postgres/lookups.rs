//! Reads of the hot path, gathered: requests that come while a statement is on its way share the next one.
//!
//! Promise: a request is only ever put into a statement that has not been sent, so it sees every commit that was answered
//! before it came. Nothing is remembered between statements.

use super::{PgConnection, Postgres};
use crate::Result;
use crate::engine::{
    error::StoreError,
    lookup::{LookupSql, STATEMENTS_AT_ONCE},
    transaction::METERS,
    value::{Mapper, Row},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_postgres::types::{ToSql, Type};

/// The most requests of one statement.
const BATCH: usize = 128;
type Answer<T> = Result<Option<T>>;

/// One request: what it asks for, and who waits for the answer.
struct Waiting<const N: usize, T> {
    asked: [String; N],
    answer: oneshot::Sender<Answer<T>>,
}

pub(crate) struct Lookups<const N: usize, T> {
    sender: mpsc::UnboundedSender<Waiting<N, T>>,
    patience: Duration,
}

impl<const N: usize, T: Send + 'static> Lookups<N, T> {
    pub(crate) fn start(postgres: &Postgres, sql: &LookupSql, map: Mapper<T>) -> Self {
        let sql = sql.many;
        let (sender, mut waiting) = mpsc::unbounded_channel();
        let (patience, postgres) = (postgres.limit(), postgres.clone());
        let slots = Arc::new(Semaphore::new(STATEMENTS_AT_ONCE));
        tokio::spawn(async move {
            while let Some(first) = waiting.recv().await {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
                // Whoever is about to ask does so now.
                tokio::task::yield_now().await;
                let mut batch = vec![first];
                while batch.len() < BATCH
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                let postgres = postgres.clone();
                tokio::spawn(async move {
                    serve(&postgres, sql, map, batch).await;
                    drop(slot);
                });
            }
        });
        Self { sender, patience }
    }

    /// The row with this key.
    pub(crate) async fn find(&self, asked: [String; N]) -> Answer<T> {
        let started = Instant::now();
        let gone = || StoreError::Unavailable("the database is being closed".into());
        let (answer, waiting) = oneshot::channel();
        self.sender.send(Waiting { asked, answer }).map_err(|_| gone())?;
        let silence = |_| StoreError::Unavailable("PostgreSQL does not answer".into());
        let answer =
            tokio::time::timeout(self.patience, waiting).await.map_err(silence)?.map_err(|_| gone())?;
        METERS.query.record(started.elapsed());
        answer
    }
}

/// Asks for the whole batch and answers everyone in it.
async fn serve<const N: usize, T>(
    postgres: &Postgres,
    sql: &'static str,
    map: Mapper<T>,
    mut batch: Vec<Waiting<N, T>>,
) {
    // Whoever gave up waiting needs no answer: after an outage these would come before everyone else.
    batch.retain(|one| !one.answer.is_closed());
    if batch.is_empty() {
        return;
    }
    let columns: [Vec<&str>; N] = std::array::from_fn(|column| {
        batch.iter().filter_map(|one| one.asked.get(column).map(String::as_str)).collect()
    });
    let answer = rows(postgres, sql, &columns).await;
    drop(columns);
    match answer {
        Ok(rows) => {
            let mut waiting: Vec<_> = batch.into_iter().map(|one| Some(one.answer)).collect();
            for row in &rows {
                let row = Row::of_postgres(row);
                // Places count from 1.
                let at = row.next::<i64>().ok().and_then(|place| usize::try_from(place - 1).ok());
                if let Some(answer) = at.and_then(|at| waiting.get_mut(at)?.take()) {
                    // Whoever gave up waiting does not need it any more.
                    let _ = answer.send(row.read(map).map(Some));
                }
            }
            for answer in waiting.into_iter().flatten() {
                let _ = answer.send(Ok(None));
            }
        }
        Err(error) => {
            for one in batch {
                let _ = one.answer.send(Err(error.clone()));
            }
        }
    }
}

async fn rows<const N: usize>(
    postgres: &Postgres,
    sql: &'static str,
    columns: &[Vec<&str>; N],
) -> Result<Vec<tokio_postgres::Row>> {
    let params: Vec<_> =
        columns.iter().map(|column| (column as &(dyn ToSql + Sync), Type::TEXT_ARRAY)).collect();
    PgConnection::reader(postgres).await?.ask(sql, &params).await
}
