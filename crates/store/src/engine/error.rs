//! What can go wrong with storage, sorted by what the caller should do about it.

use rusqlite::ErrorCode;
use tokio_postgres::error::SqlState;

/// A failed storage operation. Nothing of the transaction that it happened in is kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The settings cannot work; the message says how to mend them.
    #[error("{0}")]
    Configuration(String),
    /// The data was written by a newer version of Duku.
    #[error(
        "the data has schema version {found}, this binary knows {known}: use the newer duku, or restore a backup made before the upgrade"
    )]
    Newer {
        /// What the data has.
        found: i64,
        /// What this binary knows.
        known: i64,
    },
    /// There are no data where they should be. Nothing was made in their place.
    #[error("{0}")]
    NoData(String),
    /// The file is no SQLite database, or its first bytes were overwritten.
    #[error(
        "{0} is no SQLite database: name another file; if it was one, its header was overwritten: restore a backup"
    )]
    NotADatabase(String),
    /// PostgreSQL has as many connections as it takes.
    #[error(
        "the database is not available: PostgreSQL takes no more connections ({0}): lower --database-connections of the nodes, or raise \
         its max_connections"
    )]
    TooManyConnections(String),
    /// The server takes no writes.
    #[error(
        "the database is not available: PostgreSQL takes no writes (it is a standby, or default_transaction_read_only is on): name the \
         primary in the database URL"
    )]
    Standby,
    /// A unique value is there already.
    #[error("the value is taken")]
    Taken,
    /// The database cannot be reached, is locked or is going down: try again soon.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The disk is full.
    #[error("the disk that holds the data is full: free some space; nothing was changed")]
    Full,
    /// The data cannot be written.
    #[error(
        "the data is read-only: check the owner, the mode and the mount of the data directory; nothing was changed"
    )]
    ReadOnly,
    /// What was read makes no sense.
    #[error("the data is damaged: {0}")]
    Corrupt(String),
    /// Anything else that the database said.
    #[error("the database refused: {0}")]
    Rejected(String),
}

impl StoreError {
    /// Whether the same operation may work soon without anyone's help.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::TooManyConnections(_) | Self::Standby | Self::Full | Self::ReadOnly
        )
    }

    /// Whether it was a lock that was not given in time.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        let locked = |said: &str| said.ends_with("(55P03)") || said.contains("is locked");
        matches!(self, Self::Unavailable(said) if locked(said))
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, message) = &error else {
            return Self::Corrupt(error.to_string());
        };
        let said = || message.clone().unwrap_or_else(|| failure.to_string());
        match failure.code {
            ErrorCode::ConstraintViolation
                if matches!(
                    failure.extended_code,
                    rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                ) =>
            {
                Self::Taken
            }
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::ReadOnly,
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure => Self::Unavailable(said()),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(said()),
            _ => Self::Rejected(said()),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(database) = error.as_db_error() else {
            return if takes_no_writes(&error) {
                Self::Standby
            } else {
                Self::Unavailable(root_cause(&error))
            };
        };
        let said = format!("{} ({})", database.message(), database.code().code());
        match *database.code() {
            SqlState::UNIQUE_VIOLATION => Self::Taken,
            SqlState::DISK_FULL => Self::Full,
            SqlState::TOO_MANY_CONNECTIONS => Self::TooManyConnections(said),
            SqlState::INVALID_PASSWORD
            | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            | SqlState::INVALID_CATALOG_NAME
            | SqlState::INSUFFICIENT_PRIVILEGE => {
                Self::Configuration(format!("PostgreSQL refused: {said}; check the database URL"))
            }
            SqlState::READ_ONLY_SQL_TRANSACTION
            | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Unavailable(said),
            ref code if is_outage(code) => Self::Unavailable(said),
            _ => Self::Rejected(said),
        }
    }
}

/// What the library says of a server that does not fit `target_session_attrs`; nothing else that it does is denied to it.
fn takes_no_writes(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| {
        cause.kind() == std::io::ErrorKind::PermissionDenied && cause.get_ref().is_some()
    })
}

/// Broken connections (class 08), missing resources (53) and interventions of an operator (57).
fn is_outage(code: &SqlState) -> bool {
    ["08", "53", "57"].iter().any(|class| code.code().starts_with(class))
}

/// The innermost message: the outer ones of a lost connection only say that it was lost.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
