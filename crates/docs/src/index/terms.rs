//! Words that are looked for.

use crate::ask::{Synonyms, words};

/// A word, or several that must stand side by side, as in `client_id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Term {
    text: String,
    /// Whether it may be the beginning of a word.
    is_prefix: bool,
}

/// More words than a question has: the rest is not looked for.
const MOST: usize = 32;

impl Term {
    /// A whole word.
    pub(crate) fn word(text: &str) -> Self {
        Self { text: text.to_owned(), is_prefix: false }
    }

    /// The words of a text, the last one perhaps `unfinished`. What has neither letter nor digit is no word.
    pub(crate) fn all(text: &str, unfinished: bool) -> Vec<Self> {
        let words = text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
        let mut terms: Vec<Self> = words.take(MOST).map(Self::word).collect();
        if let Some(last) = terms.last_mut().filter(|_| unfinished && !text.ends_with(char::is_whitespace)) {
            last.is_prefix = true;
        }
        terms
    }

    /// What is looked for.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The words of a name that say something, as they are compared.
    pub(super) fn names(name: &str) -> Vec<String> {
        let words = words(name).into_iter().filter(|word| !FUNCTION_WORDS.contains(&&**word));
        words.map(|word| word.strip_suffix('s').unwrap_or(&word).to_owned()).collect()
    }

    /// The words without those that every question has, unless there are no others.
    pub(super) fn telling(all: &[Self]) -> Vec<Self> {
        let says_something = |term: &&Self| {
            let bare = term.text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            !FUNCTION_WORDS.contains(&&*bare)
        };
        let left: Vec<Self> = all.iter().filter(says_something).cloned().collect();
        if left.is_empty() { all.to_vec() } else { left }
    }

    /// For each word, what the pages may say instead.
    pub(super) fn meant(all: &[Self], synonyms: &Synonyms) -> Vec<Vec<Self>> {
        // An identifier is one word here, and several to whoever looks for synonyms: those are left alone.
        let asked: Vec<String> = all
            .iter()
            .map(|term| match &*words(&term.text) {
                [word] => word.clone(),
                _ => String::new(),
            })
            .collect();
        let mut meant = vec![Vec::new(); all.len()];
        for (at, phrase) in synonyms.phrases(&asked) {
            meant.get_mut(at).into_iter().for_each(|others: &mut Vec<Self>| others.push(Self::word(&phrase)));
        }
        meant
    }

    /// As FTS5 takes it: a string, in which nothing is syntax.
    pub(super) fn quoted(&self) -> String {
        let text: String = self.text.chars().filter(|c| !c.is_control()).collect();
        let star = if self.is_prefix { " *" } else { "" };
        format!("\"{}\"{star}", text.replace('"', "\"\""))
    }
}

/// Words that say nothing of what is looked for.
const FUNCTION_WORDS: &[&str] = &[
    "a", "about", "am", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did",
    "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its",
    "me", "my", "of", "on", "or", "our", "please", "shall", "should", "so", "than", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "those", "to", "us", "was", "we", "were", "what",
    "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];
