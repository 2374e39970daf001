//! Why a command did not do what it was asked: one clear line for a person.

use service::OpenError;
use store::StoreError;

/// A command's failure. Its text goes to standard error and the exit code is 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(String);

impl CommandError {
    /// A failure that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<service::Error> for CommandError {
    fn from(failure: service::Error) -> Self {
        Self(failure.to_string())
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("the answer is no JSON: {error}"))
    }
}

impl From<domain::Invalid> for CommandError {
    fn from(invalid: domain::Invalid) -> Self {
        Self(invalid.to_string())
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
