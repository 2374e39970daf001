//! Asking: from a question in people's words to sentences of the documentation that answer it.
//!
//! Nothing is made up: an answer is sentences, rows and commands of the pages, and where none fits, that is said. The same
//! question always gets the same answer, and no network is needed.

mod clauses;
mod compose;
mod evidence;
mod fit;
mod hearing;
mod kind;
mod listed;
mod question;
mod reading;
mod render;
mod score;
mod sentences;
mod thesaurus;
mod words;

pub(crate) use render::{Named, as_json, as_markdown};

use crate::{
    index::Index,
    library::{Library, Place},
};
use fit::Fit;
use question::Question;
use reading::{Reading, Unit};
use score::Scale;
use std::collections::HashMap;
use thesaurus::Thesaurus;

/// How many sections are read closely.
const CANDIDATES: u32 = 60;
/// How many sources an answer names, and how many a refusal.
const SOURCES: usize = 5;
const NEAREST: usize = 3;

/// What is asked, of which page, and what for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asking {
    pub(crate) question: String,
    pub(crate) goal: String,
    /// Which of the library's pages.
    pub(crate) page: Option<usize>,
}

/// What the documentation says to a question.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    /// Sentences of the documentation; empty if it does not answer.
    pub(crate) text: Vec<Passage>,
    /// What the answer rests on.
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
    pub(crate) text: String,
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
pub(crate) struct Guide {
    reading: Reading,
    thesaurus: Thesaurus,
}

/// A sentence that may be the answer.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    place: Place,
    unit: usize,
    fit: Fit,
    score: f64,
}

impl Guide {
    pub(crate) fn of(library: &Library) -> Self {
        Self { reading: Reading::of(library), thesaurus: Thesaurus::of(library.synonyms()) }
    }

    /// Answers a question.
    ///
    /// # Errors
    /// The index fails.
    pub(crate) fn answer(
        &self,
        library: &Library,
        index: &Index,
        asking: &Asking,
    ) -> rusqlite::Result<Answer> {
        let question = self.understood(asking);
        let candidates = self.ranked(index, asking, &question)?;
        let is_answered = candidates.first().is_some_and(|best| is_likely(&question, best));
        Ok(if is_answered {
            self.composed(library, &question, &candidates)
        } else {
            Answer { sources: compose::sources(&candidates, NEAREST), ..Answer::default() }
        })
    }

    /// A question in the words of the pages.
    fn understood(&self, asking: &Asking) -> Question {
        let title = asking.page.and_then(|page| self.reading.title(page));
        Question::of(&asking.question, &self.reading, &self.thesaurus).within(title)
    }

    /// Sentences that may answer a question, the best first.
    fn ranked(
        &self,
        index: &Index,
        asking: &Asking,
        question: &Question,
    ) -> rusqlite::Result<Vec<Candidate>> {
        let goal = Question::of(&asking.goal, &self.reading, &self.thesaurus);
        let places = self.places(index, asking, question)?;
        let scale = Scale::of(question, &self.reading);
        let goal = Scale::of(&goal, &self.reading);
        let mut candidates: Vec<Candidate> = places
            .iter()
            .flat_map(|(place, indexed)| self.candidates(&scale, &goal, asking, *place, *indexed))
            .collect();
        candidates
            .sort_by(|a, b| b.score.total_cmp(&a.score).then((a.place, a.unit).cmp(&(b.place, b.unit))));
        Ok(candidates)
    }

    /// The sections that are read closely: those that the index finds, with how well, and those of the page that is asked. Of a
    /// small library, all.
    fn places(
        &self,
        index: &Index,
        asking: &Asking,
        question: &Question,
    ) -> rusqlite::Result<HashMap<Place, f64>> {
        let spoken = question.spoken();
        let hits = index.ranked(&spoken, CANDIDATES)?;
        let best = hits.first().map_or(1.0, |(_, score)| score.max(f64::MIN_POSITIVE));
        let mut places: HashMap<Place, f64> =
            hits.into_iter().map(|(place, score)| (place, score / best)).collect();
        let of_asked = asking.page.map(|page| self.reading.places_of(page));
        let all = self.reading.is_small().then(|| self.reading.places());
        for place in of_asked.into_iter().flatten().chain(all.into_iter().flatten()) {
            places.entry(place).or_default();
        }
        Ok(places)
    }

    /// The sentences of one section.
    fn candidates(
        &self,
        scale: &Scale,
        goal: &Scale,
        asking: &Asking,
        place: Place,
        indexed: f64,
    ) -> Vec<Candidate> {
        let Some(read) = self.reading.section(place) else { return Vec::new() };
        let stand = scale.stand(read);
        let towards = goal.said_in(read);
        let is_asked = f64::from(u8::from(asking.page == Some(place.page)));
        let candidate = |(unit, at): (&Unit, usize)| {
            let fit = Fit { indexed, is_asked, towards, ..scale.fit(read, &stand, unit, at) };
            Candidate { place, unit: at, fit, score: fit.score() }
        };
        read.units.iter().zip(0..).map(candidate).collect()
    }
}

/// Whether a sentence is likely to answer a question.
fn is_likely(question: &Question, best: &Candidate) -> bool {
    !question.terms.is_empty() && best.fit.confidence(question) >= 0.0
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod speed_tests;
#[cfg(test)]
mod tests;
