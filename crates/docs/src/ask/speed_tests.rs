//! How long answers take, of this documentation and of a large one. Measured, not asserted, as machines differ:
//! `cargo test --release -p docs speed -- --ignored --nocapture`.

use super::{Asking, Guide};
use crate::{Block, Page, library::Library};
use std::{fmt::Write, time::Instant};

const QUESTIONS: [&str; 10] = [
    "How many Active keys can an organisation have?",
    "how long does a token live",
    "who may revoke a key",
    "LIMIT_REACHED when generating a key - how do I get out of this",
    "We renew credentials every quarter: how do I reset the secret of an existing one, and does its client id stay the same?",
    "default expirey of an api key",
    "show me a curl command for getting a token",
    "webhook when a key is revoked",
    "what happens to the old secret once I rotate",
    "where does the master key live on disk",
];

/// Resident memory in MiB, where the system tells it.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kibibytes: u32 = line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0);
    f64::from(kibibytes) / 1024.0
}

fn measure(name: &str, library: &Library) {
    let (start, before) = (Instant::now(), memory());
    let guide = Guide::of(library).unwrap();
    println!(
        "{name}: {} pages, read in {:.2?} and {:.0} MiB",
        library.pages().len(),
        start.elapsed(),
        memory() - before,
    );
    let ask = |question: &str| {
        let start = Instant::now();
        let asking = Asking { question: question.to_owned(), ..Asking::default() };
        guide.answer(library, &asking).unwrap();
        start.elapsed()
    };
    let mut times: Vec<_> = (0..20).flat_map(|_| QUESTIONS.map(&ask)).collect();
    times.sort_unstable();
    println!("{name}: median {:.2?}, slowest {:.2?}", times[times.len() / 2], times[times.len() - 1]);
    for (what, question) in hostile() {
        println!("{name}: {what} {:.2?}", ask(&question));
    }
}

/// The longest questions that somebody can make who wants to keep a node busy.
fn hostile() -> [(&'static str, String); 3] {
    let letters = |number: usize| char::from(b'a' + u8::try_from(number % 26).unwrap());
    let unknown = (0..64).map(|number| format!("{0}{1}{0}xqzvkjw", letters(number), letters(number / 3)));
    let common = "the key token is a an of to in and or for with how what does my our can i we it not on by from be are has have at as if this that all any";
    let synonyms = "key token user admin delete remove create make get change show list find give rotate secret app account service machine team member role login password limit error";
    [
        ("unknown words", unknown.collect::<Vec<_>>().join(" ")),
        ("common words", common.repeat(4)),
        ("words with many synonyms", synonyms.repeat(4)),
    ]
    .map(|(what, question)| (what, question.chars().take(1000).collect()))
}

/// Pages whose sentences are those of this documentation, each page in an order and with names of its own.
fn large(pages: usize) -> Library {
    let embedded = Library::embedded();
    // On one line, nothing is a heading.
    let line = |block: &Block| block.text.replace('\n', " ").trim_start_matches(['#', ' ']).to_owned();
    let sections = embedded.pages().iter().flat_map(Page::sections);
    let texts: Vec<String> =
        sections.map(|section| section.blocks.iter().map(line).collect::<Vec<_>>().join("\n\n")).collect();
    let page = |number: usize| {
        let mut text = format!("# Service {number} of unit{}\n\nAbout service {number}.\n", number % 997);
        for part in 0..5 {
            let at = (number * 31 + part * 97) % texts.len();
            let _ = write!(text, "\n## Part {part} of name{}\n\n{}\n", number * 5 + part, texts[at]);
        }
        (format!("p{number}.md"), text)
    };
    Library::of((0..pages).map(page))
}

#[test]
#[ignore = "measures"]
fn speed() {
    measure("this documentation", &Library::embedded());
    measure("a large one", &large(10_000));
}
