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
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// How much of what was asked it and its surroundings speak of: 0 to 1.
    pub(super) coverage: f64,
    /// How much of that it says itself.
    own: f64,
    /// How much of it the headings above say.
    pub(super) headed: f64,
    /// How many of the words that stand side by side in the question do so here.
    side_by_side: f64,
    /// How far it has the form of an answer.
    form: f64,
    /// How much of it is not about what was asked.
    ballast: f64,
}

impl Fit {
    pub(super) fn of(question: &Question, read: &Read, unit: &Unit) -> Self {
        let heading = |word: Word| {
            if read.heading.contains(&word) {
                HEADING
            } else if read.above.contains(&word) {
                ABOVE
            } else if read.title.contains(&word) {
                TITLE
            } else {
                0.0
            }
        };
        let own = |word: Word| f64::from(u8::from(unit.words.contains(&word)));
        let beside = |word: Word| if read.all.contains(&word) { BESIDE } else { 0.0 };
        let place = |word: Word| own(word).max(heading(word)).max(beside(word));
        Self {
            coverage: covered(&question.terms, place),
            own: covered(&question.terms, own),
            headed: headed(question, read, covered(&question.terms, heading)),
            side_by_side: question.side_by_side(|one, other| {
                unit.has_side_by_side(one, other)
                    || (read.heading.contains(&one) && read.heading.contains(&other))
                    || (read.title.contains(&one) && read.title.contains(&other))
            }),
            form: unit.fits(question),
            ballast: (f64::from(u32::try_from(unit.words.len()).unwrap_or(u32::MAX)) / 100.0).min(1.0),
        }
    }

    /// How sure it is that it speaks of what was asked.
    pub(super) fn confidence(&self) -> f64 {
        0.75 * self.coverage + 0.25 * self.headed.max(self.own)
    }

    pub(super) fn score(&self) -> f64 {
        0.4 * self.coverage + 0.2 * self.own + 0.15 * self.headed + 0.1 * self.side_by_side + 0.15 * self.form
            - 0.15 * self.ballast
    }
}

/// How far the heading is the question: both what of the question it says, and what of it the question says.
fn headed(question: &Question, read: &Read, recall: f64) -> f64 {
    let heading = if read.heading.is_empty() { &read.title } else { &read.heading };
    let asked: Vec<Word> = question
        .terms
        .iter()
        .flat_map(|term| &term.readings)
        .flat_map(|reading| &reading.words)
        .map(|(word, _)| *word)
        .collect();
    let said = heading.iter().filter(|word| asked.contains(word)).count();
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let precision = if heading.is_empty() { 0.0 } else { count(said) / count(heading.len()) };
    if recall + precision > 0.0 { 2.0 * recall * precision / (recall + precision) } else { 0.0 }
}

/// The part of the terms that is found, each as far as its best reading is.
pub(super) fn covered(terms: &[Term], place: impl Fn(Word) -> f64) -> f64 {
    let mut found = 0.0;
    let mut all = 0.0;
    for term in terms {
        all += term.weight;
        let best = term.readings.iter().map(|reading| {
            // Of "API key", "key" is a part.
            let all: f64 = reading.words.iter().map(|(_, weight)| weight).sum();
            let here: f64 = reading.words.iter().map(|(word, weight)| weight * place(*word)).sum();
            reading.certainty * if all > 0.0 { here / all } else { 0.0 }
        });
        found += term.weight * best.fold(0.0, f64::max);
    }
    if all > 0.0 { found / all } else { 0.0 }
}

impl std::fmt::Debug for Fit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "c{:.2} o{:.2} h{:.2} s{:.2} f{:.1} b{:.2}",
            self.coverage, self.own, self.headed, self.side_by_side, self.form, self.ballast
        )
    }
}
