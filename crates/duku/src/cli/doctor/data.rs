//! The database: does it answer, is it sound, does its clock agree, and is there a backup?

use super::{Findings, access, server};
use crate::{
    app::{Ambient, MissingData},
    cli::{
        backup::check::{ago, size},
        output,
    },
    master_key,
    settings::Settings,
};
use std::path::{Path, PathBuf};
use store::{Location, Store, StoreError};

const DAY_MS: i64 = 86_400_000;
/// A backup that is older is worth a word.
const OLD_BACKUP_DAYS: i64 = 7;
/// SQLite takes its log into the file at 4 MB; one that is far larger is held up by somebody who reads for long.
const LARGE_LOG: u64 = 256 << 20;

/// The cure of SQLite data that cannot be mended.
pub(super) const RESTORE: &str = "stop the server and put the last backup in the place of the data, which are kept beside it: duku restore --force FILE";
/// The same with PostgreSQL.
pub(super) const RESTORE_POSTGRES: &str = "stop every node, restore the last backup (pg_restore --clean --if-exists), and run duku admin end-all-access before they start again";

/// What there is for the checks that follow.
pub(super) enum Data {
    /// No installation has begun here.
    None,
    /// Some, and they cannot be used.
    Broken,
    Open(Store),
}

impl Data {
    pub(super) const fn store(&self) -> Option<&Store> {
        match self {
            Self::Open(store) => Some(store),
            Self::None | Self::Broken => None,
        }
    }
}

/// A finding after which the data cannot be looked at further.
fn broken(findings: &mut Findings, message: impl Into<String>, cure: impl Into<String>) -> Data {
    findings.fail("database", message, cure);
    Data::Broken
}

pub(super) async fn check(findings: &mut Findings, settings: &Settings, ambient: &Ambient) -> Data {
    let options = match settings.store_options() {
        Ok(options) => options,
        Err(error) => {
            return broken(findings, error.to_string(), "correct --database-url");
        }
    };
    let key = master_key::among_the_data(settings);
    if let Location::Sqlite(path) = &options.location {
        if let Some((message, cure)) = access::rejected(path) {
            return broken(findings, message, cure);
        }
        if !store::has_sqlite_data(path) {
            return no_file(findings, path, key.as_deref());
        }
    }
    let store = match Store::open_as_it_is(&options).await {
        Ok(store) => store,
        Err(StoreError::NoData(what)) => return missing(findings, &what, key.as_deref()),
        Err(error) => {
            return broken(findings, error.to_string(), cure_of(&error, &options.location));
        }
    };
    let schema = match check_schema(findings, &store, key.as_deref()).await {
        Ok(schema) => schema,
        Err(instead) => return instead,
    };
    let is_sound = match &options.location {
        Location::Sqlite(path) => check_file(findings, path),
        Location::Postgres(_) => {
            server::check(findings, settings, ambient, &store).await;
            true
        }
    };
    if is_sound && schema == Store::newest_schema() && !is_complete(findings, &store).await {
        return Data::Broken;
    }
    check_time(findings, settings, ambient, &store).await;
    Data::Open(store)
}

fn no_file(findings: &mut Findings, path: &Path, key: Option<&Path>) -> Data {
    if key.is_some() {
        return missing(findings, &format!("there are no data at {}", path.display()), key);
    }
    findings.warn(
        "database",
        format!("there are no data at {} yet", path.display()),
        "`duku serve` makes them; if there should be some, name their directory with --data-dir",
    );
    Data::None
}

fn missing(findings: &mut Findings, what: &str, key: Option<&Path>) -> Data {
    let MissingData { message, cure } = MissingData::new(what, key);
    broken(findings, message, cure)
}

fn cure_of(error: &StoreError, location: &Location) -> &'static str {
    match (error, location) {
        (StoreError::Corrupt(_) | StoreError::NotADatabase(_), Location::Sqlite(_)) => RESTORE,
        (StoreError::Newer { .. }, _) => "run the newer binary, or restore a backup from before the upgrade",
        (StoreError::Full, _) => "free some space on the disk",
        (StoreError::TooManyConnections(_), _) => {
            "end connections that nobody needs (SELECT * FROM pg_stat_activity shows them), lower --database-connections of the nodes, or raise \
             the server's max_connections and restart it"
        }
        (StoreError::Standby, _) => {
            "name the primary in --database-url; if this standby is to take over for good: SELECT pg_promote()"
        }
        (StoreError::Unavailable(_), Location::Sqlite(_)) => {
            "look for what holds the file (fuser duku.db), and end it"
        }
        (_, Location::Sqlite(_)) => "check that the file is there and that this user may read and write it",
        (_, Location::Postgres(_)) => {
            "check that PostgreSQL runs, that this machine reaches it, and the database URL"
        }
    }
}

fn restore_of(store: &Store) -> &'static str {
    if store.engine() == "sqlite" { RESTORE } else { RESTORE_POSTGRES }
}

/// The schema; or what there is instead, if there is nothing more to look at.
async fn check_schema(findings: &mut Findings, store: &Store, key: Option<&Path>) -> Result<i64, Data> {
    let (engine, newest) = (store.engine(), Store::newest_schema());
    match store.schema_version().await {
        Ok(0) => Err(check_tables(findings, store, key).await),
        Ok(found) if found == newest => {
            findings.ok("database", format!("{engine} answers, schema {found}"));
            Ok(found)
        }
        Ok(found) => {
            findings.warn(
                "database",
                format!("{engine} answers, schema {found}; this binary makes it {newest} at its next start"),
                "make a backup before you start this binary: there is no way back without one",
            );
            Ok(found)
        }
        Err(error @ StoreError::Newer { .. }) => Err(broken(
            findings,
            error.to_string(),
            "run the newer binary, or restore a backup from before the upgrade",
        )),
        Err(error) => Err(broken(findings, error.to_string(), restore_of(store))),
    }
}

/// A database that does not say which schema it has.
async fn check_tables(findings: &mut Findings, store: &Store, key: Option<&Path>) -> Data {
    match store.has_tables().await {
        Ok(true) => {
            let message = "the table schema_migrations is missing or empty, and other tables are there";
            broken(findings, message, restore_of(store))
        }
        Ok(false) if key.is_some() => missing(findings, "the database has no tables", key),
        Ok(false) => {
            findings.warn(
                "database",
                format!("{} answers, and there are no tables yet", store.engine()),
                "the first start makes them; if there should be data, check the database's name in the URL",
            );
            Data::None
        }
        Err(error) => broken(findings, error.to_string(), restore_of(store)),
    }
}

/// Whether every table, column and trigger is there.
async fn is_complete(findings: &mut Findings, store: &Store) -> bool {
    let lack = match store.schema_error().await {
        Ok(None) => return true,
        Ok(Some(lack)) => format!("a part of the schema is missing: {lack}"),
        Err(error) => error.to_string(),
    };
    findings.fail("database", lack, restore_of(store));
    false
}

/// False if the file is damaged.
fn check_file(findings: &mut Findings, path: &Path) -> bool {
    output::progress("Looking through the database …");
    let damage = store::damage_of_sqlite(path, true);
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    let log = std::fs::metadata(PathBuf::from(format!("{}-wal", path.display()))).map_or(0, |log| log.len());
    match damage {
        Ok(damage) => match damage.first() {
            None if log > LARGE_LOG => findings.warn(
                "database",
                format!("{} is sound, but its write-ahead log has {}", path.display(), size(log)),
                "something reads for very long and holds it up: look for a forgotten sqlite3 shell or backup (fuser), or restart the server",
            ),
            None => findings.ok("database", format!("{} is sound: {}, write-ahead log {}", path.display(), size(bytes), size(log))),
            Some(damage) => {
                findings.fail("database", format!("{} is damaged: {damage}", path.display()), RESTORE);
                return false;
            }
        },
        Err(error) => {
            findings.fail("database", error.to_string(), RESTORE);
            return false;
        }
    }
    true
}

/// The audit log is the memory of what time it was.
async fn check_time(findings: &mut Findings, settings: &Settings, ambient: &Ambient, store: &Store) {
    let now = ambient.clock.now();
    let newest = match store.reader().await {
        Ok(mut session) => session.newest_audit_time().await,
        Err(error) => Err(error),
    };
    match newest {
        Ok(Some(newest)) if newest.ms() > now.ms() + settings.clock_skew_seconds * 1000 => findings.fail(
            "clock",
            format!("it is {now} here, and the newest entry of the audit log is of {newest}: the clock was set back"),
            "let NTP set the clock: until it is right again, keys and tokens live too long",
        ),
        Ok(Some(newest)) => findings.ok("clock", format!("{now}; the newest entry of the audit log is of {}", ago(newest, now))),
        Ok(None) => findings.ok("clock", format!("{now}; the audit log is empty")),
        Err(error) => findings.fail("clock", format!("the audit log cannot be read: {error}"), "see the database"),
    }
}

pub(super) async fn check_backups(
    findings: &mut Findings,
    settings: &Settings,
    ambient: &Ambient,
    store: &Store,
) {
    if matches!(settings.store_options().map(|options| options.location), Ok(Location::Postgres(_))) {
        let archive = match store.server_facts().await {
            Ok(Some(facts)) => facts.archive_mode,
            _ => "unknown".to_owned(),
        };
        return findings.ok(
            "backup",
            format!("not checked: PostgreSQL's own tools make them (archive_mode is {archive}); the page Backup and restore says how"),
        );
    }
    let now = ambient.clock.now();
    match service::operations::backups::last_backup(store).await {
        Ok(Some(at)) if now.ms() - at.ms() > OLD_BACKUP_DAYS * DAY_MS => findings.warn(
            "backup",
            format!("the last one was made {}", ago(at, now)),
            "make one every night: duku backup --force /backup/duku.db",
        ),
        Ok(Some(at)) => findings.ok("backup", format!("the last one was made {}", ago(at, now))),
        Ok(None) => findings.warn(
            "backup",
            "none was ever made with `duku backup`",
            "make one every night, and keep the master key apart from it: duku backup --force /backup/duku.db",
        ),
        Err(error) => findings.fail("backup", format!("the audit log cannot be read: {error}"), "see the database"),
    }
}
