//! A question, understood: what it is about, and how it asks.

use super::{
    kind::Kind,
    reading::{Reading, Word},
    thesaurus::Thesaurus,
    words::{is_silent, stem, words},
};

/// More words than a question has: the rest is not looked at.
const MOST: usize = 40;
/// How sure a mistyped word is.
const SLIPPED: f64 = 0.85;

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
    /// As it is looked for in the index.
    pub(super) spoken: Vec<String>,
}

/// Words that together mean a term.
#[derive(Debug, PartialEq)]
pub(super) struct Alternative {
    pub(super) words: Vec<Word>,
    pub(super) certainty: f64,
}

impl Question {
    pub(super) fn of(text: &str, reading: &Reading, thesaurus: &Thesaurus) -> Self {
        let mut spoken = words(text);
        spoken.truncate(MOST);
        let stems: Vec<String> = spoken.iter().map(|word| stem(word)).collect();
        let mut terms: Vec<Term> = Vec::new();
        let mut at = 0;
        while at < spoken.len() {
            let (length, term) = term(&spoken, &stems, at, reading, thesaurus);
            if let Some(term) = term {
                terms.push(term);
            }
            at += length;
        }
        Self { kind: Kind::of(&spoken), terms }
    }

    /// The part of a question that the pages have words for.
    pub(super) fn known(&self) -> f64 {
        let all: f64 = self.terms.iter().map(|term| term.weight).sum();
        let known: f64 = self.terms.iter().filter(|term| term.is_known).map(|term| term.weight).sum();
        if all > 0.0 { known / all } else { 0.0 }
    }
}

/// The term that begins at a word, if there is one, and how many words it has.
fn term(
    spoken: &[String],
    stems: &[String],
    at: usize,
    reading: &Reading,
    thesaurus: &Thesaurus,
) -> (usize, Option<Term>) {
    let rest = stems.get(at..).unwrap_or_default();
    let said = thesaurus.find(rest);
    let Some(word) = spoken.get(at) else { return (1, None) };
    let length = said.map_or(1, |(length, _)| length);
    if length == 1 && is_silent(word) {
        return (1, None);
    }
    let own: Vec<String> = spoken
        .get(at..at + length)
        .unwrap_or_default()
        .iter()
        .filter(|word| !is_silent(word))
        .cloned()
        .collect();
    let mut readings = Vec::new();
    let mut asked: Vec<String> = own.clone();
    if let Some(words) = known(&own, reading).filter(|words| !words.is_empty()) {
        readings.push(Alternative { words, certainty: 1.0 });
    } else if let [typed] = own.as_slice()
        && let Some((word, _)) = reading.meant(typed)
    {
        readings.push(Alternative { words: vec![word], certainty: SLIPPED });
    }
    let weight = readings
        .iter()
        .flat_map(|reading| &reading.words)
        .map(|word| reading.weight(Some(*word)))
        .fold(0.0, f64::max);
    let mut weight = if readings.is_empty() { None } else { Some(weight) };
    for meaning in said.map(|(_, meanings)| meanings).unwrap_or_default() {
        if let Some(words) = known(&meaning.words, reading) {
            let tells = words.iter().map(|word| reading.weight(Some(*word))).fold(0.0, f64::max);
            weight = Some(weight.map_or(tells, |before: f64| before.min(tells.max(before / 2.0))));
            asked.extend(meaning.words.iter().cloned());
            readings.push(Alternative { words, certainty: meaning.certainty });
        }
    }
    if own.is_empty() && readings.is_empty() {
        return (length, None);
    }
    let is_known = !readings.is_empty();
    let weight = weight.unwrap_or_else(|| reading.weight(None));
    (length, Some(Term { readings, weight, is_known, spoken: asked }))
}

/// The words as the pages know them, if they know all of them.
fn known(words: &[String], reading: &Reading) -> Option<Vec<Word>> {
    words.iter().map(|word| reading.word(&stem(word))).collect()
}
