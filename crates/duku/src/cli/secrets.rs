//! Secrets come from the environment, a file or standard input, never from arguments, which every user of the machine can read.

use crate::command_error::CommandError;
use std::{io::Read, path::Path};
use zeroize::Zeroizing;

/// Enough for any secret; a larger input is a mistake.
const MAXIMUM_BYTES: u64 = 64 * 1024;

/// Reads the first line of a file, or of standard input if the path is `-`.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, CommandError> {
    let text = read_whole(path)?;
    match text.lines().next() {
        Some(first) if !first.is_empty() => Ok(Zeroizing::new(first.to_owned())),
        _ if path == Path::new("-") => Err(CommandError::new("there is no secret on standard input")),
        _ => Err(CommandError::new(format!("there is no secret in {}", path.display()))),
    }
}

/// Reads a file, or standard input if the path is `-`.
pub(crate) fn read_whole(path: &Path) -> Result<Zeroizing<String>, CommandError> {
    let rejection = |error: std::io::Error| {
        CommandError::new(format!("cannot read the secret from {}: {error}", path.display()))
    };
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        std::io::stdin().take(MAXIMUM_BYTES).read_to_string(&mut text).map_err(rejection)?;
    } else {
        std::fs::File::open(path)
            .map_err(rejection)?
            .take(MAXIMUM_BYTES)
            .read_to_string(&mut text)
            .map_err(rejection)?;
    }
    Ok(text)
}
