//! What people say for what a documentation says: its file `ask/SYNONYMS.md`, a list whose entries are
//! `* what the pages say: what people say, and what else`.

use super::search::words;
use std::collections::HashMap;

/// By the first word of what people say.
#[derive(Debug, Default)]
pub(crate) struct Synonyms(HashMap<String, Vec<Synonym>>);

#[derive(Debug)]
struct Synonym {
    /// What people say, in words.
    saying: Vec<String>,
    /// The words that it may mean.
    meant: Vec<String>,
}

/// What people say for words of English in general; the words of a line mean each other.
const GENERAL: &str = include_str!("general.txt");

impl Synonyms {
    /// Those of English in general.
    pub(super) fn general() -> Self {
        let pairs = GENERAL.lines().flat_map(|cluster| {
            let others = move |meant| cluster.split(',').filter(move |saying| *saying != meant).map(words);
            cluster.split(',').flat_map(move |meant| others(meant).map(move |saying| (saying, words(meant))))
        });
        // Several words for one would bring words that mean something else.
        Self::by_first_word(pairs.filter(|(_, meant)| meant.len() == 1))
    }

    /// Those of a documentation.
    pub(crate) fn of(list: Option<&str>) -> Self {
        let lines = list.into_iter().flat_map(str::lines);
        let entries = lines.filter_map(|line| line.trim_start().strip_prefix(['*', '-'])?.split_once(':'));
        Self::by_first_word(
            entries
                .flat_map(|(meant, said)| said.split(',').map(move |saying| (words(saying), words(meant)))),
        )
    }

    fn by_first_word(sayings: impl Iterator<Item = (Vec<String>, Vec<String>)>) -> Self {
        let mut all: HashMap<String, Vec<Synonym>> = HashMap::new();
        for (saying, meant) in sayings {
            let Some(first) = saying.first() else { continue };
            all.entry(singular(first).to_owned()).or_default().push(Synonym { saying, meant });
        }
        Self(all)
    }

    /// For each word of a question, by its place, what it may mean besides.
    pub(super) fn meant(&self, question: &[String]) -> Vec<(usize, &str)> {
        let mut meant = Vec::new();
        for (at, Synonym { saying, meant: meaning }) in self.said(question) {
            let new = meaning.iter().filter(|word| !question.contains(word));
            meant.extend(new.flat_map(|word| (at..at + saying.len()).map(move |at| (at, word.as_str()))));
        }
        meant
    }

    /// The same, with the words of one meaning together.
    pub(crate) fn phrases(&self, question: &[String]) -> Vec<(usize, String)> {
        let phrases = self.said(question).flat_map(|(at, Synonym { saying, meant })| {
            let meant = meant.join(" ");
            (at..at + saying.len()).map(move |at| (at, meant.clone()))
        });
        phrases.collect()
    }

    /// What people say that a question has, and where in it.
    fn said<'a, 'b>(
        &'a self,
        question: &'b [String],
    ) -> impl Iterator<Item = (usize, &'a Synonym)> + use<'a, 'b> {
        question.iter().enumerate().flat_map(move |(at, first)| {
            let known = self.0.get(singular(first)).into_iter().flatten();
            let alike = |(word, said): (&String, &String)| singular(word) == singular(said);
            known
                .filter(move |Synonym { saying, .. }| {
                    let part = question.get(at..at + saying.len()).unwrap_or_default();
                    !part.is_empty() && part.iter().zip(saying).all(alike)
                })
                .map(move |synonym| (at, synonym))
        })
    }
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sayings_are_understood() {
        let synonyms =
            Synonyms::of(Some("# Synonyms\n\n* API key: service account, account\n* person: account\n"));
        let question = words("Do service accounts expire?");
        assert_eq!(
            synonyms.meant(&question),
            [(1, "api"), (2, "api"), (1, "key"), (2, "key"), (2, "api"), (2, "key"), (2, "person")]
        );
        assert!(synonyms.meant(&words("weather")).is_empty());
        assert!(Synonyms::of(None).meant(&words("account")).is_empty());
    }
}
