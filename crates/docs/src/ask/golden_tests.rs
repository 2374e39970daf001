//! Questions of people with the facts that their answers must have: how many are answered well, and how many refused well.
//!
//! One half was looked at while the answering was tuned, the other was kept aside. Both are held at the level that was
//! reached.

use super::{Answer, Asking, Candidate, Guide, Passage, question::Question, score::Fit};
use crate::{index::{Index, Place}, library::Library};
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
    let (index, mut guide) = (Index::of(&library).unwrap(), Guide::of(&library));
    let mut score = Score::default();
    for case in &golden.question {
        for page in case.pages() {
            assert!(library.page(page).is_some(), "{}: there is no page {page}", case.ask);
        }
        let page = (!case.from.is_empty()).then(|| library.place(&case.from).unwrap());
        let asking = Asking { question: case.ask.clone(), goal: case.goal.clone(), page };
        let answer = guide.answer(&library, &index, &asking).unwrap();
        let fault = fault(&library, case, &answer);
        if !tell && std::env::var_os("ASK_ASIDE").is_some() { guide.is_forced = true; }
        if tell { dump(&mut guide, &library, &index, &asking, case, file.len()); }
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

thread_local! {
    static NOTED: std::cell::RefCell<(Vec<(Place, usize, Fit)>, String)> = const { std::cell::RefCell::new((Vec::new(), String::new())) };
    static FIRST: std::cell::Cell<Option<(Place, usize)>> = const { std::cell::Cell::new(None) };
}

pub(super) fn note(_guide: &Guide, _library: &Library, question: &Question, candidates: &[Candidate]) {
    NOTED.with_borrow_mut(|noted| {
        noted.0 = candidates.iter().map(|c| (c.place, c.unit, c.fit)).collect();
        let terms: Vec<_> = question.terms.iter().map(|t| format!("{}:{:.1}/{:.2}", t.spoken.join("/"), t.weight, t.known)).collect();
        noted.1 = format!("{:?} {:.2} {terms:?}", question.kind, question.known());
    });
}

/// TEMPORARY: one JSON line per question with the features of the best candidates and whether each would be right.
fn dump(guide: &mut Guide, library: &Library, index: &Index, asking: &Asking, case: &Case, file: usize) {
    let Some(path) = std::env::var_os("ASK_DUMP") else { return };
    use std::io::Write;
    guide.is_forced = true;
    let answer = guide.answer(library, index, asking).unwrap();
    let (noted, head) = NOTED.with_borrow(Clone::clone);
    let mut rows = Vec::new();
    let mut per: std::collections::HashMap<Place, usize> = std::collections::HashMap::new();
    let question = Question::of(&asking.question, &guide.reading, &guide.thesaurus);
    for (rank, (place, unit, fit)) in noted.iter().enumerate() {
        let seen = per.entry(*place).or_default();
        *seen += 1;
        let expected = case.pages().any(|p| library.place(p) == Some(place.page));
        if rank > 60 && !(expected && *seen <= 3) { continue; }
        // As if this one were best.
        let mut order: Vec<Candidate> = noted.iter().map(|(place, unit, fit)| Candidate { place: *place, unit: *unit, fit: *fit, score: fit.score() }).collect();
        let me = order.remove(rank);
        let top = order.first().map_or(0.0, |c| c.score).max(me.score);
        order.insert(0, Candidate { score: top, ..me });
        let composed = guide.compose(library, &question, &order);
        let fine = fault(library, case, &composed).is_none() && !case.is_to_be_refused();
        let page = &library.pages()[place.page];
        let text = &guide.reading.section(*place).unwrap().units[*unit].text;
        rows.push(serde_json::json!({"rank": rank, "fine": fine, "expected": expected, "page": page.path, "heading": page.sections()[place.section].headings.last(),
            "text": text.chars().take(110).collect::<String>().replace('\n', " "), "f": fit.parts()}));
    }
    let line = serde_json::json!({"ask": case.ask, "kind": case.kind, "refuse": case.is_to_be_refused(), "file": file, "head": head, "known": question.known(),
        "pages": case.pages().collect::<Vec<_>>(), "fact": case.fact, "right": fault(library, case, &answer).is_none(), "answer": plain(&answer), "rows": rows});
    let mut out = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(out, "{line}").unwrap();
    guide.is_forced = false;
}
#[test]
fn golden_practice() {
    let score = judge(include_str!("../../tests/golden/practice.toml"), true);
    println!("{score:?}: {:.3} of the answers, {:.3} of the refusals", score.answers(), score.refusals());
    assert!(score.answers() >= 0.9 && score.refusals() >= 0.9, "{score:?}");
}
