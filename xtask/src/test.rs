//! `cargo xtask test`: all checks in order, what reads before what builds and runs, the tests last. It stops at the first that fails.

use std::path::Path;
use std::time::Instant;

use crate::install::{self, Need};
use crate::postgres::{self, Cluster};
use crate::process::{self, Outcome, cargo};
use crate::{clients, documents};

/// What was asked for on the command line.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// That step alone
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    only: Option<String>,
    /// Name the steps
    #[arg(long)]
    list: bool,
    /// Handed to the test runner (cargo-nextest's filters)
    #[arg(last = true)]
    filter: Vec<String>,
}

struct Step {
    name: &'static str,
    what: &'static str,
    needs: &'static [Need],
    run: fn(&Path, &[String]) -> Outcome,
}

const STEPS: [Step; 8] = [
    Step {
        name: "format",
        what: "cargo fmt --all --check",
        needs: &[Need::Rustfmt],
        run: |root, _| process::run(&mut cargo(root, &["fmt", "--all", "--check"])),
    },
    Step {
        name: "documents",
        what: "links lead somewhere, named tests exist",
        needs: &[],
        run: |root, _| documents::check(root),
    },
    Step {
        name: "deny",
        what: "crates keep to their layers; no banned crate, license or source",
        needs: &[Need::Deny],
        run: |root, _| {
            let mut deny = install::tool(root, "cargo-deny");
            process::run(deny.args(["--all-features", "check", "bans", "licenses", "sources"]))
        },
    },
    Step {
        name: "clippy",
        what: "cargo clippy, warnings denied",
        needs: &[Need::Clippy],
        run: |root, _| {
            let scope = ["clippy", "--workspace", "--all-targets", "--all-features"];
            process::run(cargo(root, &scope).args(["--", "-D", "warnings"]))
        },
    },
    Step {
        name: "clients",
        what: "OAuth, JWT and GraphQL clients of others and axe-core, from their lock files",
        needs: &[Need::Python, Need::Node, Need::Go, Need::Java, Need::Maven],
        run: |root, _| clients::install(root),
    },
    Step {
        name: "build",
        what: "cargo build --bins",
        needs: &[],
        run: |root, _| process::run(&mut cargo(root, &["build", "--workspace", "--all-features", "--bins"])),
    },
    Step {
        name: "doctests",
        what: "cargo test --doc",
        needs: &[],
        run: |root, _| {
            process::run(&mut cargo(root, &["test", "--quiet", "--workspace", "--all-features", "--doc"]))
        },
    },
    Step {
        name: "tests",
        what: "every test, on SQLite and PostgreSQL",
        needs: &[
            Need::Nextest,
            Need::Postgres,
            Need::PgBouncer,
            Need::Chromium,
            Need::Patroni,
            Need::Faketime,
            Need::Go,
            Need::Java,
            Need::Ruby,
        ],
        run: tests,
    },
];

/// Runs the tests with a PostgreSQL of their own, which stops when they have ended, however they ended.
fn tests(root: &Path, filter: &[String]) -> Outcome {
    let is_given = std::env::var_os(postgres::URL_VARIABLE).is_some();
    let cluster = if is_given { None } else { Some(Cluster::start()?) };
    let mut nextest = install::tool(root, "cargo-nextest");
    nextest.args(["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"]).args(filter);
    nextest.envs(cluster.as_ref().map(|cluster| (postgres::URL_VARIABLE, cluster.url())));
    process::run(&mut nextest)
}

/// Installs what the chosen steps need, then runs them. Nothing is printed after the last: the test runner's summary closes the run.
pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    let is_chosen = |step: &&Step| options.only.as_ref().is_none_or(|name| name == step.name);
    let steps: Vec<&Step> = STEPS.iter().filter(is_chosen).collect();
    if options.list {
        for step in &steps {
            println!("{:10} {}", step.name, step.what);
        }
        return Ok(());
    }
    install::ensure(root, steps.iter().flat_map(|step| step.needs).copied())?;
    for (index, step) in steps.iter().enumerate() {
        println!("── [{}/{}] {}: {}", index + 1, steps.len(), step.name, step.what);
        let started = Instant::now();
        let outcome = (step.run)(root, &options.filter);
        let seconds = started.elapsed().as_secs();
        outcome.map_err(|reason| format!("the step `{}` failed after {seconds} s: {reason}", step.name))?;
        if index + 1 < steps.len() {
            println!("   {} done in {seconds} s", step.name);
        }
    }
    Ok(())
}
