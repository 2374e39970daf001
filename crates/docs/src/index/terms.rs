//! Words that are looked for.

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

    /// As FTS5 takes it: a string, in which nothing is syntax.
    pub(super) fn quoted(&self) -> String {
        let text: String = self.text.chars().filter(|c| !c.is_control()).collect();
        let star = if self.is_prefix { " *" } else { "" };
        format!("\"{}\"{star}", text.replace('"', "\"\""))
    }
}
