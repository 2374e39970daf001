//! How well a sentence answers a question.

use super::{
    question::{Question, Term},
    reading::{Read, Unit, Word},
};

/// What a word counts where it stands, seen from a sentence.
const HEADING: f64 = 0.9;
const ABOVE: f64 = 0.75;
const TITLE: f64 = 0.7;
const BESIDE: f64 = 0.55;

/// How well a sentence fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// How much of what was asked it and its surroundings speak of: 0 to 1.
    pub(super) coverage: f64,
    /// How much of that it says itself.
    pub(super) own: f64,
    /// How far it has the form of an answer.
    pub(super) form: f64,
}

impl Fit {
    pub(super) fn of(question: &Question, read: &Read, unit: &Unit) -> Self {
        let place = |word: Word| {
            if unit.words.contains(&word) {
                1.0
            } else if read.heading.contains(&word) {
                HEADING
            } else if read.above.contains(&word) {
                ABOVE
            } else if read.title.contains(&word) {
                TITLE
            } else if read.all.contains(&word) {
                BESIDE
            } else {
                0.0
            }
        };
        let own = |word: Word| f64::from(u8::from(unit.words.contains(&word)));
        Self {
            coverage: covered(&question.terms, place),
            own: covered(&question.terms, own),
            form: unit.evidence.fits(question.kind),
        }
    }

    pub(super) fn score(&self) -> f64 {
        0.6 * self.coverage + 0.25 * self.own + 0.15 * self.form
    }
}

/// The part of the terms that is found, each as far as its best reading is.
pub(super) fn covered(terms: &[Term], place: impl Fn(Word) -> f64) -> f64 {
    let mut found = 0.0;
    let mut all = 0.0;
    for term in terms {
        all += term.weight;
        let best = term.readings.iter().map(|reading| {
            // All words of a reading are needed: "API key" is not found where "key" is.
            let worst = reading.words.iter().map(|word| place(*word)).fold(1.0, f64::min);
            reading.certainty * worst
        });
        found += term.weight * best.fold(0.0, f64::max);
    }
    if all > 0.0 { found / all } else { 0.0 }
}
