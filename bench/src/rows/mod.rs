//! What is measured, one file each.

mod assertion;
mod endurance;
mod footprint;
mod graphql;
mod large;
mod postgres;
mod token;

use crate::{
    Outcome,
    data::Acme,
    load::{Figures, Load},
    report::Row,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where the programs under measurement are, and how long to measure.
pub(crate) struct Bench {
    pub(crate) duku: PathBuf,
    pub(crate) floor: PathBuf,
    /// How many runs of each, in turns; the median counts.
    pub(crate) runs: usize,
    /// How long a run is.
    pub(crate) seconds: u64,
}

/// A measurement: its name and what does it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Bench) -> Outcome<Row>,
}

/// All of them, in the order in which they are shown.
pub(crate) const ROWS: [Kind; 7] = [
    Kind { name: "token", run: token::measure },
    Kind { name: "assertion", run: assertion::measure },
    Kind { name: "large", run: large::measure },
    Kind { name: "graphql", run: graphql::measure },
    Kind { name: "postgres", run: postgres::measure },
    Kind { name: "footprint", run: footprint::measure },
    Kind { name: "endurance", run: endurance::measure },
];

impl Bench {
    /// Runs the loads in turns, so that a machine that grows slower treats them alike.
    fn in_turns<const N: usize>(&self, loads: [Load<'_>; N]) -> Outcome<[Runs; N]> {
        let mut runs = [const { Runs(Vec::new()) }; N];
        // The first second of a server is not like the others: pages are touched, caches filled.
        for load in loads {
            Load { seconds: 1, ..load }.run()?;
        }
        for _ in 0..self.runs {
            for (load, runs) in loads.into_iter().zip(&mut runs) {
                runs.0.push(load.run()?);
            }
        }
        Ok(runs)
    }
}

/// The runs of one load.
#[derive(Debug)]
struct Runs(Vec<Figures>);

impl Runs {
    fn median(&self, figure: fn(&Figures) -> f64) -> f64 {
        median(self.0.iter().map(figure).collect())
    }

    fn per_second(&self) -> f64 {
        self.median(Figures::per_second)
    }

    fn p99_us(&self) -> f64 {
        self.median(|run| run.p99_us)
    }

    fn told(&self) -> Value {
        let told = |run: &Figures| {
            json!({
                "per_second": run.per_second().round(), "p50_us": run.p50_us, "p99_us": run.p99_us,
                "p999_us": run.p999_us, "max_us": run.max_us,
            })
        };
        self.0.iter().map(told).collect()
    }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn folder() -> Outcome<tempfile::TempDir> {
    // Not in memory: a data file on tmpfs would hide what the disk costs.
    tempfile::Builder::new().prefix("duku-bench-").tempdir_in("/var/tmp").map_err(|error| error.to_string())
}

fn path(path: &Path) -> Outcome<&str> {
    path.to_str().ok_or_else(|| format!("{}: not UTF-8", path.display()))
}

fn small(bench: &Bench, settings: &[(&str, &str)]) -> Outcome<(tempfile::TempDir, Acme)> {
    let folder = folder()?;
    let acme = Acme::make(&bench.duku, folder.path(), settings)?;
    Ok((folder, acme))
}
