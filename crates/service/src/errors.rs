//! Answers that are not outcomes.

use domain::{Ended, Invalid, KeyId, Timestamp};
use store::StoreError;

/// A rejection that the caller can understand and mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The credential that the request came with is not accepted any more.
    Ended(Ended),
    /// The principal may not do this.
    Forbidden(String),
    /// There is no such thing in the principal's organisation; another organisation's things are not there either.
    NotFound {
        /// What was looked for, like `API key`.
        kind: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// An input breaks a rule.
    Invalid(Invalid),
    /// All places are taken.
    LimitReached {
        /// How many there are.
        limit: usize,
        /// Keys that could go, best candidates first.
        candidates: Vec<Candidate>,
    },
    /// The organisation has as much of something as it may have.
    TooMuchStored {
        /// Of what, like `products`.
        what: &'static str,
        /// How many there may be.
        limit: i64,
        /// The setting that says so.
        setting: &'static str,
    },
    /// What is there contradicts what was asked.
    Conflict(String),
    /// The password has to be proved again first.
    SignInAgain,
    /// There were too many attempts; wait so many seconds.
    TooMany(u64),
}

/// A key that could be revoked to make room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The key.
    pub id: KeyId,
    /// Its label.
    pub label: String,
    /// When it was last used; `None` for never.
    pub last_used_at: Option<Timestamp>,
}

impl Rejection {
    /// One sentence for a person.
    pub fn message(&self) -> String {
        match self {
            Self::Ended(ended) => ended.message(),
            Self::Forbidden(message) | Self::Conflict(message) => message.clone(),
            Self::NotFound { kind, id } => {
                format!("there is no {kind} {} in this organisation", id.chars().take(64).collect::<String>())
            }
            Self::Invalid(invalid) => invalid.to_string(),
            Self::LimitReached { limit, candidates } => limit_message(*limit, candidates),
            Self::TooMuchStored { what, limit, setting } => format!(
                "this organisation has {limit} {what}, which is as many as it may have: delete some, or have an operator raise \
                 {setting}"
            ),
            Self::SignInAgain => "the last sign-in was a while ago: confirm your password first".to_owned(),
            Self::TooMany(seconds) => format!("too many attempts: wait {seconds} seconds"),
        }
    }
}

fn limit_message(limit: usize, candidates: &[Candidate]) -> String {
    let named: Vec<String> = candidates
        .iter()
        .take(3)
        .map(|candidate| match candidate.last_used_at {
            None => format!("{} ({}, never used)", candidate.label, candidate.id),
            Some(at) => format!("{} ({}, last used {at})", candidate.label, candidate.id),
        })
        .collect();
    format!(
        "all {limit} places for Active keys are taken; revoke one that is not needed any more, for example: {}",
        named.join(", ")
    )
}

/// Why a use case has no outcome.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The caller can mend it.
    #[error("{}", .0.message())]
    Rejection(Rejection),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that should not happen; logged once by the middleware, never shown.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// An internal failure with its cause.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// Whether the same request may work soon without anyone's help.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_temporary())
    }
}

impl From<Rejection> for Error {
    fn from(reject: Rejection) -> Self {
        Self::Rejection(reject)
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Rejection(Rejection::Invalid(invalid))
    }
}
