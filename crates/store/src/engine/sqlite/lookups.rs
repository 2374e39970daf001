//! Reads of the hot path, gathered: requests that a thread has at hand at the same time share a read transaction.
//!
//! SQLite locks and unlocks the file for each transaction, two system calls that can serve many. So each request puts
//! its question down and lets the others go on; the first that comes back reads for all. Promise: the transaction begins
//! after the last of these questions came, so each answer holds every commit that was answered before its question.
//! Nothing is remembered between transactions.

use super::{Sqlite, bind, numbered};
use crate::Result;
use crate::engine::{
    error::StoreError,
    transaction::METERS,
    value::{Mapper, Row},
};
use rusqlite::CachedStatement;
use std::{
    mem,
    num::NonZero,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::{sync::oneshot, task::yield_now};

static NEXT_PLACE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE: usize = NEXT_PLACE.fetch_add(1, Ordering::Relaxed);
}

/// The queues in which requests wait: each thread has its own, as long as there are no more threads than processors.
pub(crate) struct Lookups<const N: usize, T> {
    sqlite: Sqlite,
    threads: Box<[LookupQueue<N, T>]>,
}

impl<const N: usize, T> Lookups<N, T> {
    pub(crate) fn new(sqlite: &Sqlite, sql: &'static str, map: Mapper<T>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { sqlite: sqlite.clone(), threads: (0..threads).map(|_| LookupQueue::new(sql, map)).collect() }
    }

    /// The row that the statement finds.
    pub(crate) async fn find(&self, params: [String; N]) -> Answer<T> {
        let place = PLACE.with(|place| *place) % self.threads.len().max(1);
        let queue = self.threads.get(place).ok_or_else(|| StoreError::Unavailable("nobody reads".into()))?;
        queue.ask(&self.sqlite, params).await
    }
}

type Answer<T> = Result<Option<T>>;

/// One request: the parameters of its statement, and who waits for the row.
struct Waiting<const N: usize, T> {
    params: [String; N],
    answer: oneshot::Sender<Answer<T>>,
}

/// The requests of one thread that wait for a row of the same statement.
struct LookupQueue<const N: usize, T> {
    sql: &'static str,
    map: Mapper<T>,
    waiting: Mutex<Vec<Waiting<N, T>>>,
}

impl<const N: usize, T> LookupQueue<N, T> {
    const fn new(sql: &'static str, map: Mapper<T>) -> Self {
        Self { sql, map, waiting: Mutex::new(Vec::new()) }
    }

    /// The row that the statement finds with `params`.
    async fn ask(&self, sqlite: &Sqlite, params: [String; N]) -> Answer<T> {
        let started = Instant::now();
        let (answer, row) = oneshot::channel();
        self.lock().push(Waiting { params, answer });
        yield_now().await;
        let batch = mem::take(&mut *self.lock());
        if !batch.is_empty() {
            self.serve(sqlite, batch);
        }
        let answer =
            row.await.unwrap_or_else(|_| Err(StoreError::Unavailable("a read was broken off".into())));
        METERS.query.record(started.elapsed());
        answer
    }

    fn serve(&self, sqlite: &Sqlite, batch: Vec<Waiting<N, T>>) {
        let mut waiting = batch.into_iter();
        let outcome = sqlite.read(|connection| {
            // One statement is a transaction of its own.
            let _moment = (waiting.len() > 1).then(|| connection.unchecked_transaction()).transpose()?;
            let mut statement = connection.prepare_cached(&numbered(self.sql))?;
            for Waiting { params, answer } in waiting.by_ref() {
                // Whoever is gone does not need it any more.
                let _ = answer.send(self.find(&mut statement, &params));
            }
            Ok(())
        });
        if let Err(error) = outcome {
            for Waiting { answer, .. } in waiting {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }

    fn find(&self, statement: &mut CachedStatement<'_>, params: &[String]) -> Answer<T> {
        bind(statement, params)?;
        let mut rows = statement.raw_query();
        rows.next()?.map(|row| Row::of_sqlite(row).read(self.map)).transpose()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting<N, T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
