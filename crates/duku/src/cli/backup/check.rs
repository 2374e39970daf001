//! What `duku backup` and `duku restore` share: looking at a copy of the data from end to end.

use crate::{command_error::CommandError, settings::Settings};
use domain::Timestamp;
use jose::MasterKey;
use serde_json::{Value, json};
use service::{audit::verify_chains, operations::audit_witness::Witness};
use std::path::{Path, PathBuf};
use store::{Location, Store};

/// What a look at a whole copy found. There is no such value of a copy that is not sound.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) schema: i64,
    pub(crate) chains: usize,
    pub(crate) entries: i64,
    pub(crate) newest: Option<Timestamp>,
    /// Of the master key that the data are sealed under.
    pub(crate) fingerprint: String,
    pub(crate) bytes: u64,
}

impl Sound {
    pub(crate) fn as_json(&self) -> Value {
        json!({
            "bytes": self.bytes,
            "schema": self.schema,
            "audit_chains": self.chains,
            "audit_entries": self.entries,
            "newest_entry_at": self.newest.map(|at| at.to_string()),
            "master_key_fingerprint": self.fingerprint,
        })
    }

    pub(crate) fn in_words(&self) -> String {
        format!(
            "{}, schema {}, {} of the audit log in {}, all intact",
            size(self.bytes),
            self.schema,
            counted(self.entries, "entry", "entries"),
            counted(i64::try_from(self.chains).unwrap_or(i64::MAX), "chain", "chains"),
        )
    }
}

/// Reads a copy from end to end: its pages, its schema, every entry of the audit log. Without the master key the seals of the
/// audit log's ends are left out.
pub(crate) async fn examine(path: &Path, master_key: Option<&MasterKey>) -> Result<Sound, CommandError> {
    let damaged =
        |what: &dyn std::fmt::Display| CommandError::new(format!("the backup is not sound: {what}"));
    if let Some(damage) = store::damage_of_sqlite(path, false)?.first() {
        return Err(damaged(damage));
    }
    let store = Store::open_copy(path).await?;
    let fingerprint = service::sealed_under(&store).await?;
    let fingerprint =
        fingerprint.ok_or_else(|| damaged(&"it does not say under which master key it is sealed"))?;
    let reports = verify_chains(&store, master_key, None, &Witness::default()).await?;
    if let Some((chain, damage)) =
        reports.iter().find_map(|report| report.damage.as_ref().map(|damage| (&report.chain, damage)))
    {
        return Err(damaged(&format!("in the audit log of {chain}, {damage}")));
    }
    Ok(Sound {
        schema: store.schema_version().await?,
        chains: reports.len(),
        entries: reports.iter().map(|report| report.entries).sum(),
        newest: store.reader().await?.newest_audit_time().await?,
        fingerprint,
        bytes: std::fs::metadata(path)?.len(),
    })
}

/// The file of the data; for PostgreSQL the rejection that names its own tool.
pub(crate) fn sqlite_file(settings: &Settings, instead: &str) -> Result<PathBuf, CommandError> {
    match settings.store_options()?.location {
        Location::Sqlite(path) => Ok(path),
        Location::Postgres(_) => Err(CommandError::new(format!("the data are in PostgreSQL, {instead}"))),
    }
}

/// Runs `work` on a thread of its own: its connections to the data end with it.
pub(crate) fn apart<T: Send, F: Future<Output = Result<T, CommandError>>>(
    work: impl FnOnce() -> F + Send,
) -> Result<T, CommandError> {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work());
    std::thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|_| Err(CommandError::new("a part of the work ended without a word")))
}

/// Whether both are the same file, or would be.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let made = || Some(store::folder_of(path).canonicalize().ok()?.join(path.file_name()?));
        path.canonicalize().ok().or_else(made)
    };
    match (real(one), real(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A number of bytes as people say it.
pub(crate) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let mut value = bytes as f64;
    for unit in ["bytes", "KB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

pub(crate) fn counted(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// How long ago something was, as people say it.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.ms() - then.ms()) / 1000;
    let unit = |length, one, many| counted(seconds / length, one, many);
    match seconds {
        ..0 => "in the future".to_owned(),
        0..120 => format!("{} ago", unit(1, "second", "seconds")),
        120..7200 => format!("{} ago", unit(60, "minute", "minutes")),
        7200..172_800 => format!("{} ago", unit(3600, "hour", "hours")),
        _ => format!("{} ago", unit(86_400, "day", "days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_well() {
        assert_eq!([999, 1000, 2_340_000].map(size), ["999 bytes", "1.0 KB", "2.3 MB"]);
        let now = Timestamp::from_seconds(1_000_000);
        let shown = [0, 1, 119, 600, 7200, 864_000, -5].map(|past| ago(now.plus_seconds(-past), now));
        let expected = [
            "0 seconds ago",
            "1 second ago",
            "119 seconds ago",
            "10 minutes ago",
            "2 hours ago",
            "10 days ago",
            "in the future",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_same_file_is_known_by_every_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        assert!(is_same_file(&file, &dir.path().join("./a")) && !is_same_file(&file, &dir.path().join("b")));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, dir.path().join("b")).unwrap();
        assert!(is_same_file(&file, &dir.path().join("b")));
    }
}
