//! Measures the released binary against its floors and its limits. `cargo xtask bench` builds what is needed and calls this.

#![expect(clippy::indexing_slicing, reason = "a member of a JSON value that is not there is null")]

mod data;
mod load;
mod machine;
mod report;
mod rows;
mod served;

use rows::{Bench, ROWS};
use std::{path::PathBuf, process::ExitCode};

/// A result, or the reason why there is none, in words for whoever measures.
type Outcome<T = ()> = Result<T, String>;

const USAGE: &str =
    "usage: bench DUKU RESULTS [ROW…]   (DUKU: the released binary, RESULTS: the folder for figures)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome {
    let [duku, results, wanted @ ..] = arguments else { return Err(USAGE.to_owned()) };
    let order: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !order.contains(&name.as_str())) {
        return Err(format!("there is no row `{unknown}`; there are {}", order.join(", ")));
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let bench = Bench { duku: duku.into(), floor: own.with_file_name("floor"), runs: 5, seconds: 5 };
    let results = PathBuf::from(results);
    for row in ROWS.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| name == row.name)) {
        println!("── {}", row.name);
        let measured = (row.run)(&bench)?;
        for figure in &measured.figures {
            let met = if figure.is_met() { "met" } else { "missed" };
            println!("   {}: {}{} ({met})", figure.what, report::shown(figure.value), figure.unit);
        }
        report::keep(&results, measured, &order)?;
    }
    Ok(())
}
