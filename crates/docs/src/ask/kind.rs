//! How a question asks.

use super::{clauses::clauses, evidence::IMPERATIVES, words::words};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    HowMany,
    HowLong,
    Who,
    WhichUrl,
    CanI,
    WhatHappens,
    HowTo,
    ShowMe,
    WhatIs,
    Where,
    Why,
    /// Words alone.
    Plain,
}

/// Beginnings and words that give a kind away, the more telling ones first.
const SIGNS: &[(&str, Kind)] = &[
    ("show me", Kind::ShowMe),
    ("give me", Kind::ShowMe),
    ("example of", Kind::ShowMe),
    ("example for", Kind::ShowMe),
    ("sample", Kind::ShowMe),
    ("snippet", Kind::ShowMe),
    ("curl command", Kind::ShowMe),
    ("how many", Kind::HowMany),
    ("how much", Kind::HowMany),
    ("how large", Kind::HowMany),
    ("how big", Kind::HowMany),
    ("number of", Kind::HowMany),
    ("maximum number", Kind::HowMany),
    ("how long", Kind::HowLong),
    ("how often", Kind::HowLong),
    ("how soon", Kind::HowLong),
    ("how quickly", Kind::HowLong),
    ("how fast", Kind::HowLong),
    ("for how long", Kind::HowLong),
    ("when does", Kind::HowLong),
    ("when do", Kind::HowLong),
    ("when will", Kind::HowLong),
    ("lifetime", Kind::HowLong),
    ("timeout", Kind::HowLong),
    ("who", Kind::Who),
    ("whom", Kind::Who),
    ("which role", Kind::Who),
    ("which person", Kind::Who),
    ("which url", Kind::WhichUrl),
    ("what url", Kind::WhichUrl),
    ("which path", Kind::WhichUrl),
    ("at which path", Kind::WhichUrl),
    ("which endpoint", Kind::WhichUrl),
    ("what endpoint", Kind::WhichUrl),
    ("endpoint", Kind::WhichUrl),
    ("url", Kind::WhichUrl),
    ("address", Kind::WhichUrl),
    ("path", Kind::WhichUrl),
    ("where do i post", Kind::WhichUrl),
    ("where do i send", Kind::WhichUrl),
    ("what happens", Kind::WhatHappens),
    ("what if", Kind::WhatHappens),
    ("what now", Kind::WhatHappens),
    ("what should i do", Kind::WhatHappens),
    ("what does it mean", Kind::WhatHappens),
    ("if i", Kind::WhatHappens),
    ("why", Kind::Why),
    ("what for", Kind::Why),
    ("reason for", Kind::Why),
    ("how do", Kind::HowTo),
    ("how can", Kind::HowTo),
    ("how to", Kind::HowTo),
    ("how does one", Kind::HowTo),
    ("how should", Kind::HowTo),
    ("how would", Kind::HowTo),
    ("what must i do", Kind::HowTo),
    ("steps to", Kind::HowTo),
    ("way to", Kind::HowTo),
    ("where", Kind::Where),
    ("in which menu", Kind::Where),
    ("on which page", Kind::Where),
    ("in which file", Kind::Where),
    ("location of", Kind::Where),
    ("can i", Kind::CanI),
    ("can we", Kind::CanI),
    ("can a", Kind::CanI),
    ("can an", Kind::CanI),
    ("can the", Kind::CanI),
    ("can", Kind::CanI),
    ("could", Kind::CanI),
    ("may", Kind::CanI),
    ("is it possible", Kind::CanI),
    ("is there", Kind::CanI),
    ("are there", Kind::CanI),
    ("am i allowed", Kind::CanI),
    ("does", Kind::CanI),
    ("do", Kind::CanI),
    ("is", Kind::CanI),
    ("are", Kind::CanI),
    ("will", Kind::CanI),
    ("what is", Kind::WhatIs),
    ("what are", Kind::WhatIs),
    ("whats", Kind::WhatIs),
    ("what does", Kind::WhatIs),
    ("which", Kind::WhatIs),
    ("what", Kind::WhatIs),
    ("definition of", Kind::WhatIs),
    ("meaning of", Kind::WhatIs),
];

/// Beginnings that say nothing elsewhere.
const OPENINGS: &[(&str, Kind)] = &[
    ("has", Kind::CanI),
    ("have", Kind::CanI),
    ("did", Kind::CanI),
    ("should", Kind::CanI),
    ("must", Kind::CanI),
    ("was", Kind::CanI),
    ("were", Kind::CanI),
    ("would", Kind::CanI),
    ("am i", Kind::CanI),
    ("isnt", Kind::CanI),
    ("arent", Kind::CanI),
    ("cant", Kind::CanI),
    ("dont", Kind::CanI),
    ("doesnt", Kind::CanI),
    ("wont", Kind::CanI),
    ("shouldnt", Kind::CanI),
    ("and if", Kind::WhatHappens),
    ("and how", Kind::HowTo),
    ("which command", Kind::HowTo),
    ("whats the command", Kind::HowTo),
    ("what is the command", Kind::HowTo),
    ("what command", Kind::HowTo),
];

/// Words that give a kind away where a question is words alone, or asks for "what" or "is there".
const HINTS: &[(Kind, &[&str])] = &[
    (
        Kind::HowMany,
        &[
            "maximum", "max", "minimum", "min", "limit", "quota", "cap", "capped", "count", "amount", "size",
            "depth",
        ],
    ),
    (
        Kind::HowLong,
        &[
            "lifetime",
            "ttl",
            "timeout",
            "duration",
            "validity",
            "retention",
            "interval",
            "expiry",
            "expiration",
            "longest",
        ],
    ),
    (Kind::WhichUrl, &["endpoint", "url", "uri", "path", "address", "route"]),
    (Kind::ShowMe, &["example", "sample", "snippet", "yaml", "yml", "template"]),
];

/// The words of a text, with one space before and behind each.
fn spoken(text: &str) -> String {
    format!(" {} ", words(text).join(" "))
}

/// Whether words, as [`spoken`] gives them, begin with others.
fn begins(spoken: &str, sign: &str) -> bool {
    spoken
        .strip_prefix(' ')
        .and_then(|spoken| spoken.strip_prefix(sign))
        .is_some_and(|rest| rest.starts_with(' '))
}

/// Whether they have them.
fn has(spoken: &str, sign: &str) -> bool {
    spoken.match_indices(sign).any(|(at, _)| {
        spoken.get(..at).is_some_and(|before| before.ends_with(' '))
            && spoken.get(at + sign.len()..).is_some_and(|after| after.starts_with(' '))
    })
}

impl Kind {
    /// How a text asks. Where it tells a story first, the last part that asks says so.
    pub(super) fn of(text: &str) -> Self {
        if Self::begun(&spoken(text)).is_none()
            && let Some(clause) = clauses(text).filter(|clause| Self::begun(&spoken(clause)).is_some()).last()
        {
            return Self::of_clause(clause);
        }
        Self::of_clause(text)
    }

    /// What a question begins with says most.
    fn begun(spoken: &str) -> Option<Self> {
        let begins = SIGNS.iter().chain(OPENINGS).filter(|(sign, _)| begins(spoken, sign));
        begins.max_by_key(|(sign, _)| sign.len()).map(|(_, kind)| *kind)
    }

    fn of_clause(question: &str) -> Self {
        let (text, spoken) = (spoken(question), words(question));
        let mut found = SIGNS.iter().filter(|(sign, _)| sign.len() > 4 && has(&text, sign));
        let begun = Self::begun(&text);
        let had = found.next().map(|(_, kind)| *kind);
        match (begun, had) {
            // "Is there a maximum number of …" asks for the number.
            (
                Some(Self::CanI | Self::WhatIs),
                Some(more @ (Self::HowMany | Self::HowLong | Self::WhichUrl | Self::WhatHappens)),
            ) => more,
            (Some(Self::WhatIs), _) => Self::hinted(&spoken).unwrap_or(Self::WhatIs),
            (Some(kind), _) | (None, Some(kind)) => kind,
            (None, None) => Self::of_words(question, &spoken),
        }
    }

    /// The kind of a question that is words alone: an order is asked how to carry out, an error what to do about.
    fn of_words(question: &str, spoken: &[String]) -> Self {
        let is_order = spoken.first().is_some_and(|first| IMPERATIVES.contains(&first.as_str()));
        let is_error =
            ["error", " says", "message", "refused", "I get "].iter().any(|sign| question.contains(sign))
                || question.contains("failed")
                || spoken.iter().any(|word| word.len() == 3 && word.starts_with(['4', '5']))
                || question.split_whitespace().any(|word| word.contains('_'));
        if is_error {
            Self::WhatHappens
        } else if is_order {
            Self::HowTo
        } else {
            Self::hinted(spoken).unwrap_or(Self::Plain)
        }
    }

    /// Whether a part of a question is the one that asks.
    pub(super) fn is_asked(clause: &str) -> bool {
        let text = format!(" {} ", words(clause).join(" "));
        clause.trim_end().ends_with('?')
            || SIGNS.iter().any(|(sign, _)| {
                begins(&text, sign)
                    || sign.len() > 4 && has(&text, sign)
                    || text.strip_prefix(" and").is_some_and(|rest| begins(rest, sign))
            })
    }

    fn hinted(spoken: &[String]) -> Option<Self> {
        let hints = |list: &[&str]| spoken.iter().any(|word| list.contains(&word.as_str()));
        HINTS.iter().find(|(_, list)| hints(list)).map(|(kind, _)| *kind)
    }

    /// What a heading asks itself, as in "Where metrics are served" or "If the secret was lost".
    pub(super) fn of_heading(heading: &str) -> Option<Self> {
        let words = words(heading);
        let first = words.first().map(String::as_str)?;
        let second = words.get(1).map(String::as_str).unwrap_or_default();
        Some(match (first, second) {
            ("how", "many" | "much" | "large" | "big") => Self::HowMany,
            ("how", "long" | "often") => Self::HowLong,
            ("who", _) => Self::Who,
            ("where", _) => Self::Where,
            ("why", _) => Self::Why,
            ("what", "happens") | ("when" | "if", _) => Self::WhatHappens,
            ("what", _) => Self::WhatIs,
            (first, _) if IMPERATIVES.contains(&first) => Self::HowTo,
            _ => return None,
        })
    }

    /// Whether a text without the thing that is asked for is no answer.
    pub(super) const fn is_strict(self) -> bool {
        matches!(self, Self::HowMany | Self::HowLong | Self::WhichUrl | Self::ShowMe)
    }

    /// Whether an answer is told with certain words.
    pub(super) const fn is_told(self) -> bool {
        matches!(self, Self::Why | Self::Where)
    }

    /// Whether code may be the answer.
    pub(super) const fn is_about_code(self) -> bool {
        matches!(self, Self::HowTo | Self::ShowMe | Self::WhichUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_says_how_it_asks() {
        for (question, kind) in [
            ("How many keys can one org have?", Kind::HowMany),
            ("is there a maximum number of keys", Kind::HowMany),
            ("How long does a token live?", Kind::HowLong),
            ("who may revoke a key", Kind::Who),
            ("What is the token endpoint?", Kind::WhichUrl),
            ("Can I rename a key?", Kind::CanI),
            ("what happens to the old secret once I rotate", Kind::WhatHappens),
            ("How do I rotate a key?", Kind::HowTo),
            ("show me a curl command", Kind::ShowMe),
            ("whats a dead secret", Kind::WhatIs),
            ("where do logs go", Kind::Where),
            ("why must it not be", Kind::Why),
            ("rotate secret", Kind::HowTo),
            ("secret rotation", Kind::Plain),
            ("max depth of a query", Kind::HowMany),
            ("I lost the secret. Can it be shown again?", Kind::CanI),
            ("member or admin - who sees the log", Kind::Who),
            ("Has anybody tried CockroachDB?", Kind::CanI),
        ] {
            assert_eq!(Kind::of(question), kind, "{question}");
        }
    }
}
