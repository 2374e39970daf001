//! Connection poolers: what stands between Duku and PostgreSQL, and whether it is what the settings say.
//!
//! A pooler in transaction mode gives a connection another backend at each transaction. Prepared statements and the limits of
//! the session stay with the backend, where the next client finds them: statements of other processes would be run.

use super::{Postgres, config::SessionLimits};
use crate::Result;
use crate::StoreError;
use deadpool_postgres::{ClientWrapper, Hook, HookError};
use std::time::{Duration, Instant};
use tokio_postgres::{SimpleQueryMessage, error::SqlState};

/// What stands between Duku and PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing that changes sessions.
    #[default]
    None,
    /// A pooler that gives each connection a backend for as long as it lasts.
    Session,
    /// A pooler that gives a connection a backend for each transaction.
    Transaction,
}

const LIMITS: &str = "SELECT name, setting FROM pg_settings \
    WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')";
const BACKEND: &str = "SELECT pg_backend_pid()";
const RESET: &str = "RESET statement_timeout; RESET lock_timeout; RESET idle_in_transaction_session_timeout";
/// How often two connections are compared: other clients of the pooler may hide once what it does.
const ROUNDS: usize = 3;

/// What to do about a pooler that is not what the settings say.
const CURE: &str = "set database_pooler to \"transaction\" or \"session\", whichever mode the pooler has \
    (pool_mode of PgBouncer), or connect to PostgreSQL directly";

/// Runs at each new connection: sets the limits of the session where the options of the connection cannot, and makes sure that
/// they took effect.
pub(super) fn check_of_new_connections(pooler: Pooler, patience: Duration) -> Hook {
    let limits = SessionLimits::new(patience);
    Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let asked = match pooler {
            Pooler::None => LIMITS.to_owned(),
            Pooler::Session => format!("{} {LIMITS}", limits.statements("SESSION")),
            // Each transaction sets its own.
            Pooler::Transaction => return Box::pin(async { Ok(()) }),
        };
        Box::pin(async move {
            let found = pairs(&client.simple_query(&asked).await.map_err(HookError::Backend)?);
            match limits.iter().find(|(name, wanted)| found_limit(&found, name) != Some(*wanted)) {
                None => Ok(()),
                Some((name, wanted)) => Err(HookError::message(format!(
                    "the limits that Duku sets on a connection to PostgreSQL did not take effect ({name} should be {wanted} \
                     ms): a connection pooler stands between and drops them; {CURE}"
                ))),
            }
        })
    })
}

fn pairs(messages: &[SimpleQueryMessage]) -> Vec<(String, String)> {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
        _ => None,
    });
    rows.collect()
}

fn found_limit(found: &[(String, String)], name: &str) -> Option<u128> {
    found.iter().find(|(known, _)| known == name)?.1.parse().ok()
}

/// Whether the server says that it does not know the session any more: prepared statements are gone, or are somebody else's.
pub(super) fn is_lost_session(code: &SqlState) -> bool {
    matches!(*code, SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT)
}

pub(super) fn lost_session() -> StoreError {
    StoreError::Unavailable(format!(
        "a connection pooler in transaction mode stands between Duku and PostgreSQL, where sessions and their prepared \
         statements are lost: {CURE}"
    ))
}

/// What PgBouncer says to a connection with options.
pub(super) fn rejected_options(said: &str) -> Option<StoreError> {
    said.contains("unsupported startup parameter").then(|| {
        StoreError::Configuration(format!(
            "a connection pooler stands between Duku and PostgreSQL and does not take Duku's connection ({said}): {CURE}"
        ))
    })
}

impl Postgres {
    /// Makes sure that two connections have a backend each and keep it.
    pub(super) async fn check_pooler(&self) -> Result<()> {
        // Where sessions are not relied on, they need not last; and one connection alone shows nothing.
        if self.pooler == Pooler::Transaction || self.pool.status().max_size < 2 {
            return Ok(());
        }
        let (one, other) = (self.pooled(Instant::now()).await?, self.pooled(Instant::now()).await?);
        for _ in 0..ROUNDS {
            let compared = tokio::time::timeout(self.limit(), is_mixed(&one, &other)).await;
            let silence = |_| StoreError::Unavailable("PostgreSQL does not answer".into());
            if compared.map_err(silence)?? {
                return Err(lost_session());
            }
        }
        Ok(())
    }
}

/// Whether two connections get each other's backends.
async fn is_mixed(one: &ClientWrapper, other: &ClientWrapper) -> Result<bool, tokio_postgres::Error> {
    let before = backend(one, BACKEND).await?;
    // A pooler gives out first what was given back last: in an open transaction this one keeps what that one had.
    let held = backend(other, &format!("BEGIN; {BACKEND}")).await?;
    let mixed = before == held || before != backend(one, BACKEND).await?;
    for connection in [other, one] {
        connection.batch_execute("ROLLBACK").await?;
        if mixed {
            // What was set on a backend that others get must not stay there.
            connection.batch_execute(RESET).await?;
        }
    }
    Ok(mixed)
}

/// The process that serves a connection; none if it does not say so.
async fn backend(connection: &ClientWrapper, sql: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let messages = connection.simple_query(sql).await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
