//! Every fenced block of the documentation is run, or at least read by whoever would read it.

mod commands;
mod fences;
mod formats;
mod programs;
mod proxies;
mod shell;

use fences::{Fence, fences};
use programs::Language;

/// What is done with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Run in a shell, in order, with the page's other blocks.
    Run,
    /// Commands that no test can run, because they build or install: the shell reads them, and what `duku` is asked for exists.
    Norun,
    /// Commands behind prompts, with what they print: what `duku` is asked for exists.
    Console,
    /// A whole program, run in its language.
    Program(Language),
    /// A Python program that verifies an access token.
    Verifier,
    GraphQl,
    Json,
    Toml,
    Yaml,
    Nginx,
    Haproxy,
    /// Every bracket and quote is closed: there is no reader at hand.
    Groovy,
    /// For people only.
    Text,
}

impl Rule {
    fn of(info: &str) -> Option<Self> {
        Some(match info {
            // `bash` is what the page that the product keeps is written in.
            "sh" | "bash" => Self::Run,
            "sh norun" => Self::Norun,
            "console" => Self::Console,
            "python verify" => Self::Verifier,
            "graphql" => Self::GraphQl,
            "json" => Self::Json,
            "toml" => Self::Toml,
            "yaml" => Self::Yaml,
            "nginx" => Self::Nginx,
            "haproxy" => Self::Haproxy,
            "groovy" => Self::Groovy,
            "text" => Self::Text,
            other => Self::Program(Language::of(other)?),
        })
    }
}

/// Every block that a rule is for. There must be one, or the rule proves nothing.
fn blocks(rule: Rule) -> Vec<Fence> {
    let blocks: Vec<_> = fences().into_iter().filter(|fence| Rule::of(&fence.info) == Some(rule)).collect();
    assert!(!blocks.is_empty(), "no page has a block for {rule:?}");
    blocks
}

/// Fails with every block that a check finds something wrong with.
#[track_caller]
fn all_pass(rule: Rule, check: impl Fn(&Fence) -> Result<(), String>) {
    let wrong = |fence: &Fence| check(fence).err().map(|problem| format!("{}: {problem}", fence.place()));
    let problems: Vec<_> = blocks(rule).iter().filter_map(wrong).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_block_has_a_rule() {
    let without = fences().into_iter().filter(|fence| Rule::of(&fence.info).is_none());
    let without: Vec<_> =
        without.map(|fence| format!("{}: no rule for `{}`", fence.place(), fence.info)).collect();
    assert!(without.is_empty(), "{}", without.join("\n"));
}

#[test]
fn a_block_of_an_unknown_kind_has_no_rule() {
    for info in ["", "perl", "sh no-run", "python norun", "SH"] {
        assert_eq!(Rule::of(info), None, "{info}");
    }
}
