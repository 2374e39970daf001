//! Files that are replaced whole and that only their owner may read.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// A new version of a file, beside it and under another name: if this can be made, writing will hardly fail.
pub(crate) struct AtomicFile {
    file: NamedTempFile,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts the next version of `target`, which need not be there yet. A symbolic link stays one: what it leads to is replaced.
    pub(crate) fn of(target: &Path) -> io::Result<Self> {
        let target = match fs::canonicalize(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => target.to_owned(),
            other => other?,
        };
        if target.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if target.exists() {
            // Replacing needs no right to write the old version; asking anyway respects a file that was made read-only.
            fs::OpenOptions::new().append(true).open(&target)?;
        }
        let mut named = tempfile::Builder::new();
        named.prefix(".duku-draft-").permissions(Permissions::from_mode(0o600));
        Ok(Self { file: named.tempfile_in(store::folder_of(&target))?, target })
    }

    /// Starts a file where none is.
    pub(crate) fn new_at(target: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(target) {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file already")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::of(target),
            Err(error) => Err(error),
        }
    }

    /// Makes `text` the file's content, all of it or nothing.
    pub(crate) fn commit(mut self, text: &str) -> io::Result<()> {
        self.write(text)?;
        self.file.persist(&self.target).map(drop).map_err(|error| error.error)
    }

    /// Makes `text` a new file's content; one that has come there meanwhile stays.
    pub(crate) fn commit_new(mut self, text: &str) -> io::Result<()> {
        self.write(text)?;
        self.file.persist_noclobber(&self.target).map(drop).map_err(|error| error.error)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.as_file().sync_all()
    }
}
