//! From the words of a question to what each of them may mean in the pages.

use super::{
    clauses::clauses,
    kind::Kind,
    question::{Alternative, Asked, ELLIPTIC, Mark, Term},
    reading::{Reading, Word},
    thesaurus::{Meaning, Thesaurus},
    words::{is_common, is_silent, stem, words},
};

/// More words than a question has: the rest is not looked at.
const MOST: usize = 40;
/// What a word of everyday language counts, in parts of another.
const EVERYDAY: f64 = 0.5;
/// What other words count beside the name of a thing.
const BESIDE_A_NAME: f64 = 0.4;
/// What words count that only lead up to a question.
const BESIDE_A_QUESTION: f64 = 0.5;
/// How sure it is that `healthcheck` is a health check.
const JOINED: f64 = 0.9;

/// What a text is about, and the words that would answer it.
pub(super) fn hear(text: &str, reading: &Reading, thesaurus: &Thesaurus) -> (Vec<Term>, Asked) {
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
    (terms, asked)
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
    fn names_are_recognised() {
        for name in ["LIMIT_REACHED", "createSubject", "/graphql", "at+jwt", "duku.toml"] {
            assert!(is_identifier(name) || name.starts_with('/'), "{name}");
        }
        assert!(!is_identifier("token?") && !is_identifier("(keys)"));
    }
}
