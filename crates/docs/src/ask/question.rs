//! A question, understood: what it is about, and how it asks.

use super::{
    kind::Kind,
    reading::{Reading, Word},
    thesaurus::Thesaurus,
    words::{is_common, is_silent, stem, words},
};

/// More words than a question has: the rest is not looked at.
const MOST: usize = 40;
/// How sure a mistyped word is.
const SLIPPED: f64 = 0.85;
/// What a word of everyday language counts, in parts of another.
const EVERYDAY: f64 = 0.35;
/// What other words count beside the name of a thing.
const BESIDE_A_NAME: f64 = 0.4;

/// What a question asks.
pub(super) struct Question {
    pub(super) kind: Kind,
    pub(super) terms: Vec<Term>,
}

/// One thing that a question is about.
#[derive(Debug)]
pub(super) struct Term {
    /// The words that it may stand for in the pages.
    pub(super) readings: Vec<Alternative>,
    /// How much it tells.
    pub(super) weight: f64,
    /// Whether the pages know it at all.
    pub(super) is_known: bool,
    /// Whether it is the name of one thing, like an error's code.
    pub(super) is_name: bool,
    /// As it is looked for in the index.
    pub(super) spoken: Vec<String>,
}

/// Words that together mean a term.
#[derive(Debug, PartialEq)]
pub(super) struct Alternative {
    /// Each with how much it tells.
    pub(super) words: Vec<(Word, f64)>,
    pub(super) certainty: f64,
}

impl Question {
    pub(super) fn of(text: &str, reading: &Reading, thesaurus: &Thesaurus) -> Self {
        let mut terms: Vec<Term> = Vec::new();
        let mut spoken = Vec::new();
        for piece in text.split_whitespace() {
            let mut own = words(piece);
            if is_identifier(piece)
                && own.len() > 1
                && own.iter().any(|word| reading.word(&stem(word)).is_some())
            {
                terms.extend(ordinary(&std::mem::take(&mut spoken), reading, thesaurus));
                terms.extend(identifier(&own, reading));
            } else {
                spoken.append(&mut own);
            }
        }
        terms.extend(ordinary(&spoken, reading, thesaurus));
        terms.truncate(MOST);
        if terms.iter().any(|term| term.is_name) {
            // Whoever names a thing asks about that thing.
            for term in terms.iter_mut().filter(|term| !term.is_name) {
                term.weight *= BESIDE_A_NAME;
            }
        }
        Self { kind: Kind::of(&words(text)), terms }
    }

    /// The part of a question that the pages have words for.
    pub(super) fn known(&self) -> f64 {
        let all: f64 = self.terms.iter().map(|term| term.weight).sum();
        let known: f64 = self.terms.iter().filter(|term| term.is_known).map(|term| term.weight).sum();
        if all > 0.0 { known / all } else { 0.0 }
    }

    /// The part of the neighbours in the question of which `are` says that they are neighbours elsewhere.
    pub(super) fn side_by_side(&self, are: impl Fn(Word, Word) -> bool) -> f64 {
        let ends = |term: &Term| {
            term.readings
                .iter()
                .flat_map(|reading| reading.words.last())
                .map(|(word, _)| *word)
                .collect::<Vec<_>>()
        };
        let starts = |term: &Term| {
            term.readings
                .iter()
                .flat_map(|reading| reading.words.first())
                .map(|(word, _)| *word)
                .collect::<Vec<_>>()
        };
        let (mut found, mut all) = (0.0, 0.0);
        for (one, other) in self.terms.iter().zip(self.terms.iter().skip(1)) {
            let weight = one.weight.min(other.weight);
            all += weight;
            let others = starts(other);
            if ends(one).iter().any(|one| others.iter().any(|other| are(*one, *other))) {
                found += weight;
            }
        }
        if all > 0.0 { found / all } else { 0.0 }
    }
}

/// `LIMIT_REACHED`, `client_id`, `createSubject`, `/graphql`, `at+jwt`: names that mean one thing.
fn is_identifier(piece: &str) -> bool {
    let inner = piece.trim_matches(|c: char| !c.is_alphanumeric());
    let turns = inner
        .chars()
        .zip(inner.chars().skip(1))
        .any(|(one, other)| one.is_lowercase() && other.is_uppercase());
    turns || inner.contains(['_', '/', '.', ':', '+'])
}

fn identifier(own: &[String], reading: &Reading) -> Option<Term> {
    let words = known(own, reading)?;
    let weight: f64 = words.iter().map(|(_, weight)| weight).sum();
    let weight = weight.min(reading.weight(None));
    Some(Term {
        readings: vec![Alternative { words, certainty: 1.0 }],
        weight,
        is_known: true,
        is_name: true,
        spoken: own.to_vec(),
    })
}

fn ordinary(spoken: &[String], reading: &Reading, thesaurus: &Thesaurus) -> Vec<Term> {
    let stems: Vec<String> = spoken.iter().map(|word| stem(word)).collect();
    let mut terms = Vec::new();
    let mut at = 0;
    while at < spoken.len().min(MOST) {
        let (length, term) = term(spoken, &stems, at, reading, thesaurus);
        terms.extend(term);
        at += length;
    }
    terms
}

/// The term that begins at a word, if there is one, and how many words it has.
fn term(
    spoken: &[String],
    stems: &[String],
    at: usize,
    reading: &Reading,
    thesaurus: &Thesaurus,
) -> (usize, Option<Term>) {
    let said = thesaurus.find(stems.get(at..).unwrap_or_default());
    let Some(word) = spoken.get(at) else { return (1, None) };
    let length = said.map_or(1, |(length, _)| length);
    if length == 1 && is_silent(word) {
        return (1, None);
    }
    let whole = spoken.get(at..at + length).unwrap_or_default();
    let own: Vec<String> = whole.iter().filter(|word| !is_silent(word)).cloned().collect();
    let mut term =
        Term { readings: Vec::new(), weight: 0.0, is_known: true, is_name: false, spoken: own.clone() };
    if let Some(words) = known(&own, reading).filter(|words| !words.is_empty()) {
        term.add(words, 1.0);
    } else if let [typed] = own.as_slice()
        && let Some((word, _)) = reading.meant(typed)
    {
        term.add(vec![(word, reading.weight(Some(word)))], SLIPPED);
    }
    for meaning in said.map(|(_, meanings)| meanings).unwrap_or_default() {
        if let Some(words) = known(&meaning.words, reading) {
            term.spoken.extend(meaning.words.iter().cloned());
            term.add(words, meaning.certainty);
        }
    }
    if own.is_empty() && term.readings.is_empty() {
        return (length, None);
    }
    if term.readings.is_empty() {
        term.weight = reading.weight(None);
        term.is_known = false;
    }
    if own.iter().all(|word| is_common(&stem(word))) {
        term.weight *= EVERYDAY;
    }
    (length, Some(term))
}

impl Term {
    /// Adds a reading. What is said often is likely to be meant, so a term tells no more than the commonest reading of it.
    fn add(&mut self, words: Vec<(Word, f64)>, certainty: f64) {
        let tells = words.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        self.weight =
            if self.readings.is_empty() { tells } else { self.weight.min(tells.max(self.weight / 2.0)) };
        self.readings.push(Alternative { words, certainty });
    }
}

/// The words as the pages know them, if they know all of them.
fn known(words: &[String], reading: &Reading) -> Option<Vec<(Word, f64)>> {
    let word = |word: &String| reading.word(&stem(word)).map(|word| (word, reading.weight(Some(word))));
    words.iter().map(word).collect()
}
