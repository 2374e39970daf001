//! The database: does it answer, is it sound, does its clock agree, and is there a backup?

use super::Findings;
use crate::{
    app::Ambient,
    cli::{
        audit::spinner,
        copies::{ago, size},
    },
    settings::Settings,
};
use std::path::{Path, PathBuf};
use store::{Location, ServerFacts, Store, StoreError};

const DAY_MS: i64 = 86_400_000;
/// A backup that is older is worth a word.
const OLD_BACKUP_DAYS: i64 = 7;
/// SQLite takes its log into the file at 4 MB; one that is far larger is held up by somebody who reads for long.
const LARGE_LOG: u64 = 256 << 20;
/// PostgreSQL 15.
const OLDEST_SERVER: i64 = 150_000;

/// Answers the open store for the checks that follow; nothing if there is none to open.
pub(super) async fn check(findings: &mut Findings, settings: &Settings, ambient: &Ambient) -> Option<Store> {
    let options = match settings.store_options() {
        Ok(options) => options,
        Err(error) => {
            findings.fail("database", error.to_string(), "correct --database-url");
            return None;
        }
    };
    if let Location::Sqlite(path) = &options.location
        && !path.exists()
    {
        findings.warn(
            "database",
            format!("there are no data at {} yet", path.display()),
            "`duku serve` makes them; if there should be some, name their directory with --data-dir",
        );
        return None;
    }
    let store = match Store::open_as_it_is(&options).await {
        Ok(store) => store,
        Err(error) => {
            findings.fail("database", error.to_string(), cure_of(&error, &options.location));
            return None;
        }
    };
    if !check_schema(findings, &store).await {
        return None;
    }
    match &options.location {
        Location::Sqlite(path) => check_file(findings, path),
        Location::Postgres(_) => check_server(findings, settings, ambient, &store).await,
    }
    check_time(findings, settings, ambient, &store).await;
    Some(store)
}

fn cure_of(error: &StoreError, location: &Location) -> &'static str {
    match (error, location) {
        (StoreError::Corrupt(_), Location::Sqlite(_)) => {
            "stop the server, keep a copy of the file, and put the last backup in its place: duku restore --force FILE"
        }
        (StoreError::Newer { .. }, _) => "run the newer binary, or restore a backup from before the upgrade",
        (StoreError::Full, _) => "free some space on the disk",
        (_, Location::Sqlite(_)) => "check that the file is there and that this user may read and write it",
        (_, Location::Postgres(_)) => {
            "check that PostgreSQL runs, that this machine reaches it, and the database URL"
        }
    }
}

/// False if there is nothing more to look at.
async fn check_schema(findings: &mut Findings, store: &Store) -> bool {
    let (engine, newest) = (store.engine(), Store::newest_schema());
    match store.schema_version().await {
        Ok(0) => {
            let cure =
                "the first start makes them; if there should be data, check the database's name in the URL";
            findings.warn("database", format!("{engine} answers, and there are no tables yet"), cure);
            return false;
        }
        Ok(found) if found == newest => findings.ok("database", format!("{engine} answers, schema {found}")),
        Ok(found) => findings.warn(
            "database",
            format!("{engine} answers, schema {found}; this binary makes it {newest} at its next start"),
            "make a backup before you start this binary: there is no way back without one",
        ),
        Err(error) => {
            findings.fail("database", error.to_string(), "see the message");
            return false;
        }
    }
    true
}

fn check_file(findings: &mut Findings, path: &Path) {
    let bar = spinner("looking through the database");
    let faults = store::faults_of_sqlite(path, true);
    bar.finish_and_clear();
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    let log = std::fs::metadata(PathBuf::from(format!("{}-wal", path.display()))).map_or(0, |log| log.len());
    match faults {
        Ok(faults) => match faults.first() {
            None if log > LARGE_LOG => findings.warn(
                "database",
                format!("{} is sound, but its write-ahead log has {}", path.display(), size(log)),
                "something reads for very long and holds it up: look for a forgotten sqlite3 shell or backup (fuser), or restart the server",
            ),
            None => findings.ok("database", format!("{} is sound: {}, write-ahead log {}", path.display(), size(bytes), size(log))),
            Some(fault) => findings.fail(
                "database",
                format!("{} is damaged: {fault}", path.display()),
                "stop the server, keep a copy of the file, and put the last backup in its place: duku restore --force FILE",
            ),
        },
        Err(error) => findings.fail("database", error.to_string(), "check that this user may read the file"),
    }
}

async fn check_server(findings: &mut Findings, settings: &Settings, ambient: &Ambient, store: &Store) {
    let facts = match store.server_facts().await {
        Ok(Some(facts)) => facts,
        Ok(None) => return,
        Err(error) => return findings.fail("database", error.to_string(), "see the message"),
    };
    let ServerFacts { version, connections, bytes, ref synchronous_commit, ref fsync, .. } = facts;
    let shown = format!("PostgreSQL {}.{}", version / 10_000, version % 10_000);
    if version < OLDEST_SERVER {
        findings.fail("database", format!("{shown} is too old"), "use PostgreSQL 15 or later");
    }
    if fsync == "off" || synchronous_commit == "off" {
        findings.fail(
            "database",
            "PostgreSQL answers before what it answers is on the disk: a crash brings revoked keys back",
            "set fsync = on and synchronous_commit = on in postgresql.conf",
        );
    }
    if i64::try_from(settings.database_connections).is_ok_and(|wanted| wanted > connections / 2) {
        findings.warn(
            "database",
            format!(
                "one node takes up to {} of the {connections} connections that the server has",
                settings.database_connections
            ),
            "raise max_connections, or lower --database-connections: all nodes together must fit",
        );
    }
    let size = size(u64::try_from(bytes).unwrap_or(0));
    findings.ok("database", format!("{shown}, {size}, up to {connections} connections"));
    let apart_ms = (facts.now.ms() - ambient.clock.now().ms()).abs();
    let said = format!("this machine's clock and the database's are {:.1} s apart", seconds(apart_ms));
    if apart_ms > settings.clock_skew_seconds * 1000 {
        findings.fail(
            "clock",
            said,
            "let NTP set both: tokens of one node seem to come from the future on another",
        );
    } else {
        findings.ok("clock", said);
    }
}

#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
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
    match service::backups::last_backup(store).await {
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
