//! `cargo xtask torture`: breaks the release in every way that production will. Figures land in `bench/results`.

use std::path::Path;

use crate::install::{self, Need};
use crate::process::{self, Outcome};
use crate::steps::Workshop;

/// Builds the product and its tormentor as they are released, and lets them at each other.
pub(crate) fn run(root: &Path, words: &[&str]) -> Outcome {
    let workshop = Workshop::new(root, &[]);
    if words.contains(&"--list") {
        return process::run(&mut workshop.cargo(&[
            "run",
            "--quiet",
            "--package",
            "torture",
            "--",
            "--list",
        ]));
    }
    install::ensure([Need::Postgres, Need::PgBouncer, Need::Patroni, Need::Faketime].into_iter())?;
    process::run(&mut workshop.cargo(&["build", "--release", "--package", "duku"]))?;
    process::run(&mut workshop.cargo(&["build", "--release", "--package", "torture"]))?;
    let mut torture = std::process::Command::new(workshop.output("release/torture"));
    torture.current_dir(root).arg(workshop.output("release/duku")).arg(root.join("bench/results"));
    process::run(torture.args(words))
}
