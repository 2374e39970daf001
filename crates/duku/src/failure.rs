//! Why a command did not do what it was asked: one clear line for a person.

use service::OpenError;
use store::StoreError;

/// A command's failure. Its text goes to standard error and the exit code is 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CommandFailure(String);

impl CommandFailure {
    /// A failure that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<service::Failure> for CommandFailure {
    fn from(failure: service::Failure) -> Self {
        Self(failure.to_string())
    }
}

impl From<StoreError> for CommandFailure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<OpenError> for CommandFailure {
    fn from(error: OpenError) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for CommandFailure {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("the answer is no JSON: {error}"))
    }
}

impl From<domain::Invalid> for CommandFailure {
    fn from(invalid: domain::Invalid) -> Self {
        Self(invalid.to_string())
    }
}

impl From<std::io::Error> for CommandFailure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
