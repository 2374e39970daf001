//! Opening the file: made if it is missing, rejected with a reason if it cannot serve, never touched if it is not ours.

use crate::Result;
use crate::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Enough for every statement of the program, so that none is parsed twice on one connection.
const STATEMENT_CACHE: usize = 128;
/// Memory-mapped reads make a random primary-key read ten times cheaper on large files.
const MAPPED_BYTES: i64 = 64 << 30;
/// The file holds digests and sealed keys: nobody but its owner needs to read it.
const MODE: u32 = 0o600;
/// How long to wait before asking again for a lock that SQLite does not wait for by itself.
const PAUSE: Duration = Duration::from_millis(5);

/// Says that the file is in use, for as long as the answer lives: as long, nobody puts another one in its place. The lock is
/// on the folder, where it needs no file of its own.
pub(super) fn hold(path: &Path) -> Result<Option<fs::File>> {
    let Ok(folder) = fs::File::open(folder_of(path)) else { return Ok(None) };
    match folder.try_lock_shared() {
        Ok(()) => Ok(Some(folder)),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
            "{} is being restored: try again when `duku restore` has ended",
            path.display()
        ))),
        // A file system that knows no such locks: what SQLite itself locks is still seen by `duku restore`.
        Err(fs::TryLockError::Error(error)) => {
            tracing::debug!(%error, "the folder of the data cannot be locked");
            Ok(None)
        }
    }
}

/// The folder that a path lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn for_writing(path: &Path, patience: Duration) -> Result<Connection> {
    reject_log_without_file(path)?;
    create_private(path)?;
    let connection = connect(path, patience).map_err(|error| describe(path, &error))?;
    restrict_modes(path);
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

pub(super) fn for_reading(path: &Path, patience: Duration) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "mmap_size", MAPPED_BYTES)?;
    // Without this SQLite plans a statement anew whenever a bound LIMIT changes hands, which costs more than the read.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

/// A new file that its owner alone can read.
pub(super) fn new_private(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)
}

/// SQLite deletes the log of a file that is missing or empty, and with it the last copy of what was committed.
fn reject_log_without_file(path: &Path) -> Result<()> {
    let log = log_of(path);
    if is_empty(path) && !is_empty(&log) {
        return Err(StoreError::NoData(format!(
            "{} is {}, and {} is what is left of its data",
            path.display(),
            if path.exists() { "empty" } else { "not there" },
            log.display()
        )));
    }
    Ok(())
}

/// Rejects a file that is not there or that nothing was ever written to.
pub(crate) fn require_content(path: &Path) -> Result<()> {
    reject_log_without_file(path)?;
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::NoData(format!("there is no {}", path.display())))
        }
        Ok(found) if found.is_file() && found.len() == 0 => {
            Err(StoreError::NoData(format!("{} is empty", path.display())))
        }
        // Whatever else is wrong with it is said when it is opened.
        _ => Ok(()),
    }
}

/// The write-ahead log of a file.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Whether there is nothing in the file, or no file. One that cannot be looked at counts as full.
pub(crate) fn is_empty(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(found) => found.is_file() && found.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Makes the file before SQLite does, so that no other user can open it for even a moment.
fn create_private(path: &Path) -> Result<()> {
    match new_private(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::metadata(path) {
            Ok(found) if !found.is_file() => Err(rejection(path, "it is no regular file: name a file")),
            _ => Ok(()),
        },
        Err(error) => Err(rejection(path, &error.to_string())),
    }
}

fn connect(path: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(patience)?;
    if connection.is_readonly("main")? {
        return Err(failure(rusqlite::ffi::SQLITE_READONLY));
    }
    // The first read of the file: one that is no database is noticed before anything about it is changed.
    connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))?;
    let mode = write_ahead(&connection, patience)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(failure(rusqlite::ffi::SQLITE_NOLFS));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Switches to the write-ahead log. SQLite does not wait when several processes do that to a new file at once.
fn write_ahead(connection: &Connection, patience: Duration) -> rusqlite::Result<String> {
    let started = Instant::now();
    loop {
        let answer = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match answer {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && started.elapsed() < patience =>
            {
                std::thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

fn failure(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
}

fn rejection(path: &Path, why: &str) -> StoreError {
    StoreError::Configuration(format!(
        "cannot open {}: {why}; check that the directory exists and that this user may write there",
        path.display()
    ))
}

/// What to do about a file that cannot be opened.
fn describe(path: &Path, error: &rusqlite::Error) -> StoreError {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase(shown.to_string()),
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::Corrupt(format!("{shown}: {error}; restore it from a backup"))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::Configuration(format!(
            "{shown} cannot be written: check its owner, its mode and the mount of its directory"
        )),
        Some(ErrorCode::NoLargeFileSupport) => StoreError::Configuration(format!(
            "the file system of {shown} cannot hold SQLite's write-ahead log (a network share?): use a local disk, or PostgreSQL"
        )),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable(format!("{shown} is locked by another process"))
        }
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => rejection(path, &error.to_string()),
    }
}

/// A file that came from elsewhere, like a restored backup, may be readable to others; so may the logs beside it.
fn restrict_modes(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match fs::set_permissions(&file, fs::Permissions::from_mode(MODE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %file.display(), %error, "could not keep other users from reading the data");
            }
            _ => {}
        }
    }
}
