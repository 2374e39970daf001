//! A question, understood: what it is about, and how it asks.

use super::{
    clauses::without_tags,
    hearing,
    kind::Kind,
    reading::{Reading, Word},
    thesaurus::Thesaurus,
};
use crate::index;

/// How many words are looked for in the index.
const LOOKED_FOR: usize = 20;
/// What a question tells that needs nothing more to be understood.
const MUCH_TOLD: f64 = 10.0;
/// A question that tells less than this leaves something out, and what the title of the page that is asked then tells.
pub(super) const ELLIPTIC: f64 = 3.0;
const TITLE_WEIGHT: f64 = 1.0;

/// What a question asks.
pub(super) struct Question {
    pub(super) kind: Kind,
    pub(super) terms: Vec<Term>,
    /// The words that would answer it.
    pub(super) asked: Asked,
}

/// One thing that a question is about.
#[derive(Debug)]
pub(super) struct Term {
    /// The words that it may stand for in the pages.
    pub(super) readings: Vec<Alternative>,
    /// How much it tells.
    pub(super) weight: f64,
    /// How sure it is that the pages know it: 0 to 1.
    pub(super) known: f64,
    /// Whether it is the name of one thing, like an error's code.
    pub(super) is_name: bool,
    /// As it is looked for in the index.
    pub(super) spoken: Vec<String>,
}

/// Words that together mean a term.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alternative {
    /// Each with how much it tells.
    pub(super) words: Vec<(Mark, f64)>,
    pub(super) certainty: f64,
}

/// Some of the words that a question asks for, a bit each.
pub(super) type Mark = u128;

/// The words that a question asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    words: Vec<Word>,
}

impl Asked {
    /// The bit of a word, if there is one left.
    pub(super) fn mark(&mut self, word: Word) -> Option<Mark> {
        let place = self.words.iter().position(|known| *known == word);
        let place = place.unwrap_or_else(|| {
            self.words.push(word);
            self.words.len() - 1
        });
        Mark::checked_shl(1, u32::try_from(place).ok()?)
    }

    /// In the order of their bits.
    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    /// The bit of each word that the pages have.
    pub(super) fn marks(&self, vocabulary: usize) -> Vec<Mark> {
        let mut marks = vec![0; vocabulary];
        for (word, place) in self.words.iter().zip(0..Mark::BITS) {
            if let Some(mark) = marks.get_mut(*word as usize) {
                *mark = 1 << place;
            }
        }
        marks
    }
}

impl Question {
    pub(super) fn of(text: &str, reading: &Reading, thesaurus: &Thesaurus) -> Self {
        let text = without_tags(text);
        let (terms, asked) = hearing::hear(&text, reading, thesaurus);
        Self { kind: Kind::of(&text), terms, asked }
    }

    /// A question of few words is asked of a page: its title says the rest.
    pub(super) fn within(mut self, title: Option<&[Word]>) -> Self {
        let Some(title) = title.filter(|_| self.weight() < ELLIPTIC && !self.terms.is_empty()) else {
            return self;
        };
        let words = title.iter().filter_map(|word| Some((self.asked.mark(*word)?, 1.0))).collect();
        let readings = vec![Alternative { words, certainty: 1.0 }];
        self.terms.push(Term {
            readings,
            weight: TITLE_WEIGHT,
            known: 1.0,
            is_name: false,
            spoken: Vec::new(),
        });
        self
    }

    /// What all terms tell together.
    pub(super) fn weight(&self) -> f64 {
        self.terms.iter().map(|term| term.weight).sum()
    }

    /// How much it tells, 0 to 1: one that tells little is likely no question to the pages.
    pub(super) fn tells(&self) -> f64 {
        (self.weight() / MUCH_TOLD).min(1.0)
    }

    /// The part of a question that the pages have words for.
    pub(super) fn known(&self) -> f64 {
        let known: f64 = self.terms.iter().map(|term| term.weight * term.known).sum();
        if self.weight() > 0.0 { known / self.weight() } else { 0.0 }
    }

    /// How sure it is that each of the asked words is meant, in the order of their bits.
    pub(super) fn certainties(&self) -> Vec<f64> {
        let mut certainties = vec![0.0_f64; self.asked.words.len()];
        for reading in self.terms.iter().flat_map(|term| &term.readings) {
            for (word, _) in &reading.words {
                if let Some(certainty) = certainties.get_mut(word.trailing_zeros() as usize) {
                    *certainty = certainty.max(reading.certainty);
                }
            }
        }
        certainties
    }

    /// As it is looked for in the index: what was said, and what that may mean as far as there is room.
    pub(super) fn spoken(&self) -> Vec<index::Term> {
        let mut spoken: Vec<&str> = Vec::new();
        let most = self.terms.iter().map(|term| term.spoken.len()).max().unwrap_or(0);
        for round in 0..most {
            for word in self.terms.iter().filter_map(|term| term.spoken.get(round)) {
                if spoken.len() < LOOKED_FOR && !spoken.contains(&word.as_str()) {
                    spoken.push(word);
                }
            }
        }
        spoken.into_iter().map(index::Term::word).collect()
    }

    /// Terms that stand side by side: how either may be said, and what that they do tells.
    pub(super) fn neighbours(&self) -> Vec<(Mark, Mark, f64)> {
        let pairs = self.terms.iter().zip(self.terms.iter().skip(1));
        pairs
            .map(|(one, other)| {
                let ends = one.readings.iter().filter_map(|reading| reading.words.last());
                let starts = other.readings.iter().filter_map(|reading| reading.words.first());
                let all = |mark: Mark, (other, _): &(Mark, f64)| mark | other;
                (ends.fold(0, all), starts.fold(0, all), one.weight.min(other.weight))
            })
            .collect()
    }
}

impl Term {
    /// A term that nothing is known of.
    pub(super) fn unknown(spoken: &str, reading: &Reading) -> Self {
        let spoken = vec![spoken.to_owned()];
        Self { readings: Vec::new(), weight: reading.weight(None), known: 0.0, is_name: false, spoken }
    }

    /// Adds a reading. A term that the pages do not say themselves tells as much as what it means there.
    pub(super) fn add(&mut self, words: Vec<(Mark, f64)>, certainty: f64) {
        let tells = words.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        if self.readings.is_empty() {
            self.weight = tells;
        } else if self.known < 1.0 {
            self.weight = self.weight.max(tells);
        }
        self.known = self.known.max(certainty);
        self.readings.push(Alternative { words, certainty });
    }

    /// All words that it may be said with.
    pub(super) fn marks(&self) -> Mark {
        self.readings.iter().flat_map(|reading| &reading.words).fold(0, |mark, (word, _)| mark | word)
    }
}
