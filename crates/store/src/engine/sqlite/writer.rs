//! The one thread that writes.
//!
//! Each transaction is a savepoint inside a group; the group is committed with one flush as soon as nobody else
//! waits, and only then is any of its transactions answered. A failed flush fails the whole group.

use super::checkpoint::{self, Checkpoint};
use crate::Result;
use crate::StoreError;
use rusqlite::Connection;
use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::Duration,
};
use tokio::sync::oneshot;

/// The most transactions that share one flush, those that rolled back counted: nobody waits for more than so many.
const GROUP: usize = 64;

const UNDO: &str = "ROLLBACK TO one; RELEASE one";

type Work = Box<dyn FnOnce(&Connection) + Send>;
type Answer = oneshot::Sender<Result<()>>;
type CloseAnswer = oneshot::Sender<Result<Checkpoint>>;

enum Step {
    Run(Work),
    Commit(Answer),
    RollBack(Answer),
}

enum Request {
    Transaction(Begin),
    Close(Close),
}

struct Begin {
    steps: Receiver<Step>,
    started: Answer,
}

struct Close {
    lock_wait: Duration,
    answer: CloseAnswer,
}

/// The way to the writing thread, which ends when the last clone of its store is gone.
pub(crate) struct Writer(Sender<Request>);

impl Writer {
    /// A transaction that asks for nothing for as long as `stall` is given up, because everyone else waits for it.
    pub(crate) fn start(connection: Connection, stall: Duration) -> Result<Self> {
        let (requests, queue) = channel();
        std::thread::Builder::new()
            .name("duku-writer".into())
            .spawn(move || {
                if let Some((answer, outcome)) = work_off(&connection, &queue, stall) {
                    // Whoever waits for the end may want the file for itself.
                    drop(connection);
                    // Nobody waits any more if it took too long.
                    let _ = answer.send(outcome);
                }
            })
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(requests))
    }

    pub(crate) async fn begin(&self) -> Result<SqliteTransaction> {
        let (steps, receiver) = channel();
        let (started, start) = oneshot::channel();
        self.0.send(Request::Transaction(Begin { steps: receiver, started })).map_err(|_| gone())?;
        start.await.map_err(|_| gone())??;
        Ok(SqliteTransaction(steps))
    }

    /// As [`crate::Store::close`].
    pub(crate) async fn close(&self, lock_wait: Duration) -> Result<Checkpoint> {
        let (answer, result) = oneshot::channel();
        self.0.send(Request::Close(Close { lock_wait, answer })).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

/// One running transaction. Dropping it rolls back.
pub(crate) struct SqliteTransaction(Sender<Step>);

impl SqliteTransaction {
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, result) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let _ = answer.send(work(connection));
        });
        self.0.send(Step::Run(work)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        self.end(Step::Commit).await
    }

    /// Undoes the transaction. Answered after the group's flush, because it has seen what the group had done before it.
    pub(crate) async fn roll_back(&self) -> Result<()> {
        self.end(Step::RollBack).await
    }

    async fn end(&self, step: fn(Answer) -> Step) -> Result<()> {
        let (answer, result) = oneshot::channel();
        self.0.send(step(answer)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the transaction took too long or the writer has stopped".into())
}

/// Until every clone of the store is gone, or one asked for the end, which is answered then.
fn work_off(
    connection: &Connection,
    queue: &Receiver<Request>,
    stall: Duration,
) -> Option<(CloseAnswer, Result<Checkpoint>)> {
    let mut waiting = None;
    loop {
        match waiting.take().or_else(|| queue.recv().ok())? {
            Request::Close(Close { lock_wait, answer }) => {
                return Some((answer, checkpoint::run(connection, lock_wait)));
            }
            Request::Transaction(first) => waiting = write_group(connection, first, queue, stall),
        }
    }
}

/// Runs transactions that arrive together and commits them with one flush. Answers a request that ends the group.
fn write_group(
    connection: &Connection,
    first: Begin,
    queue: &Receiver<Request>,
    stall: Duration,
) -> Option<Request> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        return reject(first, queue, &error.into());
    }
    let mut answers = Vec::new();
    let mut next = Some(Request::Transaction(first));
    let mut group_alive = true;
    let mut served = 0;
    while let Some(Request::Transaction(begin)) = next {
        group_alive = serve(connection, begin, stall, &mut answers);
        served += 1;
        next = if group_alive && served < GROUP { queue.try_recv().ok() } else { None };
    }
    finish(connection, group_alive, answers);
    next
}

/// Whoever came while we waited for another process's lock has waited for it too, and is not made to wait again.
fn reject(first: Begin, queue: &Receiver<Request>, error: &StoreError) -> Option<Request> {
    let mut next = Some(Request::Transaction(first));
    while let Some(Request::Transaction(begin)) = next {
        let _ = begin.started.send(Err(error.clone()));
        next = queue.try_recv().ok();
    }
    next
}

/// Runs one transaction to its end. False if the whole group was lost on the way.
fn serve(connection: &Connection, request: Begin, stall: Duration, answers: &mut Vec<Answer>) -> bool {
    if let Err(error) = connection.execute_batch("SAVEPOINT one") {
        let _ = request.started.send(Err(error.into()));
        return !connection.is_autocommit();
    }
    let _ = request.started.send(Ok(()));
    loop {
        match request.steps.recv_timeout(stall) {
            // A full disk can end the transaction under way: what still comes would be durable statement by statement.
            Ok(Step::Run(_)) if connection.is_autocommit() => return false,
            Ok(Step::Run(work)) => work(connection),
            Ok(Step::Commit(answer)) => return end(connection, "RELEASE one", answer, answers),
            Ok(Step::RollBack(answer)) => return end(connection, UNDO, answer, answers),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return connection.execute_batch(UNDO).is_ok() && !connection.is_autocommit();
            }
        }
    }
}

/// Ends one transaction, which is answered with its group. False if the whole group was lost.
fn end(connection: &Connection, sql: &str, answer: Answer, answers: &mut Vec<Answer>) -> bool {
    if connection.is_autocommit() {
        let _ = answer.send(Err(lost()));
        return false;
    }
    if let Err(error) = connection.execute_batch(sql) {
        let _ = answer.send(Err(error.into()));
        return !connection.is_autocommit();
    }
    answers.push(answer);
    true
}

fn finish(connection: &Connection, group_alive: bool, answers: Vec<Answer>) {
    let committed =
        if group_alive { connection.execute_batch("COMMIT").map_err(StoreError::from) } else { Err(lost()) };
    if committed.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    match committed {
        Ok(()) => answers.into_iter().for_each(|answer| drop(answer.send(Ok(())))),
        Err(error) => {
            tracing::error!(%error, transactions = answers.len(), "a group of transactions was not committed");
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("the database gave the transaction up".into())
}

#[cfg(test)]
mod tests;
