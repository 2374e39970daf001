//! Backups of SQLite data, for the commands that make them and put them back. PostgreSQL has tools of its own.

use crate::{
    Engine, Location, Options, Reader, Result, Store, StoreError, Transaction,
    engine::{migrations, only_column, params, sqlite, statements},
};
use domain::Timestamp;
use std::{fs::File, path::Path, time::Duration};

mod differences;

pub use crate::engine::sqlite::open::folder_of;
pub use crate::engine::sqlite::replace::SoleUse;
pub use differences::{Differences, MOST_DIFFERENCES, Named, RunningGrace};

statements! {
    NEWEST_EVENT = "SELECT at_ms FROM audit_events ORDER BY id DESC LIMIT 1";
    // Whoever changes their own access at this moment is waited for.
    HOLD_USERS = "UPDATE users SET token_epoch = token_epoch";
    END_SESSIONS = "DELETE FROM sessions";
    END_CODES = "DELETE FROM authorization_codes";
    END_DEVICES = "DELETE FROM device_authorizations";
    END_CEREMONIES = "DELETE FROM passkey_ceremonies";
    END_LINKS = "UPDATE one_time_links SET consumed_at_ms = $1 WHERE consumed_at_ms IS NULL";
    END_INVITATIONS = "UPDATE invitations SET ended_at_ms = $1, outcome = 'revoked' WHERE ended_at_ms IS NULL";
    END_MAILS = "DELETE FROM mails";
}

/// Writes what is committed in the SQLite file `source` at this moment into `target`, an empty file, while others go on
/// writing, and waits until it is on the disk.
///
/// # Errors
/// One of them cannot be read or written.
pub fn copy_sqlite(source: &Path, target: &Path, patience: Duration) -> Result<()> {
    sqlite::copy::copy(source, target, patience)
}

/// Makes the file that a copy is written into: its owner's alone.
///
/// # Errors
/// It is there already or cannot be made.
pub fn create_private(path: &Path) -> Result<File> {
    sqlite::copy::create_private(path)
}

/// Whether SQLite data are there: a file that something was written to, or its write-ahead log.
pub fn has_sqlite_data(path: &Path) -> bool {
    let log = sqlite::open::log_of(path);
    [path, &log].iter().any(|file| !sqlite::open::is_empty(file))
}

/// What SQLite finds wrong with a file, in its own words; nothing if it is sound. `quick` leaves the indexes out.
///
/// # Errors
/// It cannot be read at all.
pub fn damage_of_sqlite(path: &Path, quick: bool) -> Result<Vec<String>> {
    sqlite::copy::damage(path, quick)
}

impl Store {
    /// Opens a copy that nobody writes, for reading. Nothing is made beside it and nothing is migrated.
    ///
    /// # Errors
    /// It is no database of Duku, or one of a newer version.
    pub async fn open_copy(path: &Path) -> Result<Self> {
        let store = Self::on(Engine::Sqlite(sqlite::Sqlite::open_copy(path)?));
        match store.schema_version().await? {
            0 => Err(StoreError::Configuration(format!("{} holds no data of Duku", path.display()))),
            _ => Ok(store),
        }
    }

    /// Opens the data as they are, without migrating them.
    ///
    /// # Errors
    /// As [`Self::open`]; also if there are no data.
    pub async fn open_as_it_is(options: &Options) -> Result<Self> {
        let store = Self::on(Engine::open(options).await?);
        store.schema_version().await.map(|_| store)
    }

    /// As [`Self::open`], and refuses to begin new data.
    ///
    /// # Errors
    /// [`StoreError::NoData`] if there are none; as [`Self::open`].
    pub async fn open_existing(options: &Options) -> Result<Self> {
        if let Location::Sqlite(path) = &options.location {
            sqlite::open::require_content(path)?;
        }
        let store = Self::on(Engine::open(options).await?);
        if store.schema_version().await? == 0 {
            return Err(StoreError::NoData(match &options.location {
                Location::Sqlite(path) => {
                    format!("{} has no schema (its tables are missing)", path.display())
                }
                Location::Postgres(_) => {
                    "the PostgreSQL database that the URL names has no schema (its tables are missing)".into()
                }
            }));
        }
        migrations::run(&store.engine, options.migration_timeout).await?;
        Ok(store)
    }

    /// Which schema the data have; 0 if none.
    ///
    /// # Errors
    /// They are of a newer version, or cannot be read.
    pub async fn schema_version(&self) -> Result<i64> {
        migrations::version_before_writing(&self.engine).await
    }

    /// Which schema this binary makes of older data.
    pub fn newest_schema() -> i64 {
        migrations::newest()
    }
}

impl Reader {
    /// When the newest entry of the audit log was written.
    pub async fn newest_audit_time(&mut self) -> Result<Option<Timestamp>> {
        self.find(NEWEST_EVENT, params![], only_column).await
    }
}

impl Transaction {
    /// Ends every session, code, device, link and invitation of people, and forgets mail on its way.
    pub async fn end_every_way_in(&mut self, now: Timestamp) -> Result<()> {
        for statement in [HOLD_USERS, END_SESSIONS, END_CODES, END_DEVICES, END_CEREMONIES, END_MAILS] {
            self.execute(statement, params![]).await?;
        }
        for statement in [END_LINKS, END_INVITATIONS] {
            self.execute(statement, params![now]).await?;
        }
        Ok(())
    }
}
