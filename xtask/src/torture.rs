//! `cargo xtask torture`: breaks what is shipped in every way that production will. Figures land in `bench/results`.

use std::path::Path;
use std::process::Command;

use crate::install::{self, Need};
use crate::process::{self, Outcome, cargo, target};

/// Builds the product as it is shipped and the program that breaks it.
pub(crate) fn run(root: &Path, names: &[String], list: bool, short: bool) -> Outcome {
    if !list {
        install::ensure(root, [Need::Postgres, Need::PgBouncer, Need::Patroni, Need::Faketime].into_iter())?;
        process::run(&mut cargo(root, &["build", "--profile", "dist", "--package", "duku"]))?;
    }
    process::run(&mut cargo(root, &["build", "--release", "--package", "torture"]))?;
    let mut torture = Command::new(target(root).join("release/torture"));
    torture.current_dir(root).arg(target(root).join("dist/duku")).arg(root.join("bench/results")).args(names);
    torture.args(list.then_some("--list")).args(short.then_some("--short"));
    process::run(&mut torture)
}
