//! Measured claims. Times depend on the machine, so nothing here is a test: figures land in `bench/results`.

use std::path::Path;
use std::process::Command;

use crate::install::{self, Need};
use crate::postgres::Cluster;
use crate::process::{self, Outcome, cargo, target};

/// The row that a test measures; without the variables that test does nothing. Every other row is the bench's own.
const PAGES: &str = "pages";
const PAGES_TEST: &str = "pages::times::every_page";
/// The row that needs a PostgreSQL.
const POSTGRES: &str = "postgres";
/// The core of the load; the database works there too, so that a node has its own.
const LOAD_CORE: &str = "1";

/// Builds the product as it is shipped and measures these rows of it, or all.
pub(crate) fn run(root: &Path, rows: &[String]) -> Outcome {
    let wanted = |row: &str| rows.is_empty() || rows.iter().any(|wanted| wanted == row);
    let mut needs = vec![Need::Wrk, Need::Taskset];
    needs.extend(wanted(POSTGRES).then_some(Need::Postgres));
    install::ensure(root, needs.into_iter())?;
    let results = root.join("bench/results");
    let duku = target(root).join("dist/duku");
    process::run(&mut cargo(root, &["build", "--profile", "dist", "--package", "duku"]))?;
    process::run(&mut cargo(root, &["build", "--release", "--package", "bench"]))?;
    if wanted(PAGES) {
        let test = ["test", "--package", "duku", "--test", "it", "--", "--exact", PAGES_TEST, "--nocapture"];
        let mut test = cargo(root, &test);
        test.env("DUKU_BENCH_BINARY", &duku).env("DUKU_BENCH_RESULTS", results.join("pages.json"));
        process::run(&mut test)?;
    }
    let others: Vec<&String> = rows.iter().filter(|row| *row != PAGES).collect();
    if rows.is_empty() || !others.is_empty() {
        let cluster = if wanted(POSTGRES) { Some(pinned_cluster()?) } else { None };
        let mut bench = Command::new(target(root).join("release/bench"));
        bench.arg(&duku).arg(&results).args(others);
        if let Some(cluster) = &cluster {
            bench.env("DUKU_BENCH_POSTGRES_URL", cluster.url());
            bench.env("DUKU_BENCH_POSTGRES_PROCESS", cluster.process_id().to_string());
        }
        process::run(&mut bench)?;
    }
    println!("figures: {}", results.display());
    Ok(())
}

/// Every process that the server starts for a connection stays where the first one is.
fn pinned_cluster() -> Outcome<Cluster> {
    let cluster = Cluster::start()?;
    process::read(Command::new("taskset").args(["-c", "-p", LOAD_CORE, &cluster.process_id().to_string()]))?;
    Ok(cluster)
}
