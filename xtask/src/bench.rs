//! Measured claims. Times depend on the machine, so nothing here is a test: figures land in `bench/results`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::install::{self, Need};
use crate::postgres::Cluster;
use crate::process::{self, Outcome};
use crate::steps::Workshop;

/// The row that a test measures; without the variables that test does nothing. Every other row is the bench's own.
const PAGES: &str = "pages";
const PAGES_TEST: &str = "page_times::every_page";
/// The row that needs a PostgreSQL.
const POSTGRES: &str = "postgres";
/// The core of the load; the database works there too, so that a node has its own.
const LOAD_CORE: &str = "1";

/// Builds the product as it is released and measures these rows of it, or all.
pub(crate) fn run(root: &Path, rows: &[&str]) -> Outcome {
    let wanted = |row: &str| rows.is_empty() || rows.contains(&row);
    let mut needs = vec![Need::Wrk, Need::Taskset];
    if wanted(POSTGRES) {
        needs.push(Need::Postgres);
    }
    install::ensure(needs.into_iter())?;
    let workshop = Workshop::new(root, &[]);
    let results = root.join("bench/results");
    fs::create_dir_all(&results).map_err(|error| format!("{}: {error}", results.display()))?;
    process::run(&mut workshop.cargo(&["build", "--release", "--package", "duku"]))?;
    process::run(&mut workshop.cargo(&["build", "--release", "--package", "bench"]))?;
    if wanted(PAGES) {
        pages(&workshop, &results)?;
    }
    let others: Vec<&&str> = rows.iter().filter(|row| **row != PAGES).collect();
    if rows.is_empty() || !others.is_empty() {
        let cluster = if wanted(POSTGRES) { Some(pinned_cluster()?) } else { None };
        let mut bench = Command::new(workshop.output("release/bench"));
        bench.arg(workshop.output("release/duku")).arg(&results).args(others);
        if let Some(cluster) = &cluster {
            bench.env("DUKU_BENCH_POSTGRES_URL", cluster.url());
            bench.env("DUKU_BENCH_POSTGRES_PROCESS", cluster.process_id().to_string());
        }
        process::run(&mut bench)?;
    }
    println!("figures: {}", results.display());
    Ok(())
}

fn pages(workshop: &Workshop, results: &Path) -> Outcome {
    let arguments = ["test", "--package", "duku", "--test", "it", "--", "--exact", PAGES_TEST, "--nocapture"];
    process::run(
        workshop
            .cargo(&arguments)
            .env("DUKU_BENCH_BINARY", workshop.output("release/duku"))
            .env("DUKU_BENCH_RESULTS", results.join("pages.json")),
    )
}

/// Every process that the server starts for a connection stays where the first one is.
fn pinned_cluster() -> Outcome<Cluster> {
    let cluster = Cluster::start()?;
    process::read(Command::new("taskset").args(["-c", "-p", LOAD_CORE, &cluster.process_id().to_string()]))?;
    Ok(cluster)
}
