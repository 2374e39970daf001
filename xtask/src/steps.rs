//! The steps of `cargo xtask test`, in their order: what reads comes before what builds and runs, the tests last.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::install::Need;
use crate::postgres::{self, Cluster};
use crate::process::{self, Outcome, cargo};
use crate::{architecture, bans, clients, links};

/// One step: its name for `--only`, what it does in a line, what must be installed for it.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(&Workshop) -> Outcome,
}

/// Where the steps work.
pub(crate) struct Workshop {
    root: PathBuf,
    /// Cargo's output folder; the third-party clients are installed in it too.
    target: PathBuf,
    filter: Vec<String>,
}

impl Workshop {
    pub(crate) fn new(root: &Path, filter: &[String]) -> Self {
        let chosen = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
        let chosen = chosen.map_or_else(|| "target".into(), PathBuf::from);
        Self { root: root.to_owned(), target: root.join(chosen), filter: filter.to_vec() }
    }

    /// A folder for what a command makes, in Cargo's output folder.
    pub(crate) fn output(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root).args(arguments);
        command
    }
}

/// All steps in their order.
pub(crate) const STEPS: [Step; 10] = [
    Step {
        name: "architecture",
        what: "crates keep to their rooms, promised tests exist",
        needs: &[],
        run: |workshop| architecture::check(&workshop.root),
    },
    Step {
        name: "format",
        what: "cargo fmt --all --check",
        needs: &[Need::Rustfmt],
        run: |workshop| process::run(&mut workshop.cargo(&["fmt", "--all", "--check"])),
    },
    Step { name: "clippy", what: "cargo clippy, warnings denied", needs: &[Need::Clippy], run: clippy },
    Step { name: "deny", what: "cargo deny check bans licenses sources", needs: &[], run: deny },
    Step {
        name: "bans",
        what: "no ring, OpenSSL or native-tls is compiled in",
        needs: &[],
        run: |workshop| bans::check(&workshop.root),
    },
    Step {
        name: "links",
        what: "links between the Markdown pages lead somewhere",
        needs: &[],
        run: |workshop| links::check(&workshop.root),
    },
    Step {
        name: "clients",
        what: "OAuth, JWT and GraphQL clients of others and axe-core, from their lock files",
        needs: &[Need::Python, Need::Node],
        run: |workshop| clients::install(&workshop.root, &workshop.target),
    },
    Step {
        name: "build",
        what: "cargo build --bins",
        needs: &[],
        run: |workshop| {
            process::run(&mut workshop.cargo(&["build", "--workspace", "--all-features", "--bins"]))
        },
    },
    Step {
        name: "doctests",
        what: "cargo test --doc",
        needs: &[],
        run: |workshop| {
            let arguments = ["test", "--quiet", "--workspace", "--all-features", "--doc"];
            process::run(&mut workshop.cargo(&arguments))
        },
    },
    Step {
        name: "tests",
        what: "every test, on SQLite and PostgreSQL",
        needs: &[
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

fn clippy(workshop: &Workshop) -> Outcome {
    let scope = ["clippy", "--workspace", "--all-targets", "--all-features"];
    process::run(workshop.cargo(&scope).args(["--", "-D", "warnings"]))
}

/// cargo-deny takes many minutes to build, so it is used where it is and asked of nobody.
fn deny(workshop: &Workshop) -> Outcome {
    if process::read(&mut workshop.cargo(&["deny", "--version"])).is_err() {
        println!("   skipped: cargo-deny is not installed (`cargo install --locked cargo-deny`)");
        return Ok(());
    }
    process::run(&mut workshop.cargo(&["deny", "--all-features", "check", "bans", "licenses", "sources"]))
}

/// Runs the tests with a PostgreSQL of their own, which stops when they have ended, however they ended.
fn tests(workshop: &Workshop) -> Outcome {
    let cluster = match std::env::var(postgres::URL_VARIABLE) {
        Ok(_) => None,
        Err(_) => Some(Cluster::start()?),
    };
    let url = cluster.as_ref().map(|cluster| (postgres::URL_VARIABLE, cluster.url()));
    if process::read(&mut workshop.cargo(&["nextest", "--version"])).is_ok() {
        let arguments = ["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"];
        return process::run(workshop.cargo(&arguments).envs(url).args(&workshop.filter));
    }
    println!("   with `cargo test`: cargo-nextest is not installed (it would be faster)");
    let arguments =
        ["test", "--workspace", "--all-features", "--no-fail-fast", "--lib", "--bins", "--tests", "--"];
    counted(workshop.cargo(&arguments).envs(url).args(&workshop.filter))
}

/// `cargo test` sums up each test binary and never the whole: this adds the closing line.
fn counted(command: &mut Command) -> Outcome {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cargo test: {error}"))?;
    let mut total = Total::default();
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let line = line.map_err(|error| format!("cargo test: {error}"))?;
        println!("{line}");
        total.add(&line);
    }
    let status = child.wait().map_err(|error| format!("cargo test: {error}"))?;
    println!("{} passed, {} failed", total.passed, total.failed);
    if status.success() { Ok(()) } else { Err(format!("`cargo test` failed ({status})")) }
}

/// The sum over `test result: ok. 3 passed; 0 failed; …` lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Total {
    passed: u32,
    failed: u32,
}

impl Total {
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            match part.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_add_up() {
        let mut total = Total::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
            "test it::keys ... ok",
        ] {
            total.add(line);
        }
        assert_eq!(total, Total { passed: 15, failed: 2 });
    }
}
