//! Notes where the audit log's chains end: in the log, and in a file that the database's owner cannot write, if there is one.

use crate::command_error::CommandError;
use service::{
    Error, RequestContext, Service,
    operations::audit_witness::{LOG_MESSAGE, Witness, WitnessedEnd},
};
use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The file that ends are appended to, if one is set, and whether the last attempt worked.
#[derive(Debug)]
pub struct WitnessFile {
    path: Option<PathBuf>,
    works: bool,
}

impl WitnessFile {
    /// Notes ends in the log, and in the file at `path` if there is one.
    pub fn open(path: Option<PathBuf>) -> Result<Self, CommandError> {
        if let Some(path) = &path {
            append_to(path).map_err(|error| {
                CommandError::new(format!(
                    "cannot append to the witness file {}: {error}; choose another with --audit-witness-file",
                    path.display()
                ))
            })?;
        }
        Ok(Self { path, works: true })
    }

    /// Notes every chain that has grown since the last time. What cannot be written to the file is tried again, and stands in the
    /// log each time.
    pub async fn note(&mut self, service: &Service, ctx: &RequestContext) -> Result<(), Error> {
        let ends = service.operations().ends_to_witness().await?;
        if ends.is_empty() {
            return Ok(());
        }
        for WitnessedEnd { chain, sequence, hash } in &ends {
            tracing::info!(chain, sequence, hash, "{LOG_MESSAGE}");
        }
        let written = self.path.as_deref().map_or(Ok(()), |path| append(path, &ends, ctx));
        if let Err(error) = written {
            if self.works {
                tracing::error!(%error, "the audit log's witness file cannot be written; it is tried again every minute");
            }
            self.works = false;
            return Ok(());
        }
        self.works = true;
        service.operations().note_witnessed(&ends);
        Ok(())
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Appended in one write and on the disk before it counts.
fn append(path: &Path, ends: &[WitnessedEnd], ctx: &RequestContext) -> std::io::Result<()> {
    let mut lines = String::new();
    for end in ends {
        lines.push_str(&end.line(ctx));
        lines.push('\n');
    }
    let mut file = append_to(path)?;
    file.write_all(lines.as_bytes())?;
    // A pipe to somewhere else has nothing to flush.
    match file.sync_data() {
        Err(error) if error.kind() != std::io::ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}

/// Reads a witness: a file of ends, or a server's log in JSON.
///
/// # Errors
/// The file cannot be read, or holds no end at all.
pub(crate) fn read(path: &Path) -> Result<Witness, CommandError> {
    let rejection =
        |what: &dyn std::fmt::Display| CommandError::new(format!("cannot read {}: {what}", path.display()));
    let mut witness = Witness::default();
    for line in BufReader::new(File::open(path).map_err(|error| rejection(&error))?).lines() {
        // A log has other lines, too.
        witness.read_line(&line.map_err(|error| rejection(&error))?);
    }
    if witness.is_empty() {
        return Err(rejection(
            &"it holds no line of a witness; it must be an --audit-witness-file or a log in JSON (--log-format json)",
        ));
    }
    Ok(witness)
}
