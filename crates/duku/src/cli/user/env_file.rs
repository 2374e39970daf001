//! An `.env` file that a new secret goes into without being shown.

use super::atomic_file::AtomicFile;
use crate::command_error::CommandError;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Enough for any `.env` file; a larger one is a mistake.
const MAXIMUM_BYTES: u64 = 1024 * 1024;

pub(super) const CLIENT_ID: &str = "DUKU_CLIENT_ID";
pub(super) const CLIENT_SECRET: &str = "DUKU_CLIENT_SECRET";

/// A file that can be written, as far as that can be known beforehand.
pub(super) struct EnvFile {
    path: PathBuf,
    before: Zeroizing<String>,
    draft: AtomicFile,
}

impl EnvFile {
    /// Reads what is there and makes sure that a new version can be written.
    ///
    /// # Errors
    /// It is a directory, no text, too large, or cannot be read or written: nothing was asked of the server yet.
    pub(super) fn open(path: &Path) -> Result<Self, CommandError> {
        let rejection = |error: io::Error| {
            CommandError::new(format!(
                "cannot write {}: {error}; nothing was changed, choose another file with --env-file",
                path.display()
            ))
        };
        let draft = AtomicFile::of(path).map_err(rejection)?;
        let before = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(rejection(error)),
            Ok(_) => read(path).map_err(rejection)?,
        };
        Ok(Self { path: path.to_owned(), before: Zeroizing::new(before), draft })
    }

    /// Writes the pair; every other line stays as it was.
    pub(super) fn write(self, client_id: &str, client_secret: &str) -> io::Result<PathBuf> {
        let text = with_value(&self.before, CLIENT_ID, client_id);
        let text = with_value(&text, CLIENT_SECRET, client_secret);
        self.draft.commit(&text)?;
        Ok(self.path)
    }
}

/// Reads a file that may be a device without an end.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAXIMUM_BYTES + 1).read_to_string(&mut text);
    if u64::try_from(text.len()).is_ok_and(|length| length > MAXIMUM_BYTES) {
        return Err(io::Error::other("it is too large for an .env file"));
    }
    read.map(|_| text)
}

/// The text with `name=value` in place of the first line that sets `name`, and without later ones, which would win over it;
/// at the end if there is none.
fn with_value(text: &str, name: &str, value: &str) -> Zeroizing<String> {
    let mut changed = Zeroizing::new(String::with_capacity(text.len() + name.len() + value.len() + 3));
    let mut is_set = false;
    // The quote that a value over several lines began with, and whether that value is one to replace.
    let mut open: Option<(char, bool)> = None;
    for line in text.split_inclusive('\n') {
        if let Some((quote, is_replaced)) = open {
            if !is_replaced {
                changed.push_str(line);
            }
            open = open.filter(|_| !line.contains(quote));
            continue;
        }
        let export = export_of(line, name);
        open = open_quote(line).map(|quote| (quote, export.is_some()));
        let Some(export) = export else {
            changed.push_str(line);
            continue;
        };
        if !is_set {
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            changed.extend([export, name, "=", value, end]);
        }
        is_set = true;
    }
    if !is_set {
        let end = if changed.is_empty() || changed.ends_with('\n') { "" } else { "\n" };
        changed.extend([end, name, "=", value, "\n"]);
    }
    changed
}

/// The quote that a line's value begins with and does not end.
fn open_quote(line: &str) -> Option<char> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    (!name.trim_start().starts_with('#') && value.matches(quote).count() == 1).then_some(quote)
}

/// What stands before `name` on a line that sets it: nothing, or `export `.
fn export_of(line: &str, name: &str) -> Option<&'static str> {
    let line = line.trim_start();
    let (export, rest) = match line.strip_prefix("export ") {
        Some(rest) => ("export ", rest.trim_start()),
        None => ("", line),
    };
    rest.strip_prefix(name)?.trim_start().starts_with('=').then_some(export)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn other_lines_stay_and_each_value_is_set_once() {
        let cases = [
            ("", "A=1\n"),
            ("B=2", "B=2\nA=1\n"),
            ("# A=0\nA=0\nB=2\n", "# A=0\nA=1\nB=2\n"),
            ("A=0\nB=2\nA=9\n", "A=1\nB=2\n"),
            ("export A='0'\r\nB=2\r\n", "export A=1\r\nB=2\r\n"),
            (" A = 0", "A=1\n"),
            ("AA=0\nB=A=0\n\n", "AA=0\nB=A=0\n\nA=1\n"),
            ("B='x\nA=inside\ny'\nA=0\n", "B='x\nA=inside\ny'\nA=1\n"),
            ("A=\"x\nB=inside\"\nC=2\n", "A=1\nC=2\n"),
            ("# B='\nA=0\n", "# B='\nA=1\n"),
        ];
        for (before, after) in cases {
            assert_eq!(*with_value(before, "A", "1"), after, "{before:?}");
        }
    }

    #[test]
    fn the_file_is_its_owners_and_a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("real.env"), dir.path().join(".env"));
        fs::write(&file, "PORT=1\nDUKU_CLIENT_SECRET=old\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        EnvFile::open(&link).unwrap().write("key_1", "dks_1").unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, "PORT=1\nDUKU_CLIENT_SECRET=dks_1\nDUKU_CLIENT_ID=key_1\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no draft is left behind");
    }

    #[test]
    fn what_cannot_be_written_is_rejected_before_anything_happens() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("bytes"), [0xff, 0xfe]).unwrap();
        for path in [dir.path().to_owned(), dir.path().join("nowhere/.env"), dir.path().join("bytes")] {
            let rejection = EnvFile::open(&path).err().unwrap().to_string();
            assert!(rejection.contains("nothing was changed"), "{rejection}");
        }
        drop(EnvFile::open(&dir.path().join("new.env")).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "looking leaves nothing behind");
    }
}
