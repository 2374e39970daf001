//! What people say for what a documentation says.
//!
//! Words of English in general are known here; those of a documentation's own subject stand in its file `SYNONYMS.md`: a list
//! whose entries are `* what the pages say: what people say, and what else`.

use super::words::{is_silent, stem, words};
use std::collections::HashMap;

const GENERAL: &str = include_str!("general.txt");

/// A saying, as stems, and what it may mean, as words.
#[derive(Debug, Default)]
pub(super) struct Thesaurus {
    meanings: HashMap<Vec<String>, Vec<Meaning>>,
    longest: usize,
}

/// What a saying may mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meaning {
    pub(super) words: Vec<String>,
    /// How sure that is; a word that means itself is 1.
    pub(super) certainty: f64,
}

/// How sure it is that a general synonym is meant, and one that the documentation names: its words have many meanings here, as
/// "key" for an API key, and questions that are listed say better which.
const GENERALLY: f64 = 0.6;
const HERE: f64 = 0.5;

impl Thesaurus {
    /// General words, and those of a documentation's own list.
    pub(super) fn of(own: Option<&str>) -> Self {
        let mut thesaurus = Self::default();
        for cluster in GENERAL.lines() {
            for meant in cluster.split(',') {
                thesaurus.add(&format!("{meant}: {cluster}"), GENERALLY);
            }
        }
        let entries = own.into_iter().flat_map(str::lines);
        for entry in entries.filter_map(|line| line.trim_start().strip_prefix(['*', '-'])) {
            thesaurus.add(entry, HERE);
        }
        thesaurus
    }

    fn add(&mut self, line: &str, certainty: f64) {
        let Some((meant, said)) = line.split_once(':') else { return };
        let told: Vec<String> = words(meant).into_iter().filter(|word| !is_silent(word)).collect();
        if told.len() * 2 < words(meant).len() {
            return;
        }
        let meaning = Meaning { words: told, certainty };
        for saying in said.split(',') {
            let stems: Vec<String> = words(saying).iter().map(|word| stem(word)).collect();
            let is_itself = words(meant) == words(saying);
            if !stems.is_empty() && !is_itself {
                self.longest = self.longest.max(stems.len());
                let meanings = self.meanings.entry(stems).or_default();
                if meanings.iter().all(|known| known.words != meaning.words) {
                    meanings.push(meaning.clone());
                }
            }
        }
    }

    /// Every saying that the stems begin with: how many of them it takes, and what it may mean.
    pub(super) fn find(&self, stems: &[String]) -> impl Iterator<Item = (usize, &[Meaning])> {
        (1..=self.longest.min(stems.len())).filter_map(|length| {
            let meanings = self.meanings.get(stems.get(..length)?)?;
            Some((length, meanings.as_slice()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str) -> Vec<String> {
        words(text).iter().map(|word| stem(word)).collect()
    }

    #[test]
    fn sayings_are_understood() {
        let own = "# Synonyms\n\n* API key: service account, account\n* person: account\n";
        let thesaurus = Thesaurus::of(Some(own));
        let found: Vec<_> = thesaurus.find(&stems("service accounts expire")).collect();
        let whole = found.iter().find(|(length, _)| *length == 2).unwrap();
        assert_eq!(whole.1[0].words, ["api", "key"]);
        let (_, account) = thesaurus.find(&stems("account")).next().unwrap();
        for meant in [vec!["api", "key"], vec!["person"]] {
            assert!(account.iter().any(|meaning| meaning.words == meant), "{meant:?}");
        }
        assert!(thesaurus.find(&stems("weather")).next().is_none());
        assert!(
            Thesaurus::of(None).find(&stems("remove")).next().is_some(),
            "general words are known without a list"
        );
    }
}
