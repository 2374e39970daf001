//! Questions of people with the facts that their answers must have: how many are answered well, and how many refused well.
//!
//! One half was looked at while the answering was tuned, the other was kept aside. Both are held at the level that was
//! reached.

use super::{Answer, Asking, Guide, Passage};
use crate::{index::Index, library::Library};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    question: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    ask: String,
    kind: String,
    page: Option<String>,
    #[serde(default)]
    pages: Vec<String>,
    #[serde(default)]
    fact: Vec<String>,
    #[serde(default)]
    from: String,
    #[serde(default)]
    goal: String,
}

impl Case {
    fn is_to_be_refused(&self) -> bool {
        matches!(self.kind.as_str(), "unanswerable" | "nearly")
    }

    fn pages(&self) -> impl Iterator<Item = &str> {
        self.page.iter().chain(&self.pages).map(|page| if page == "README" { "" } else { page })
    }
}

/// What became of the questions of one file.
#[derive(Debug, Default)]
struct Score {
    answered_well: usize,
    answerable: usize,
    refused_well: usize,
    to_be_refused: usize,
}

impl Score {
    fn answers(&self) -> f64 {
        part(self.answered_well, self.answerable)
    }

    fn refusals(&self) -> f64 {
        part(self.refused_well, self.to_be_refused)
    }
}

fn part(of: usize, all: usize) -> f64 {
    f64::from(u32::try_from(of).unwrap()) / f64::from(u32::try_from(all).unwrap())
}

/// What is wrong with an answer, if anything is.
fn fault(library: &Library, case: &Case, answer: &Answer) -> Option<String> {
    let text = plain(answer);
    if case.is_to_be_refused() {
        return (!answer.text.is_empty()).then(|| format!("answered: {text}"));
    }
    if answer.text.is_empty() {
        return Some("refused".to_owned());
    }
    let first = answer.sources.first().and_then(|source| library.pages().get(source.place.page)).unwrap();
    if !case.pages().any(|page| page == first.path) {
        return Some(format!("first source is {}: {text}", first.path));
    }
    let missing = case.fact.iter().find(|fact| !fact.split('|').any(|fact| has(&text, fact)));
    missing.map(|fact| format!("{} does not say {fact:?}: {text}", first.path))
}

/// The words of an answer without any markup.
fn plain(answer: &Answer) -> String {
    let parts = answer.text.iter().map(|passage| match passage {
        Passage::Sentences(text) | Passage::Code { text, .. } => text.clone(),
        Passage::List(items, _) => items.join(" "),
    });
    one_line(&parts.collect::<Vec<_>>().join(" "))
}

fn one_line(text: &str) -> String {
    text.replace(['`', '*'], "").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has(text: &str, fact: &str) -> bool {
    text.to_lowercase().contains(&one_line(fact).to_lowercase())
}

fn judge(file: &str, tell: bool) -> Score {
    let golden: Golden = toml::from_str(file).unwrap();
    let library = Library::embedded();
    let (index, guide) = (Index::of(&library).unwrap(), Guide::of(&library));
    let mut score = Score::default();
    for case in &golden.question {
        for page in case.pages() {
            assert!(library.page(page).is_some(), "{}: there is no page {page}", case.ask);
        }
        let page = (!case.from.is_empty()).then(|| library.place(&case.from).unwrap());
        let asking = Asking { question: case.ask.clone(), goal: case.goal.clone(), page };
        let answer = guide.answer(&library, &index, &asking).unwrap();
        let fault = fault(&library, case, &answer);
        if tell && std::env::var_os("ASK_SWEEP").is_some() {
            let (confidence, known, fine) = guide.sweep(&library, &index, &asking, |answer| {
                super::golden_tests::fault(&library, case, answer).is_none()
            });
            if !fine {
                println!(
                    "### {} [{}] {confidence:.2} {known:.2}",
                    case.ask,
                    case.pages().collect::<Vec<_>>().join(" ")
                );
                super::DEBUG.with_borrow(|debug| {
                    println!("   {}", debug[0].1);
                    for (_, line) in &debug[1..debug.len().min(4)] {
                        println!("   {line}");
                    }
                    let first =
                        debug.iter().enumerate().skip(1).find(|(_, (page, _))| {
                            case.pages().any(|path| library.place(path) == Some(*page))
                        });
                    if let Some((rank, (_, line))) = first {
                        println!("   EXPECTED {rank}: {line}");
                    }
                });
            }
            println!("SWEEP {} {confidence:.3} {known:.3} {}", case.is_to_be_refused(), fine);
        }
        let (all, well) = if case.is_to_be_refused() {
            (&mut score.to_be_refused, &mut score.refused_well)
        } else {
            (&mut score.answerable, &mut score.answered_well)
        };
        *all += 1;
        *well += usize::from(fault.is_none());
        if let Some(fault) = fault.filter(|_| tell) {
            println!("{} ({}): {fault}", case.ask, case.kind);
        }
    }
    score
}

#[test]
fn questions_that_were_looked_at_keep_their_level() {
    let score = judge(include_str!("../../tests/golden/tuning.toml"), true);
    println!("{score:?}: {:.3} of the answers, {:.3} of the refusals", score.answers(), score.refusals());
    assert!(score.answers() >= 0.9 && score.refusals() >= 0.9, "{score:?}");
}

/// Its faults are not told, so that nobody tunes to them.
#[test]
fn questions_that_were_kept_aside_keep_their_level() {
    let score = judge(include_str!("../../tests/golden/kept_aside.toml"), false);
    println!("{score:?}: {:.3} of the answers, {:.3} of the refusals", score.answers(), score.refusals());
    assert!(score.answers() >= 0.9 && score.refusals() >= 0.9, "{score:?}");
}
