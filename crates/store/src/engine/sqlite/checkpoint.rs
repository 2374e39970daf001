//! The checkpoint at the end: everything that was committed is in the database file, and its log is empty.

use crate::Result;
use rusqlite::Connection;
use std::time::Duration;

/// What a checkpoint left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// The database file alone holds everything.
    Complete,
    /// Another process reads or writes the data; this many pages are in the write-ahead log alone.
    Hindered {
        /// How many; 0 if that is not known.
        pages: i64,
    },
}

/// First without hindering anybody, which copies the pages, then with the locks that emptying the log takes: others wait for
/// the second step alone, and it has nothing left to copy.
pub(super) fn run(connection: &Connection, lock_wait: Duration) -> Result<Checkpoint> {
    connection.busy_timeout(Duration::ZERO)?;
    let copied = step(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
    connection.busy_timeout(lock_wait)?;
    match step(connection, "PRAGMA wal_checkpoint(TRUNCATE)")? {
        // Also where the log could not be emptied, but what is in it is in the file, too.
        Step { is_busy: false, .. } | Step { left: Some(0), .. } => Ok(Checkpoint::Complete),
        Step { left, .. } => Ok(Checkpoint::Hindered { pages: left.or(copied.left).unwrap_or(0) }),
    }
}

struct Step {
    is_busy: bool,
    /// Pages that are in the log alone; not known if another process was at a checkpoint itself.
    left: Option<i64>,
}

fn step(connection: &Connection, pragma: &str) -> Result<Step> {
    let (is_busy, in_log, copied) = connection.query_row(pragma, [], |row| {
        Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    Ok(Step { is_busy, left: (in_log >= 0).then(|| in_log.saturating_sub(copied)) })
}
