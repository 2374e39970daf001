//! Whole copies of a SQLite file: written while others write, and examined page by page.

use super::open::{for_reading, new_private, require_content};
use crate::Result;
use crate::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{fs::File, io, path::Path, time::Duration};

/// How many faults of a damaged file are told.
const MOST_DAMAGE: usize = 10;

/// Writes what is committed at this moment into `target`, an empty file, and waits until it is on the disk.
///
/// `VACUUM INTO` reads in one transaction, so writers go on and none of them makes the copy start anew, as happens to
/// SQLite's backup API when it copies in steps. And what was deleted is not in the copy, while a copy of pages would
/// carry it along.
pub(crate) fn copy(source: &Path, target: &Path, patience: Duration) -> Result<()> {
    let name =
        target.to_str().ok_or_else(|| StoreError::Configuration("a backup's path must be UTF-8".into()))?;
    require_content(source)?;
    let connection = Connection::open_with_flags(
        source,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(patience)?;
    connection.execute("VACUUM INTO ?1", [name])?;
    File::open(target).and_then(|file| file.sync_all()).map_err(|error| io_error(target, &error))
}

/// A new file that its owner alone can read.
pub(crate) fn create_private(path: &Path) -> Result<File> {
    new_private(path).map_err(|error| io_error(path, &error))
}

pub(crate) fn io_error(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StoreError::Configuration(format!("there is no room for {}: free some space", path.display()))
        }
        _ => StoreError::Configuration(format!("cannot write {}: {error}", path.display())),
    }
}

/// What SQLite finds wrong with a file that nobody writes: nothing if it is sound.
pub(crate) fn damage(path: &Path, quick: bool) -> Result<Vec<String>> {
    require_content(path)?;
    let connection = for_reading(path, Duration::from_secs(5))?;
    let pragma = if quick { "PRAGMA quick_check" } else { "PRAGMA integrity_check" };
    let mut damage = first_column(&connection, pragma)?;
    damage.retain(|line| line != "ok");
    if !quick && damage.is_empty() {
        let orphans = first_column(&connection, "PRAGMA foreign_key_check")?;
        damage.extend(
            orphans.into_iter().map(|table| format!("a row of {table} refers to one that is not there")),
        );
    }
    damage.truncate(MOST_DAMAGE);
    Ok(damage)
}

fn first_column(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut answer = Vec::new();
    loop {
        match rows.next() {
            Ok(Some(row)) => answer.push(row.get(0)?),
            Ok(None) => return Ok(answer),
            Err(error) if is_damage(&error) => {
                answer.push(error.to_string());
                return Ok(answer);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
