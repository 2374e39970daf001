//! Ten minutes of exchanges at full load: what grows without end shows here.

use super::{Bench, path, small};
use crate::{
    Outcome,
    load::Load,
    report::{Figure, Row},
    served::{Served, TOKEN_PATH, Usage},
};
use serde_json::{Value, json};
use std::{path::Path, thread, time::Duration};

const SECONDS: u64 = 600;
const SAMPLE: Duration = Duration::from_secs(10);
/// Caches fill in the first minute.
const WARM: usize = 6;
/// SQLite copies its log into the file and begins it anew after a thousand pages of 4 KiB.
const LOG_MB: f64 = 4.3;

struct Sample {
    usage: Usage,
    database_bytes: u64,
    log_bytes: u64,
}

impl Sample {
    fn take(served: &Served, folder: &Path) -> Outcome<Self> {
        let bytes = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |found| found.len());
        Ok(Self { usage: served.usage()?, database_bytes: bytes("duku.db"), log_bytes: bytes("duku.db-wal") })
    }

    fn told(&self) -> Value {
        json!({
            "own_kib": self.usage.own_kib, "resident_kib": self.usage.resident_kib, "open_files": self.usage.open_files,
            "database_bytes": self.database_bytes, "log_bytes": self.log_bytes,
        })
    }
}

/// The last figure in parts of the one after the first minute.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn growth(samples: &[Sample], figure: fn(&Sample) -> u64) -> f64 {
    let of = |sample: Option<&Sample>| sample.map_or(f64::NAN, |sample| figure(sample) as f64);
    of(samples.last()) / of(samples.get(WARM))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn largest_log_mb(samples: &[Sample]) -> f64 {
    samples.iter().map(|sample| sample.log_bytes).max().unwrap_or(0) as f64 / 1e6
}

pub(super) fn measure(bench: &Bench) -> Outcome<Row> {
    let (folder, acme) = small(bench, &[])?;
    let duku = Served::duku(&bench.duku, folder.path(), 18_246, &[])?;
    let given = [("PAIRS", path(&acme.pairs)?)];
    let url = format!("{}{TOKEN_PATH}", duku.url);
    let load = Load { url: &url, script: "token.lua", given: &given, seconds: SECONDS };
    let (figures, samples) = thread::scope(|scope| {
        let running = scope.spawn(|| load.run());
        let mut samples = Vec::new();
        while !running.is_finished() {
            samples.push(Sample::take(&duku, folder.path())?);
            thread::sleep(SAMPLE);
        }
        let figures = running.join().map_err(|_| "the load panicked".to_owned())??;
        Ok::<_, String>((figures, samples))
    })?;
    Ok(Row {
        name: "endurance".to_owned(),
        figures: vec![
            Figure::at_most("p99.9 over ten minutes of full load", figures.p999_us / 1000.0, 20.0, " ms"),
            Figure::at_most(
                "memory after ten minutes, in parts of that after one",
                growth(&samples, |sample| sample.usage.own_kib),
                1.05,
                "",
            ),
            Figure::at_most(
                "database after ten minutes, in parts of that after one",
                growth(&samples, |sample| sample.database_bytes),
                1.05,
                "",
            ),
            Figure::at_most("the database's log, at its largest", largest_log_mb(&samples), LOG_MB, " MB"),
            Figure::at_most(
                "open files after ten minutes, in parts of those after one",
                growth(&samples, |sample| sample.usage.open_files as u64),
                1.0,
                "",
            ),
        ],
        runs: json!({
            "per_second": figures.per_second().round(), "p50_us": figures.p50_us, "p99_us": figures.p99_us,
            "max_us": figures.max_us, "samples": samples.iter().map(Sample::told).collect::<Vec<_>>(),
        }),
        measured: json!(null),
    })
}
