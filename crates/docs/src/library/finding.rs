//! What is wrong with a folder of pages, where, and what to do about it.

use std::fmt;

/// Something that would mislead a reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, below the folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, cure } = self;
        write!(f, "{file}:{line}: {what}; {cure}")
    }
}

/// A problem inside of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineFinding {
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) cure: String,
}

impl LineFinding {
    pub(super) fn new(line: usize, what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { line, what: what.into(), cure: cure.into() }
    }

    pub(super) fn within(&self, file: &str) -> Finding {
        let Self { line, what, cure } = self.clone();
        Finding { file: file.to_owned(), line, what, cure }
    }
}
