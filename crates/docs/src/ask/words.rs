//! From text to words that can be compared: one spelling, one form of each word.

use rust_stemmers::{Algorithm, Stemmer};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// Words that say how something is asked rather than what.
const SILENT: &str = "a about actually again all already also although always am an and another any anybody anyone anything are as ask at \
    be because been being both but by can cannot could dear did do does doing done each either else ever every everybody everyone exactly \
    for from further get give given gets getting go going got gotten had has have having he hello help her here hi him his how however i if in \
    instead into is isn it its itself just know let like ll look made make makes many may me might more most much must my need needed needs \
    no nor not now of off on one ones only or other our ours out over own per please possible quite rather re really s same say says shall \
    she should show simply so some somebody somehow someone something still such sure t take tell than thank thanks that the their theirs \
    them then there these they thing things this those though through to too try trying under until up us use used uses using ve very want \
    wants was we well were what whatever when where whether which while who whoever whom whose why will wish with within without would yes \
    yet you your yours don doesn didn won isn aren wasn couldn shouldn wouldn im ive id ill whats hows theres lets cant dont doesnt isnt wont";

static SILENT_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| SILENT.split_whitespace().collect());

/// Whether a word says nothing of what a text is about.
pub(super) fn is_silent(word: &str) -> bool {
    SILENT_WORDS.contains(word)
}

/// Words of everyday language, which tell little when the pages do not have them.
static COMMON_WORDS: LazyLock<HashSet<String>> =
    LazyLock::new(|| include_str!("common.txt").split_whitespace().map(stem).collect());

/// Whether a stem is of everyday language.
pub(super) fn is_common(stem: &str) -> bool {
    COMMON_WORDS.contains(stem)
}

/// Words of one family, a line each, that stemming does not bring together; the first stands for all. Behind `! ` stand words
/// that stemming would mix up with others.
static FAMILIES: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let families = include_str!("families.txt").lines();
    families
        .flat_map(|family| {
            let (family, is_apart) = family.strip_prefix("! ").map_or((family, false), |rest| (rest, true));
            let head = family.split_whitespace().next().unwrap_or_default();
            let head = if is_apart { format!("{head}!") } else { without_ending(head) };
            family.split_whitespace().map(move |word| (word, head.clone()))
        })
        .collect()
});

/// Verbs of two words, each with the word that they are as one.
const PHRASAL: &[(&[&str], &[&str], &str)] = &[
    (&["sign", "signs", "signed", "signing", "log", "logs", "logged", "logging"], &["in", "on"], "signin"),
    (&["sign", "signs", "signed", "signing", "log", "logs", "logged", "logging"], &["out", "off"], "signout"),
    (&["back", "backs", "backed", "backing"], &["up"], "backup"),
    (&["shut", "shuts", "shutting"], &["down"], "shutdown"),
];
/// After these, "log in" is a log in something.
const NOUNS: &[&str] = &["the", "audit", "a", "own", "server", "s"];

/// Makes one word of verbs of two: a sign-in is signing in.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    let mut before = String::new();
    for word in words {
        let whole = joined.last().and_then(|last| {
            let is = |list: &[&str], word: &str| list.contains(&word);
            let whole = PHRASAL.iter().find(|(verbs, ends, _)| is(verbs, last) && is(ends, &word))?;
            (last != "log" && last != "logs" || !is(NOUNS, &before)).then_some(whole.2)
        });
        if let (Some(whole), Some(last)) = (whole, joined.last_mut()) {
            whole.clone_into(last);
        } else {
            before = joined.last().cloned().unwrap_or_default();
            joined.push(word);
        }
    }
    joined
}

/// The words of a text in lower case, in order. `client_id` and `clientId` are two words, as are parts of a path.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in text.chars() {
        let begins = c.is_uppercase() && before.is_lowercase() && word.len() > 1;
        if begins || !(c.is_alphanumeric() || is_apostrophe(c)) {
            finish(&mut words, &mut word);
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    finish(&mut words, &mut word);
    joined(words)
}

/// `what's` is one word, as `whats` is.
const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

fn finish(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

const NUMBERS: [(&str, &str); 16] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("twelve", "12"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("sixty", "60"),
    ("ninety", "90"),
];

/// What all forms and spellings of a word have in common: `organizations` and `organisation` are alike.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, digits)) = NUMBERS.iter().find(|(name, _)| *name == word) {
        return (*digits).to_owned();
    }
    FAMILIES.get(word).cloned().unwrap_or_else(|| without_ending(word))
}

fn without_ending(word: &str) -> String {
    if word.contains(|c: char| c.is_ascii_digit()) || word.chars().count() < 3 {
        return word.to_owned();
    }
    STEMMER.stem(&one_spelling(word)).into_owned()
}

/// British and American spellings become one, which may be neither.
fn one_spelling(word: &str) -> String {
    let mut word = word.to_owned();
    if word.chars().count() > 5 {
        for (american, british) in [
            ("ization", "isation"),
            ("izing", "ising"),
            ("izer", "iser"),
            ("ized", "ised"),
            ("izes", "ises"),
            ("ize", "ise"),
        ] {
            if let Some(before) = word.strip_suffix(american) {
                word = format!("{before}{british}");
                break;
            }
        }
        for (british, american) in
            [("our", "or"), ("ours", "ors"), ("oured", "ored"), ("tre", "ter"), ("ence", "ense")]
        {
            if let Some(before) = word.strip_suffix(british).filter(|before| before.len() > 2) {
                word = format!("{before}{american}");
                break;
            }
        }
    }
    word.replace("lled", "led").replace("lling", "ling")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_spellings_of_a_word_are_alike() {
        for (one, other) in [
            ("organization", "organisations"),
            ("authorize", "authorised"),
            ("behavior", "behaviour"),
            ("canceled", "cancelled"),
            ("rotating", "rotate"),
            ("keys", "key"),
            ("expires", "expired"),
            ("expiry", "expiration"),
            ("revocation", "revoked"),
            ("deletion", "deletes"),
            ("center", "centre"),
            ("license", "licence"),
            ("k8s", "kubernetes"),
        ] {
            assert_eq!(stem(one), stem(other), "{one} and {other}");
        }
        assert_ne!(stem("token"), stem("key"));
    }

    #[test]
    fn identifiers_and_paths_fall_into_their_words() {
        assert_eq!(
            words("client_id, clientId: /realms/duku?"),
            ["client", "id", "client", "id", "realms", "duku"]
        );
        assert_eq!(
            words("Sign-in, logging in; the audit log in Viewport"),
            ["signin", "signin", "the", "audit", "log", "in", "viewport"]
        );
        assert_eq!(words("iOS upsertTarget"), ["ios", "upsert", "target"]);
        assert_eq!(words("what's RFC 6749"), ["whats", "rfc", "6749"]);
        assert!(words(" \u{0}–?! ").is_empty());
    }
}
