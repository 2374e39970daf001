//! Asking: from a question in people's words to sentences of the documentation that answer it.
//!
//! Nothing is made up: an answer is sentences, rows and commands of the pages, and where none fits, that is said. The same
//! question always gets the same answer, and no network is needed.

mod compose;
mod render;
mod search;
mod synonyms;
mod units;

pub(crate) use render::{Named, UNSURE, as_json, as_markdown};
pub(crate) use search::words;
pub(crate) use synonyms::Synonyms;

use crate::library::{Library, Place};
use search::Search;
use serde::Serialize;

/// How much of a question the best sections must speak of on average, by how much each word tells: below the first it is
/// refused, below the second the answer says that it is unsure.
const REFUSED_BELOW: f64 = 0.3;
const UNSURE_BELOW: f64 = 0.4;

/// What is asked, of which page, and what for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asking {
    pub(crate) question: String,
    pub(crate) goal: String,
    /// Which of the library's pages.
    pub(crate) page: Option<usize>,
}

/// How likely it is that an answer answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Confidence {
    Likely,
    Unsure,
    /// The documentation does not answer.
    #[default]
    None,
}

/// What the documentation says to a question.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) confidence: Confidence,
    /// Sentences of the documentation; empty if it does not answer.
    pub(crate) text: Vec<Passage>,
    /// The sections that the answer rests on.
    pub(crate) excerpts: Vec<Excerpt>,
    /// The sections that fit best.
    pub(crate) sources: Vec<Source>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Passage {
    Sentences(String),
    /// Entries of a list, in order, and whether they are numbered.
    List(Vec<String>, bool),
    Code {
        language: String,
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) text: Vec<Passage>,
    /// Which of the sources.
    pub(crate) source: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) place: Place,
    /// 0 to 1.
    pub(crate) score: f64,
}

/// Whoever answers: a library that was read closely.
pub(crate) struct Guide(Search);

impl Guide {
    /// Reads a library.
    ///
    /// # Errors
    /// SQLite fails: it has no memory, or was built without FTS5.
    pub(crate) fn of(library: &Library) -> rusqlite::Result<Self> {
        Search::of(library).map(Self)
    }

    /// Answers a question.
    ///
    /// # Errors
    /// The search fails.
    pub(crate) fn answer(&self, library: &Library, asking: &Asking) -> rusqlite::Result<Answer> {
        let (candidates, coverage) = self.0.candidates(asking)?;
        // Of an error message with its stack trace most words are the reader's own.
        let is_pasted = asking.question.contains('\n');
        let confidence = match coverage {
            _ if candidates.is_empty() => Confidence::None,
            coverage if coverage >= UNSURE_BELOW => Confidence::Likely,
            coverage if coverage >= REFUSED_BELOW || !library.lists_questions() || is_pasted => {
                Confidence::Unsure
            }
            _ => Confidence::None,
        };
        Ok(compose::answer(library, &self.0, &candidates, confidence))
    }
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod speed_tests;
#[cfg(test)]
mod tests;
