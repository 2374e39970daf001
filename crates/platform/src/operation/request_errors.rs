//! Errors of a whole request, as they stand in the `errors` of an answer without `data`.

use juniper::parser::SourcePosition;
use serde::Serialize;
use serde_json::{Map, Value as JsonValue};

/// The error codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Unauthenticated,
    Forbidden,
    NotFound,
    ValidationFailed,
    LimitReached,
    Conflict,
    RateLimited,
    Internal,
}

impl Code {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::ValidationFailed => "VALIDATION_FAILED",
            Self::LimitReached => "LIMIT_REACHED",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// One error of a request as a whole.
#[derive(Debug, Serialize)]
pub(crate) struct RequestError {
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    extensions: Map<String, JsonValue>,
}

/// A place in the document, counted from 1.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Location {
    line: usize,
    column: usize,
}

impl From<SourcePosition> for Location {
    fn from(position: SourcePosition) -> Self {
        Self { line: position.line() + 1, column: position.column() + 1 }
    }
}

/// The most characters of a message: some quote what the client sent, which may be a megabyte.
const MESSAGE_CHARACTERS: usize = 600;

impl RequestError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let mut extensions = Map::new();
        extensions.insert("code".to_owned(), code.as_str().into());
        Self { message: shortened(message.into()), locations: Vec::new(), extensions }
    }

    /// A document, or a request for one, that breaks a rule.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed, message)
    }

    pub(crate) fn at(mut self, position: SourcePosition) -> Self {
        self.locations.push(position.into());
        self
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<JsonValue>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }
}

fn shortened(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARACTERS) {
        message.truncate(end);
        message.push('…');
    }
    message
}
