//! The disk and the files on it: is there room, who may read them, and can SQLite work there at all?

use super::Findings;
use crate::{cli::backup::check::size, server::open_files, settings::Settings};
use rustix::{
    fs::{statfs, statvfs},
    process::{Resource, getrlimit},
};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};
use store::Location;

/// Below these the server stops soon.
const LITTLE: u64 = 1 << 30;
const VERY_LITTLE: u64 = 64 << 20;
/// NFS, SMB, CIFS and SMB2, as `statfs` knows them: SQLite's log needs memory that is shared, which these do not have.
const NETWORK: [i64; 4] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42];
pub(super) fn check(findings: &mut Findings, settings: &Settings) {
    let dir = &settings.data_dir;
    if dir.exists() {
        check_directory(findings, dir);
    }
    if let Ok(Location::Sqlite(path)) = settings.store_options().map(|options| options.location) {
        let folder = store::folder_of(&path);
        if folder.exists() {
            check_room(findings, folder, &path);
            check_files(findings, &path);
        }
    }
    // The server raises its limit as far as this.
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let wanted =
        u64::try_from(settings.most_connections()).unwrap_or(u64::MAX).saturating_add(open_files::OWN);
    if limit < wanted {
        findings.warn(
            "open files",
            format!(
                "{} connections may be open at once, and {limit} files here",
                settings.most_connections()
            ),
            format!(
                "raise the server's limit (LimitNOFILE={} in its unit), or lower --connections",
                wanted.next_power_of_two()
            ),
        );
    } else {
        findings.ok(
            "open files",
            format!("{limit} are allowed here, enough for {} connections", settings.most_connections()),
        );
    }
}

fn check_directory(findings: &mut Findings, dir: &Path) {
    match fs::metadata(dir) {
        Ok(found) if !found.is_dir() => {
            findings.fail(
                "directory",
                format!("{} is no directory", dir.display()),
                "name another with --data-dir",
            );
        }
        Ok(found) if found.permissions().mode() & 0o077 != 0 => findings.warn(
            "directory",
            format!(
                "{} is open to other users (mode {:o})",
                dir.display(),
                found.permissions().mode() & 0o777
            ),
            format!("chmod 700 {}", dir.display()),
        ),
        Ok(_) => findings.ok("directory", format!("{} is its owner's alone", dir.display())),
        Err(error) => {
            findings.fail("directory", format!("{}: {error}", dir.display()), "check its owner and mode");
        }
    }
}

fn check_room(findings: &mut Findings, folder: &Path, data: &Path) {
    if statfs(folder).is_ok_and(|found| NETWORK.iter().any(|kind| is_kind(found.f_type, *kind))) {
        findings.fail(
            "disk",
            format!("{} is on a network share, where SQLite loses data", folder.display()),
            "move the data to a local disk, or use PostgreSQL",
        );
    }
    let free = match statvfs(folder) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            return findings.warn("disk", format!("{}: {error}", folder.display()), "check its mount");
        }
    };
    let bytes = fs::metadata(data).map_or(0, |data| data.len());
    let said = format!("{} free at {}, the data take {}", size(free), folder.display(), size(bytes));
    match free {
        ..VERY_LITTLE => findings.fail(
            "disk",
            said,
            "free some space now: with a full disk nothing can be changed, nor revoked",
        ),
        _ if free < LITTLE || free < bytes => findings.warn(
            "disk",
            said,
            "free some space: the data, their log and a backup need as much again",
        ),
        _ => findings.ok("disk", said),
    }
}

/// The kernel's number has another width on every platform; only its lower half says something.
fn is_kind(found: impl TryInto<i64>, kind: i64) -> bool {
    found.try_into().is_ok_and(|found| found & 0xFFFF_FFFF == kind)
}

/// Each of SQLite's files: readable by the owner alone, and all of one owner.
fn check_files(findings: &mut Findings, data: &Path) {
    let folder_owner = data.parent().and_then(|folder| fs::metadata(folder).ok()).map(|folder| folder.uid());
    let mut good = true;
    for end in ["", "-wal", "-shm"] {
        let path = PathBuf::from(format!("{}{end}", data.display()));
        let Ok(found) = fs::metadata(&path) else { continue };
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            good = false;
            findings.warn(
                "files",
                format!("other users can open {} (mode {mode:o})", path.display()),
                format!("chmod 600 {}", path.display()),
            );
        }
        if folder_owner.is_some_and(|owner| owner != found.uid()) {
            good = false;
            findings.warn(
                "files",
                format!("{} belongs to user {}, its directory to another", path.display(), found.uid()),
                "chown it to the user that the server runs as, or the server cannot write it",
            );
        }
    }
    if good && data.exists() {
        findings.ok("files", "the database is its owner's alone");
    }
}
