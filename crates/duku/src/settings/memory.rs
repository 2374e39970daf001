//! Limits that follow from how much memory the process may take, unless they are set.

use super::Settings;
use crate::{command_error::CommandError, server::system_memory};

/// What is assumed where the system does not say.
const USUAL: u64 = 1 << 30;
const LEAST: usize = 64 << 20;

impl Settings {
    /// How much memory the process may take, in bytes.
    pub fn memory(&self) -> usize {
        let bytes = match self.memory_bytes {
            0 => system_memory::available().unwrap_or(USUAL),
            bytes => bytes,
        };
        usize::try_from(bytes).unwrap_or(usize::MAX).max(LEAST)
    }

    /// The longest answer of GraphQL, in bytes.
    pub fn graphql_answer(&self) -> usize {
        match self.graphql_answer_bytes {
            0 => (8 << 20).min(self.memory() / 64),
            bytes => bytes,
        }
    }

    /// How much memory all answers of GraphQL may take, in bytes.
    pub fn graphql_memory(&self) -> usize {
        let answer = self.graphql_answer();
        match self.graphql_memory_bytes {
            0 => answer.saturating_mul(16).min((self.memory() / 8).max(answer.saturating_mul(8))),
            bytes => bytes,
        }
    }

    /// How much memory requests may take with their bodies and answers, in bytes.
    pub fn request_memory(&self) -> usize {
        match self.request_memory_bytes {
            0 => self.memory() / 8,
            bytes => bytes,
        }
    }

    /// The most connections. One over HTTP/2 takes up to 250 KiB, of which an attacker makes use.
    pub fn most_connections(&self) -> usize {
        match self.connections {
            0 => 10_000.min(self.memory() / (512 << 10)),
            connections => connections,
        }
    }

    /// How many passwords are checked at once.
    pub fn most_password_checks(&self) -> usize {
        match self.password_checks {
            0 => (self.memory() / (192 << 20)).clamp(1, 2),
            checks => checks,
        }
    }
}

/// Rejects limits that nothing could be served with.
pub(super) fn check(settings: &Settings) -> Result<(), CommandError> {
    let memory_bytes = usize::try_from(settings.memory_bytes).unwrap_or(usize::MAX);
    for (name, value, least) in [
        ("graphql-answer-bytes", settings.graphql_answer_bytes, 64 << 10),
        ("request-memory-bytes", settings.request_memory_bytes, 1 << 20),
        ("memory-bytes", memory_bytes, LEAST),
    ] {
        if value != 0 && value < least {
            return Err(CommandError::new(format!("--{name} is {value}; it must be at least {least}, or 0")));
        }
    }
    let (memory, answer) = (settings.graphql_memory(), settings.graphql_answer());
    if memory < 8 * answer {
        return Err(CommandError::new(format!(
            "--graphql-memory-bytes is {memory}; it must be at least 8 times --graphql-answer-bytes, {}, or 0",
            8 * answer
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::settings::{GivenSettings, Settings};

    fn with_mebibytes(memory: u64) -> Settings {
        let given = GivenSettings { memory_bytes: Some(memory << 20), ..GivenSettings::default() };
        given.resolve(None).unwrap()
    }

    #[test]
    fn limits_follow_from_the_memory() {
        let limits = |memory| {
            let settings = with_mebibytes(memory);
            let mebibytes = |bytes: usize| bytes >> 20;
            (
                mebibytes(settings.graphql_answer()),
                mebibytes(settings.graphql_memory()),
                mebibytes(settings.request_memory()),
                settings.most_connections(),
                settings.most_password_checks(),
            )
        };
        assert_eq!(limits(64), (1, 8, 8, 128, 1));
        assert_eq!(limits(128), (2, 16, 16, 256, 1));
        assert_eq!(limits(512), (8, 64, 64, 1024, 2));
        assert_eq!(limits(16 << 10), (8, 128, 2048, 10_000, 2));
    }
}
