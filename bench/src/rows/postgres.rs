//! The token endpoint on PostgreSQL beside the one on SQLite: the node on one core, the database (and the load) on the other.

use super::{Bench, path, small};
use crate::{
    Outcome,
    load::Load,
    report::{Figure, Row},
    served::{Served, TOKEN_PATH, processor_seconds},
};
use serde_json::json;

/// An empty database of a server on the load's core, and that server's first process; `cargo xtask bench` starts one.
const URL: &str = "DUKU_BENCH_POSTGRES_URL";
const PROCESS: &str = "DUKU_BENCH_POSTGRES_PROCESS";
/// How long the costs are measured for, in seconds.
const SECONDS: u64 = 10;

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let url = std::env::var(URL).map_err(|_| format!("{URL} must name an empty database"))?;
    let settings = [("DUKU_DATABASE_URL", url.as_str())];
    let (sqlite_folder, sqlite_acme) = small(bench, &[])?;
    let (postgres_folder, postgres_acme) = small(bench, &settings)?;
    let sqlite = Served::duku(&bench.duku, sqlite_folder.path(), 18_240, &[])?;
    let postgres = Served::duku(&bench.duku, postgres_folder.path(), 18_241, &settings)?;
    let (sqlite_url, postgres_url) =
        (format!("{}{TOKEN_PATH}", sqlite.url), format!("{}{TOKEN_PATH}", postgres.url));
    let sqlite_given = [("PAIRS", path(&sqlite_acme.pairs)?)];
    let postgres_given = [("PAIRS", path(&postgres_acme.pairs)?)];
    let load = |url, given| Load { url, script: "token.lua", given, seconds: bench.seconds };
    let [on_sqlite, on_postgres] =
        bench.in_turns([load(&sqlite_url, &sqlite_given), load(&postgres_url, &postgres_given)])?;
    let (node_us, database_us) = costs(&postgres, load(&postgres_url, &postgres_given))?;
    let part = on_postgres.per_second() / on_sqlite.per_second();
    Ok(Row {
        name: "postgres".to_owned(),
        figures: vec![Figure::at_least("exchanges a second, in parts of those on SQLite", part, 0.7, "")],
        runs: json!({
            "sqlite": on_sqlite.told(), "postgres": on_postgres.told(), "node_us": node_us, "database_us": database_us,
        }),
        measured: json!(null),
    })
}

/// The processor time that an exchange costs the node and the database, in microseconds.
fn costs(node: &Served, load: Load<'_>) -> Outcome<(f64, f64)> {
    let process = std::env::var(PROCESS).ok().and_then(|process| process.parse().ok());
    let process = process.ok_or_else(|| format!("{PROCESS} must be the database server's first process"))?;
    let before = (node.usage()?.processor_seconds, family_seconds(process)?);
    let figures = Load { seconds: SECONDS, ..load }.run()?;
    let after = (node.usage()?.processor_seconds, family_seconds(process)?);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = 1e6 / figures.requests as f64;
    Ok(((after.0 - before.0) * each, (after.1 - before.1) * each))
}

/// The processor time of a process and its living children, in seconds.
fn family_seconds(parent: u32) -> Outcome<f64> {
    let mut seconds = processor_seconds(parent).ok_or_else(|| format!("there is no process {parent}"))?.1;
    let processes = std::fs::read_dir("/proc").map_err(|error| error.to_string())?;
    for entry in processes.filter_map(Result::ok) {
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some((its_parent, its_seconds)) = id.and_then(processor_seconds)
            && its_parent == parent
        {
            seconds += its_seconds;
        }
    }
    Ok(seconds)
}
