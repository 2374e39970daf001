//! Putting another file in the place of the data, while nobody uses them.

use super::copy::{create_private, io_error, is_damage};
use crate::{Result, StoreError, engine::sqlite::open};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, chown},
    path::{Path, PathBuf},
    time::Duration,
};

/// The folder in which the new file waits until it takes its place.
const WAITING_ROOM: &str = "restoring";

/// The sole use of a place for SQLite data: as long as this lives, no `duku` opens what is there.
pub struct SoleUse {
    pub(crate) place: PathBuf,
    folder: PathBuf,
    _lock: File,
}

impl SoleUse {
    /// Takes the place of the file `place`, whose folder must be there.
    ///
    /// # Errors
    /// A process has the data open: a server, a command of `duku`, or a shell of SQLite.
    pub fn take(place: &Path) -> Result<Self> {
        let folder = open::folder_of(place).to_owned();
        let lock = File::open(&folder).map_err(|error| io_error(&folder, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(in_use(place)),
            Err(fs::TryLockError::Error(error)) => tracing::debug!(%error, "the folder cannot be locked"),
        }
        // To open an empty file would delete a log that is beside it.
        if !open::is_empty(place) {
            fold(place)?;
        }
        Ok(Self { place: place.to_owned(), folder, _lock: lock })
    }

    /// Copies `source` into a folder beside the data, which goes with this value, and answers where.
    ///
    /// # Errors
    /// It cannot be read or written, or is no SQLite database.
    pub fn stage(&self, source: &mut dyn Read) -> Result<PathBuf> {
        let room = self.folder.join(WAITING_ROOM);
        self.clear()?;
        fs::DirBuilder::new().mode(0o700).create(&room).map_err(|error| io_error(&room, &error))?;
        let staged = room.join("duku.db");
        let mut file = create_private(&staged)?;
        io::copy(source, &mut file).map_err(|error| io_error(&staged, &error))?;
        file.sync_all().map_err(|error| io_error(&staged, &error))?;
        drop(file);
        // A file that was copied out of a running installation says that it has a write-ahead log, which it has not here.
        settle(&staged).map_err(|error| {
            if is_damage(&error) {
                StoreError::Configuration(format!("the backup is not sound: {error}"))
            } else {
                error.into()
            }
        })?;
        Ok(staged)
    }

    fn clear(&self) -> Result<()> {
        let room = self.folder.join(WAITING_ROOM);
        match fs::remove_dir_all(&room) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&room, &error)),
            _ => Ok(()),
        }
    }

    /// Puts the staged file in the place of the data, which are kept under a name that ends with `suffix`; answers that
    /// name. Whenever it breaks off, one of the two is there, whole.
    ///
    /// # Errors
    /// A file cannot be moved; the message says which.
    pub fn put_in_place(self, staged: &Path, suffix: &str) -> Result<Option<PathBuf>> {
        settle(staged)?;
        self.hand_over(staged);
        let mut aside = None;
        let former = self.free_name(suffix);
        // First the log, which would be taken for the new file's, then the file.
        for log in ["-shm", "-wal"] {
            let kept = with_suffix(&former, log);
            if move_if_there(&with_suffix(&self.place, log), &kept)? {
                aside = Some(kept);
            }
        }
        if self.place.exists() {
            match fs::hard_link(&self.place, &former) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(io_error(&former, &error));
                }
                // A file system without links: for a moment, the data have only their new name.
                Err(_) => fs::rename(&self.place, &former).map_err(|error| io_error(&former, &error))?,
            }
            aside = Some(former);
        }
        fs::rename(staged, &self.place).map_err(|error| io_error(&self.place, &error))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| io_error(&self.folder, &error))?;
        Ok(aside)
    }

    /// A name for the former data that nothing has: two restores within a second must not take each other's.
    fn free_name(&self, suffix: &str) -> PathBuf {
        let first = with_suffix(&self.place, suffix);
        let next = (2..).map(|number: u64| with_suffix(&first, &format!("-{number}")));
        let taken = |name: &PathBuf| ["", "-wal", "-shm"].iter().any(|end| with_suffix(name, end).exists());
        std::iter::once(first.clone()).chain(next).find(|name| !taken(name)).unwrap_or(first)
    }

    /// Files that root restores belong to whom the folder belongs to: to the server, most likely.
    fn hand_over(&self, staged: &Path) {
        let Ok(owner) = fs::metadata(&self.folder) else { return };
        let belongs =
            fs::metadata(staged).is_ok_and(|file| (file.uid(), file.gid()) == (owner.uid(), owner.gid()));
        if !belongs && let Err(error) = chown(staged, Some(owner.uid()), Some(owner.gid())) {
            tracing::warn!(path = %self.place.display(), %error, "could not give the restored file to the owner of its folder");
        }
    }
}

impl Drop for SoleUse {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            tracing::warn!(%error, "a folder of an unfinished restore is left");
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// False if there was nothing to move.
fn move_if_there(from: &Path, to: &Path) -> Result<bool> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error(to, &error)),
    }
}

/// Makes sure that no other process has the file open, and that its log is in it. A file that is damaged stays as it is.
fn fold(place: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let folded = Connection::open_with_flags(place, flags).and_then(|connection| {
        connection.busy_timeout(Duration::ZERO)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // With a write-ahead log this is granted to the only connection alone.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    });
    match folded {
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            ) =>
        {
            Err(in_use(place))
        }
        Err(error) => {
            tracing::warn!(path = %place.display(), %error, "the former data cannot be read; they are kept as they are");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Takes a file's log into it and does without one from now on.
fn settle(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}

fn in_use(place: &Path) -> StoreError {
    StoreError::Configuration(format!(
        "{} is in use: stop the server that runs on it, and whatever else has it open",
        place.display()
    ))
}
