//! Asking: from a question in people's words to sentences of the documentation that answer it.
//!
//! Nothing is made up: an answer is sentences, rows and commands of the pages, and where none fits, that is said. The same
//! question always gets the same answer, and no network is needed.

mod compose;
mod kind;
mod question;
mod reading;
mod render;
mod score;
mod thesaurus;
mod words;

pub(crate) use render::{Named, as_json, as_markdown};

use crate::{
    index::{Index, Need, Place, Term},
    library::Library,
};
use question::Question;
use reading::Reading;
use score::{Fit, covered};
use std::collections::HashMap;
use thesaurus::Thesaurus;

/// How many sections are read closely.
const CANDIDATES: u32 = 60;
/// How many sources an answer names.
const SOURCES: usize = 5;
/// Below these an answer would be a guess.
const COVERED: f64 = 0.62;
const KNOWN: f64 = 0.6;
/// What being the page that is asked weighs, and what the goal does.
const ASKED_PAGE: f64 = 0.2;
const GOAL: f64 = 0.08;
const INDEXED: f64 = 0.1;

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
        let question = Question::of(&asking.question, &self.reading, &self.thesaurus);
        let goal = Question::of(&asking.goal, &self.reading, &self.thesaurus);
        let spoken: Vec<Term> =
            question.terms.iter().flat_map(|term| &term.spoken).map(|word| Term::word(word)).collect();
        let hits = index.search(&spoken, Need::Any, CANDIDATES)?;
        let best_hit = hits.first().map_or(1.0, |hit| hit.score.max(f64::MIN_POSITIVE));
        let mut indexed: HashMap<Place, f64> =
            hits.iter().map(|hit| (hit.place, hit.score / best_hit)).collect();
        let all = self.reading.is_small().then(|| self.reading.places());
        for place in self.of_asked_page(library, asking).into_iter().chain(all.into_iter().flatten()) {
            indexed.entry(place).or_default();
        }
        let mut candidates: Vec<Candidate> = indexed
            .iter()
            .flat_map(|(place, indexed)| self.candidates(&question, &goal, asking, *place, *indexed))
            .collect();
        candidates
            .sort_by(|a, b| b.score.total_cmp(&a.score).then((a.place, a.unit).cmp(&(b.place, b.unit))));
        #[cfg(test)]
        DEBUG.with_borrow_mut(|debug| {
            debug.clear();
            let short = |candidate: &Candidate| {
                let page = &library.pages()[candidate.place.page];
                let fit = candidate.fit;
                format!(
                    "{:.3} {fit:?} {} {:?}: {:.90}",
                    candidate.score,
                    page.path,
                    page.sections()[candidate.place.section].headings.last(),
                    self.reading.section(candidate.place).unwrap().units[candidate.unit]
                        .text
                        .replace('\n', " ")
                )
            };
            debug.push((
                usize::MAX,
                format!(
                    "{:?} {:?}",
                    question.kind,
                    question
                        .terms
                        .iter()
                        .map(|term| format!(
                            "{}:{:.1}{}",
                            term.spoken.join("/"),
                            term.weight,
                            if term.is_known { "" } else { "?" }
                        ))
                        .collect::<Vec<_>>()
                ),
            ));
            debug.extend(candidates.iter().map(|candidate| (candidate.place.page, short(candidate))));
        });
        Ok(self.compose(library, &question, &candidates))
    }

    #[cfg(test)]
    fn sweep(
        &self,
        library: &Library,
        index: &Index,
        asking: &Asking,
        fine: impl Fn(&Answer) -> bool,
    ) -> (f64, f64, bool) {
        SWEEP.with(|sweep| sweep.set((f64::NAN, f64::NAN)));
        FORCE.with(|force| force.set(true));
        let answer = self.answer(library, index, asking).unwrap();
        FORCE.with(|force| force.set(false));
        let (confidence, known) = SWEEP.with(std::cell::Cell::get);
        (confidence, known, fine(&answer))
    }

    /// The asked page is read closely in any case.
    fn of_asked_page(&self, library: &Library, asking: &Asking) -> Vec<Place> {
        let Some(page) = asking.page else { return Vec::new() };
        let sections = library.pages().get(page).map_or(0, |page| page.sections().len());
        (0..sections).map(|section| Place { page, section }).collect()
    }

    fn candidates<'a>(
        &'a self,
        question: &'a Question,
        goal: &'a Question,
        asking: &'a Asking,
        place: Place,
        indexed: f64,
    ) -> impl Iterator<Item = Candidate> + use<'a> {
        let read = self.reading.section(place);
        let units = read
            .into_iter()
            .flat_map(|read| read.units.iter().zip(0..).map(move |(unit, at)| (read, unit, at)));
        units.map(move |(read, unit, at)| {
            let fit = Fit::of(question, read, unit);
            let here = if asking.page == Some(place.page) { ASKED_PAGE } else { 0.0 };
            let towards = covered(&goal.terms, |word| f64::from(u8::from(read.all.contains(&word))));
            let score = fit.score() + INDEXED * indexed + here + GOAL * towards;
            Candidate { place, unit: at, fit, score }
        })
    }
}

#[cfg(test)]
mod golden_tests;

#[cfg(test)]
thread_local! {
    static DEBUG: std::cell::RefCell<Vec<(usize, String)>> = const { std::cell::RefCell::new(Vec::new()) };
    static SWEEP: std::cell::Cell<(f64, f64)> = const { std::cell::Cell::new((0.0, 0.0)) };
    static FORCE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
