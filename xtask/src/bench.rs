//! Measured claims. Times depend on the machine, so nothing here is a test: figures land in `bench/results`.

use std::fs;
use std::path::Path;

use crate::process::{self, Outcome};
use crate::steps::Workshop;

/// The test that measures; without the variables it does nothing.
const PAGES: &str = "page_times::every_page";

/// Builds the product as it is released and measures it.
pub(crate) fn run(root: &Path) -> Outcome {
    let workshop = Workshop::new(root, &[]);
    let results = root.join("bench/results");
    fs::create_dir_all(&results).map_err(|error| format!("{}: {error}", results.display()))?;
    process::run(&mut workshop.cargo(&["build", "--release", "--package", "duku"]))?;
    let arguments = ["test", "--package", "duku", "--test", "it", "--", "--exact", PAGES, "--nocapture"];
    let file = results.join("pages.json");
    process::run(
        workshop
            .cargo(&arguments)
            .env("DUKU_BENCH_BINARY", workshop.output("release/duku"))
            .env("DUKU_BENCH_RESULTS", &file),
    )?;
    println!("figures: {}", file.display());
    Ok(())
}
