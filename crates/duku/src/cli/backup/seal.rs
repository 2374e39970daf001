//! The seal at the end of a backup: a change to any byte of it is noticed before it takes the place of the data.

use super::check::Sound;
use crate::command_error::CommandError;
use jose::{MasterKey, digest};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

/// What stands before the 32 bytes of the seal. SQLite reads no further than its own pages.
const MARK: &[u8; 16] = b"duku backup seal";
const LENGTH: u64 = 48;
/// What the master key's part for backups is derived for: changing it makes every seal invalid.
const PURPOSE: &str = "backup";

/// HMAC-SHA-256 of every byte before it, under a key derived from the master key.
pub(crate) struct Seal([u8; 32]);

/// Seals a backup that was found sound, and waits until the seal is on the disk.
pub(crate) fn seal(path: &Path, key: &MasterKey, sound: &mut Sound) -> Result<(), CommandError> {
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    let seal = digest::hmac_sha256_of_file(&key.derive(PURPOSE), &mut file)?;
    file.write_all(MARK)?;
    file.write_all(&seal)?;
    file.sync_all()?;
    sound.bytes += LENGTH;
    Ok(())
}

impl Seal {
    /// Takes the seal off the end of a copy, if there is one.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, CommandError> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let Some(end) = file.metadata()?.len().checked_sub(LENGTH) else { return Ok(None) };
        file.seek(SeekFrom::Start(end))?;
        let (mut mark, mut seal) = ([0; 16], [0; 32]);
        file.read_exact(&mut mark)?;
        file.read_exact(&mut seal)?;
        if mark != *MARK {
            return Ok(None);
        }
        file.set_len(end)?;
        Ok(Some(Self(seal)))
    }

    /// Fails if a byte of the file is not as it was when it was sealed.
    pub(crate) fn check(&self, path: &Path, key: &MasterKey) -> Result<(), CommandError> {
        let actual = digest::hmac_sha256_of_file(&key.derive(PURPOSE), &mut File::open(path)?)?;
        if digest::are_equal(&actual, &self.0) {
            return Ok(());
        }
        Err(CommandError::new(
            "the backup was changed or damaged after it was made: its seal does not fit. Take another one",
        ))
    }
}
