//! Whether this user may use the files: to another user, data look as if they were not there.

use rustix::{
    fs::{Access, access},
    io::Errno,
    process::getuid,
};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What this user may not open of SQLite's files and the directory that they lie in, and the cure; nothing if all of it.
pub(super) fn rejected(data: &Path) -> Option<(String, String)> {
    let files = ["", "-wal", "-shm"].map(|end| PathBuf::from(format!("{}{end}", data.display())));
    let folder = store::folder_of(data).to_owned();
    let is_denied = |path: &PathBuf| access(path, Access::READ_OK | Access::WRITE_OK) == Err(Errno::ACCESS);
    let denied = std::iter::once(folder).chain(files).find(is_denied)?;
    Some(wrong_user(&denied))
}

/// Says whom a path belongs to, as far as this user can see, and how to run as that user.
pub(super) fn wrong_user(path: &Path) -> (String, String) {
    let me = getuid().as_raw();
    let seen = path.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)));
    let Some((seen, found)) = seen else {
        return (
            format!("user {me} may not open {}", path.display()),
            "check the mode of its directories".into(),
        );
    };
    let owner = found.uid();
    if owner == me {
        return (
            format!("user {me} owns {} and may not open {}", seen.display(), path.display()),
            format!("chmod u+rwX {}", path.display()),
        );
    }
    let name = name_of(owner).unwrap_or_else(|| format!("#{owner}"));
    (
        format!(
            "user {me} may not open {}: {} belongs to user {name} ({owner})",
            path.display(),
            seen.display()
        ),
        format!(
            "run this, and the server, as that user: sudo -u '{name}' duku doctor; or chown -R the data to this one"
        ),
    )
}

/// The name of a user of this machine.
fn name_of(id: u32) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    };
    users.lines().find_map(name)
}
