//! Why a command did not do what it was asked: one clear line for a person.

use crate::master_key::MasterKeyError;
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

/// Errors whose own words are enough.
macro_rules! says_itself {
    ($($error:ty),*) => {$(
        impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )*};
}

says_itself!(service::Error, StoreError, OpenError, MasterKeyError, domain::Invalid, std::io::Error);

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("the answer is no JSON: {error}"))
    }
}
