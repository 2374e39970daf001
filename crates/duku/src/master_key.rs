//! The master key: from the environment, or from a file that only its owner may read.

use crate::{command_error::CommandError, settings::Settings};
use domain::Entropy;
use jose::MasterKey;
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const VARIABLE: &str = "DUKU_MASTER_KEY";

/// Why a master key that is there cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The variable holds something else.
    #[error("{VARIABLE}: {0}")]
    Variable(String),
    /// Container runtimes make a directory where a file that is to be mounted is not there.
    #[error(
        "cannot use the master key {0}: it is a directory; remove it (rmdir), and put the file of the master key there"
    )]
    Directory(PathBuf),
    /// The world must never read it.
    #[error("cannot use the master key {0}: everyone on this machine can read it; run chmod 600 on it")]
    Exposed(PathBuf),
    /// The file holds something else.
    #[error("cannot use the master key {0}: {1}")]
    Malformed(PathBuf, String),
    /// The file cannot be read.
    #[error("cannot read the master key {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
}

/// Finds the master key, or makes one if the data is fresh.
///
/// # Errors
/// The key cannot be used, or it is missing although the data was sealed with one.
pub async fn find(
    settings: &Settings,
    store: &store::Store,
    entropy: &dyn Entropy,
) -> Result<MasterKey, CommandError> {
    if let Some(key) = present(settings)? {
        return Ok(key);
    }
    let path = path(settings);
    match service::sealed_under(store).await? {
        None => make(&path, entropy),
        Some(fingerprint) => Err(CommandError::new(format!(
            "the master key is missing: the data was sealed under the key with fingerprint {fingerprint}; \
             set {VARIABLE}, or restore {}",
            path.display()
        ))),
    }
}

/// The master key, if there is one. None is made.
pub fn present(settings: &Settings) -> Result<Option<MasterKey>, MasterKeyError> {
    if let Some(text) = std::env::var_os(VARIABLE) {
        let text = Zeroizing::new(text.into_string().unwrap_or_default());
        let key = MasterKey::parse(&text);
        return key.map(Some).map_err(|error| MasterKeyError::Variable(error.to_string()));
    }
    let path = path(settings);
    match File::open(&path) {
        Ok(file) => read(file, &path).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(MasterKeyError::Unreadable(path, error)),
    }
}

/// The file of the master key, if it lies among the data: then it is the key of an installation, which makes it after its
/// tables. A key from the environment or from elsewhere may be there before the first start.
pub fn among_the_data(settings: &Settings) -> Option<PathBuf> {
    if std::env::var_os(VARIABLE).is_some() {
        return None;
    }
    let path = path(settings);
    // A link leads to where the key really is kept.
    let real = path.canonicalize().ok().filter(|real| real.is_file())?;
    let data = match settings.store_options().map(|options| options.location) {
        Ok(store::Location::Sqlite(file)) => Some(store::folder_of(&file).to_owned()),
        _ => None,
    };
    let mut folders = [Some(settings.data_dir.clone()), data].into_iter().flatten();
    let is_among =
        folders.any(|folder| folder.canonicalize().is_ok_and(|folder| real.parent() == Some(&folder)));
    is_among.then_some(path)
}

/// Where the master key is or belongs, in words.
pub fn place(settings: &Settings) -> String {
    match std::env::var_os(VARIABLE) {
        Some(_) => format!("{VARIABLE} of the environment"),
        None => path(settings).display().to_string(),
    }
}

/// The file of the master key, if the environment does not hold it.
pub fn path(settings: &Settings) -> PathBuf {
    settings.master_key_file.clone().unwrap_or_else(|| settings.data_dir.join("master.key"))
}

fn read(mut file: File, path: &Path) -> Result<MasterKey, MasterKeyError> {
    let unreadable = |error| MasterKeyError::Unreadable(path.to_owned(), error);
    let found = file.metadata().map_err(unreadable)?;
    if found.is_dir() {
        return Err(MasterKeyError::Directory(path.to_owned()));
    }
    // Secrets mounted by an orchestrator are often group-readable; the world must never read them.
    if found.permissions().mode() & 0o007 != 0 {
        return Err(MasterKeyError::Exposed(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    MasterKey::parse(text.trim())
        .map_err(|error| MasterKeyError::Malformed(path.to_owned(), error.to_string()))
}

fn make(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, CommandError> {
    let rejection = |error: std::io::Error| {
        CommandError::new(format!("cannot write the master key {}: {error}", path.display()))
    };
    let key = MasterKey::generate(entropy);
    // Written whole under another name first: nobody ever reads half a key, and of two processes that race one wins.
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).and_then(
            |mut file| {
                file.write_all(format!("{}\n", *key.to_base64()).as_bytes())?;
                file.sync_all()
            },
        );
    written.map_err(rejection)?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).map_err(rejection)?;
    match linked {
        Ok(()) => {
            tracing::info!(path = %path.display(), "made a master key; keep a copy of it apart from the data");
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok(read(File::open(path).map_err(rejection)?, path)?)
        }
        Err(error) => Err(rejection(error)),
    }
}
