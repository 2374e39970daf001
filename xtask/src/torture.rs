//! `cargo xtask torture`: breaks what is shipped in every way that production will. Figures land in `bench/results`.

use std::path::Path;

use crate::install::{self, Need};
use crate::process::{self, Outcome, cargo, target};

/// The tests that do it; with these variables they take their time, break what is shipped and write down what they found.
const TESTS: &str = "faults::torture::";

/// Builds the product as it is shipped and runs the tests that break it.
pub(crate) fn run(root: &Path, names: &[String]) -> Outcome {
    install::ensure(root, [Need::Postgres, Need::PgBouncer, Need::Patroni, Need::Faketime].into_iter())?;
    process::run(&mut cargo(root, &["build", "--profile", "dist", "--package", "duku"]))?;
    let mut tests = cargo(root, &["test", "--release", "--package", "duku", "--test", "it", "--"]);
    tests.args(["--test-threads=1", "--nocapture"]).args(names.iter().map(|name| format!("{TESTS}{name}")));
    tests.args(names.is_empty().then_some(TESTS));
    tests.env("DUKU_TORTURE_BINARY", target(root).join("dist/duku"));
    tests.env("DUKU_TORTURE_RESULTS", root.join("bench/results/torture.json"));
    process::run(&mut tests)
}
