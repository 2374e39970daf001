//! `cargo xtask …`: what a contributor or CI runs, with nothing to install by hand.

use std::path::Path;
use std::process::ExitCode;

mod bench;
mod clients;
mod documents;
mod fuzz;
mod install;
mod postgres;
mod process;
mod screenshots;
mod test;
mod torture;

use clap::Parser;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Everything that a contributor or CI runs")]
enum Command {
    /// Install what is missing, then run every check and every test
    Test(test::Options),
    /// Build the binary as it is shipped and measure it into bench/results: all rows, or these (bench/README.md)
    Bench { rows: Vec<String> },
    /// Build the binary as it is shipped and break it in every way that production will, into bench/results: all tests of
    /// crates/duku/tests/it/faults/torture.rs, or those whose names begin so
    Torture { names: Vec<String> },
    /// Look for input that breaks what fuzz/ says of it
    Fuzz(fuzz::Options),
    /// Take pictures of every page and state
    Screenshots,
    /// Check the links of the Markdown files, and that each test that a document names exists
    Documents,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."));
    let outcome = match Command::parse() {
        Command::Test(options) => test::run(root, &options),
        Command::Bench { rows } => bench::run(root, &rows),
        Command::Torture { names } => torture::run(root, &names),
        Command::Fuzz(options) => fuzz::run(root, &options),
        Command::Screenshots => screenshots::take(root),
        Command::Documents => documents::check(root),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
