//! Which passwords a person may choose: by length, not by composition (NIST SP 800-63B §3.1.1.2), and none
//! that guessers try first.

use crate::{Email, Invalid};
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// The shortest password by default, in characters.
pub const PASSWORD_MINIMUM: usize = 12;
/// The longest password, in bytes: enough for any passphrase, and a bound on the work of hashing it.
pub const PASSWORD_MAXIMUM: usize = 1024;

const FIELD: &str = "password";
/// What is right instead, at the end of every rejection of a password that is easy to guess.
const ADVICE: &str = "Use a few unrelated words, or let a password manager make one.";

/// The commonest passwords of 8 characters and more, sorted; `passwords.md` says where they come from.
static COMMON: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("passwords.txt").lines().collect());

/// What fingers run along, forwards and backwards; the end leads to the beginning again.
const ROWS: [&str; 6] = [
    "1234567890",
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
];
/// The fewest characters that make a run.
const RUN: usize = 3;

/// Checks a new password: at least `minimum_characters`, at most [`PASSWORD_MAXIMUM`] bytes, and nothing that is
/// guessed first: a common password, a repetition, a run along the keyboard, or the person's own address (`email`).
/// Upper and lower case count as the same.
///
/// # Errors
/// The password is too short, too long or easy to guess; the message says which and what would be right, never the password.
pub fn check_password(
    password: &str,
    minimum_characters: usize,
    email: Option<&Email>,
) -> Result<(), Invalid> {
    let length = password.chars().count();
    if length < minimum_characters {
        let message = format!("use at least {minimum_characters} characters; this password has {length}");
        return Err(Invalid::new(FIELD, message));
    }
    if password.len() > PASSWORD_MAXIMUM {
        let message = format!("use at most {PASSWORD_MAXIMUM} bytes; this password has {}", password.len());
        return Err(Invalid::new(FIELD, message));
    }
    match weakness(&Zeroizing::new(password.to_lowercase()), minimum_characters, email) {
        Some(why) => Err(Invalid::new(FIELD, format!("{why}. {ADVICE}"))),
        None => Ok(()),
    }
}

/// Why the password, in lower case, would be guessed first.
fn weakness(password: &str, minimum: usize, email: Option<&Email>) -> Option<&'static str> {
    if is_about(password, email) {
        return Some("this password is your e-mail address or Duku's name with little added");
    }
    let letters = Zeroizing::new(password.chars().filter(|c| c.is_alphanumeric()).collect::<String>());
    // With and without what stands between words: "password password" repeats itself as much as "passwordpassword".
    let characters =
        [password, &*letters].map(|text| text.chars().collect::<Vec<char>>()).map(Zeroizing::new);
    if characters.iter().any(|text| is_repetition(text, minimum)) {
        return Some("this password repeats one short piece again and again");
    }
    if characters.iter().any(|text| is_made_of_runs(text)) {
        return Some("this password runs along the keyboard, the alphabet or the digits");
    }
    if is_common(password) || is_common(core(password)) {
        return Some("this password is among the most common ones, which guessers try first");
    }
    None
}

fn is_common(password: &str) -> bool {
    COMMON.binary_search(&password).is_ok()
}

/// The text without the digits and signs around it: `football` of `football2024!`. Where those make up more
/// than the text itself, they are no mere decoration and stay.
fn core(text: &str) -> &str {
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    if core.len() * 2 < text.len() { text } else { core }
}

/// Whether the password is the address, the part before its `@`, or `duku`, with nothing but digits and signs around it.
fn is_about(password: &str, email: Option<&Email>) -> bool {
    let bare = |text: &'_ str| text.trim_matches(|c: char| !c.is_alphabetic()).to_owned();
    let core = Zeroizing::new(bare(password));
    let is = |text: &str| !text.is_empty() && (password == text || *core == bare(text) && !core.is_empty());
    let address = email.map(Email::as_str);
    let local = address.and_then(|address| address.split('@').next());
    address.into_iter().chain(local).chain(["duku"]).any(is)
}

/// Whether the whole text is one piece shorter than `minimum`, at least twice; the last time may break off.
fn is_repetition(text: &[char], minimum: usize) -> bool {
    let longest = (text.len() / 2).min(minimum.saturating_sub(1));
    (1..=longest).any(|piece| text.iter().zip(text.iter().skip(piece)).all(|(a, b)| a == b))
}

/// Whether the whole text consists of runs, like `abcd4321qwerty` or `111222333`.
fn is_made_of_runs(text: &[char]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let run = longest_run(rest);
        if run < RUN {
            return false;
        }
        rest = rest.get(run..).unwrap_or_default();
    }
    !text.is_empty()
}

/// How many characters at the beginning are one run: along a row, or the same again.
fn longest_run(text: &[char]) -> usize {
    let same = |a: char, b: char| a == b;
    let mut longest = run_by(text, same);
    for row in ROWS {
        longest = longest.max(run_by(text, |a, b| follows(row, a, b)));
        longest = longest.max(run_by(text, |a, b| follows(row, b, a)));
    }
    longest
}

fn run_by(text: &[char], step: impl Fn(char, char) -> bool) -> usize {
    1 + text.iter().zip(text.iter().skip(1)).take_while(|(a, b)| step(**a, **b)).count()
}

fn follows(row: &str, before: char, after: char) -> bool {
    row.chars().zip(row.chars().cycle().skip(1)).any(|pair| pair == (before, after))
}

#[cfg(test)]
mod tests;
