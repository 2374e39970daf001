//! A question, understood: what it is about, and how it asks.

use super::{
    kind::Kind,
    reading::{Reading, Word},
    thesaurus::{Meaning, Thesaurus},
    words::{is_common, is_silent, stem, words},
};
use crate::index;

/// More words than a question has: the rest is not looked at.
const MOST: usize = 40;
/// How many words are looked for in the index.
const LOOKED_FOR: usize = 20;
/// What a word of everyday language counts, in parts of another.
const EVERYDAY: f64 = 0.5;
/// What other words count beside the name of a thing.
const BESIDE_A_NAME: f64 = 0.4;
/// A question that tells less than this leaves something out, and what the title of the page that is asked then tells.
const ELLIPTIC: f64 = 3.0;
const TITLE_WEIGHT: f64 = 1.0;
/// What words count that only lead up to a question.
const BESIDE_A_QUESTION: f64 = 0.5;
/// How sure it is that `healthcheck` is a health check.
const JOINED: f64 = 0.9;

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
    fn mark(&mut self, word: Word) -> Option<Mark> {
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
        let mut hearing = Hearing { reading, thesaurus, asked: Asked::default(), terms: Vec::new() };
        hearing.reserve(text);
        let mut asks = Vec::new();
        for clause in clauses(text) {
            hearing.hear_clause(clause);
            asks.resize(hearing.terms.len(), Kind::is_asked(clause));
        }
        let Hearing { asked, mut terms, .. } = hearing;
        weigh_clauses(&mut terms, &asks);
        weigh_names(&mut terms);
        terms.truncate(MOST);
        Self { kind: Kind::of(text), terms, asked }
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

    /// The part of a question that the pages have words for.
    pub(super) fn known(&self) -> f64 {
        let known: f64 = self.terms.iter().map(|term| term.weight * term.known).sum();
        if self.weight() > 0.0 { known / self.weight() } else { 0.0 }
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
    fn unknown(spoken: &str, reading: &Reading) -> Self {
        let spoken = vec![spoken.to_owned()];
        Self { readings: Vec::new(), weight: reading.weight(None), known: 0.0, is_name: false, spoken }
    }

    /// Adds a reading. A term that the pages do not say themselves tells as much as what it means there.
    fn add(&mut self, words: Vec<(Mark, f64)>, certainty: f64) {
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

/// A question while it is being understood.
struct Hearing<'a> {
    reading: &'a Reading,
    thesaurus: &'a Thesaurus,
    asked: Asked,
    terms: Vec<Term>,
}

impl Hearing<'_> {
    /// Gives the words that are said their bits before those that they may mean.
    fn reserve(&mut self, text: &str) {
        for word in words(text).iter().filter(|word| !is_silent(word)).take(MOST) {
            self.known(std::slice::from_ref(word));
        }
    }

    /// A part of a question, with the names in it.
    fn hear_clause(&mut self, clause: &str) {
        let mut spoken = Vec::new();
        for piece in clause.split_whitespace() {
            let mut own = words(piece);
            let is_known = |word: &String| self.reading.word(&stem(word)).is_some();
            if is_identifier(piece) && own.len() > 1 && own.iter().any(is_known) {
                self.hear(&words(&std::mem::take(&mut spoken).join(" ")));
                self.hear_name(&own);
            } else {
                spoken.append(&mut own);
            }
        }
        self.hear(&words(&spoken.join(" ")));
    }

    /// Words in their order.
    fn hear(&mut self, spoken: &[String]) {
        let spoken = spoken.get(..spoken.len().min(MOST)).unwrap_or_default();
        let stems: Vec<String> = spoken.iter().map(|word| stem(word)).collect();
        let mut terms: Vec<Option<Term>> = (0..spoken.len()).map(|at| self.word(spoken, at)).collect();
        for at in 0..spoken.len() {
            self.sayings(spoken, &stems, at, &mut terms);
        }
        for (term, stem) in terms.iter_mut().zip(&stems) {
            if let Some(term) = term.as_mut().filter(|_| is_common(stem)) {
                term.weight *= EVERYDAY;
            }
        }
        self.terms.extend(terms.into_iter().flatten());
    }

    /// A name that means one thing.
    fn hear_name(&mut self, own: &[String]) {
        let Some(words) = self.known(own) else { return self.hear(own) };
        let weight: f64 = words.iter().map(|(_, weight)| weight).sum();
        let weight = weight.min(self.reading.weight(None));
        let readings = vec![Alternative { words, certainty: 1.0 }];
        self.terms.push(Term { readings, weight, known: 1.0, is_name: true, spoken: own.to_vec() });
    }

    /// The term that one word is, without its synonyms.
    fn word(&mut self, spoken: &[String], at: usize) -> Option<Term> {
        let word = spoken.get(at).filter(|word| !is_silent(word))?;
        let mut term = Term::unknown(word, self.reading);
        let own = std::slice::from_ref(word);
        if let Some(words) = self.known(own) {
            term.add(words, 1.0);
        } else if let Some(words) = self.joined(word) {
            term.add(words, JOINED);
        } else if let Some((word, certainty)) = self.reading.meant(word).filter(|_| !is_common(&stem(word))) {
            let words = self.asked.mark(word).map(|mark| (mark, self.reading.weight(Some(word))));
            term.add(words.into_iter().collect(), certainty);
        }
        if let Some(next) = spoken.get(at + 1)
            && let Some(words) = self.known(&[format!("{word}{next}")])
        {
            term.add(words, JOINED);
        }
        Some(term)
    }

    /// The sayings that begin at a word: what they mean is another reading of each of their words.
    fn sayings(&mut self, spoken: &[String], stems: &[String], at: usize, terms: &mut [Option<Term>]) {
        let thesaurus = self.thesaurus;
        for (length, meanings) in thesaurus.find(stems.get(at..).unwrap_or_default()) {
            let Some(said) = terms.get_mut(at..at + length) else { continue };
            let is_silent = said.iter().all(Option::is_none);
            if is_silent && length == 1 {
                continue;
            }
            if is_silent && let Some(first) = said.first_mut() {
                let whole = spoken.get(at..at + length).unwrap_or_default().join(" ");
                *first = Some(Term::unknown(&whole, self.reading));
            }
            for meaning in meanings {
                self.mean(meaning, said);
            }
            if let Some(first) = said.first_mut().filter(|_| is_silent) {
                first.take_if(|term| term.readings.is_empty());
            }
        }
    }

    /// Adds what a saying may mean to its terms, if the pages have words for it.
    fn mean(&mut self, meaning: &Meaning, said: &mut [Option<Term>]) {
        let Some(words) = self.known(&meaning.words).filter(|words| !words.is_empty()) else { return };
        for term in said.iter_mut().flatten() {
            term.spoken.extend(meaning.words.iter().cloned());
            term.add(words.clone(), meaning.certainty);
        }
    }

    /// Two words that were written as one.
    fn joined(&mut self, word: &str) -> Option<Vec<(Mark, f64)>> {
        let cuts = word.char_indices().map(|(at, _)| at).skip(3);
        let parts =
            cuts.filter_map(|at| word.split_at_checked(at)).filter(|(_, end)| end.chars().count() > 2);
        let parts = parts.map(|(start, end)| [start.to_owned(), end.to_owned()]);
        parts.into_iter().find_map(|parts| {
            let are_written = parts.iter().all(|part| self.reading.is_written(part) && !is_silent(part));
            if are_written { self.known(&parts) } else { None }
        })
    }

    /// The words as the pages know them, if they know all of them.
    fn known(&mut self, words: &[String]) -> Option<Vec<(Mark, f64)>> {
        let known = words.iter().map(|word| self.reading.word(&stem(word)));
        let known: Vec<Word> = known.collect::<Option<_>>()?;
        known.iter().map(|word| Some((self.asked.mark(*word)?, self.reading.weight(Some(*word))))).collect()
    }
}

/// What only leads up to a question counts less than the question, if that says enough by itself.
fn weigh_clauses(terms: &mut [Term], asks: &[bool]) {
    let asking = terms.iter().zip(asks).filter(|(_, asks)| **asks);
    if asking.map(|(term, _)| term.weight).sum::<f64>() < ELLIPTIC {
        return;
    }
    for (term, _) in terms.iter_mut().zip(asks).filter(|(_, asks)| !**asks) {
        term.weight *= BESIDE_A_QUESTION;
    }
}

/// Whoever names a thing asks about that thing.
fn weigh_names(terms: &mut [Term]) {
    if terms.iter().any(|term| term.is_name) {
        for term in terms.iter_mut().filter(|term| !term.is_name) {
            term.weight *= BESIDE_A_NAME;
        }
    }
}

/// The parts of a text between marks that end a thought.
fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (clause, after) = rest.split_at_checked(clause_end(rest))?;
        rest = after;
        (!clause.is_empty()).then_some(clause)
    })
}

/// Where the first clause of a text ends. A hyphen ends one only if it stands alone.
fn clause_end(text: &str) -> usize {
    let marks = text.char_indices().filter(|(_, c)| ".!?:;,\n–—-".contains(*c));
    let mut ends = marks.filter_map(|(at, c)| {
        let (before, after) = text.split_at_checked(at + c.len_utf8())?;
        let is_hyphen = before.ends_with('-') && !before.ends_with(" -");
        (!is_hyphen && after.starts_with(char::is_whitespace)).then_some(before.len())
    });
    ends.next().unwrap_or(text.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_clauses() {
        let parts: Vec<&str> =
            clauses("It says: 401, invalid_client - what now? Re-read v1.2").map(str::trim).collect();
        assert_eq!(parts, ["It says:", "401,", "invalid_client -", "what now?", "Re-read v1.2"]);
        assert_eq!(clauses("").count(), 0);
    }

    #[test]
    fn names_are_recognised() {
        for name in ["LIMIT_REACHED", "createSubject", "/graphql", "at+jwt", "duku.toml"] {
            assert!(is_identifier(name) || name.starts_with('/'), "{name}");
        }
        assert!(!is_identifier("token?") && !is_identifier("(keys)"));
    }
}
