//! `cargo xtask …`: everything that a contributor or CI runs, with nothing to install by hand.

use std::path::PathBuf;
use std::process::ExitCode;

mod architecture;
mod bans;
mod bench;
mod clients;
mod fuzz;
mod install;
mod links;
mod markdown;
mod postgres;
mod process;
mod promises;
mod rooms;
mod screenshots;
mod steps;
mod test;
mod torture;

use process::Outcome;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test                 install what is missing, then every check and every test
  test --only STEP     that step alone; `test --list` names the steps
  test -- FILTER…      hand FILTER… to the test runner (nextest's filters, where it is installed)
  architecture         do the crates keep to the rooms of ARCHITECTURE.md, and do the named tests exist?
  fuzz [TARGET]        look for input that breaks what fuzz/ says of it; --seconds N for each target (60)
  bench [ROW…]         build the release and measure it into bench/results: all rows, or these (bench/README.md)
  torture [NAME…]      build the release and break it in every way that production will; figures go to bench/results
  torture --list       the ways
  screenshots          pictures of every page and state, for the eyes of a designer
  links                does every relative link in the Markdown files lead somewhere?
  bans                 are the crates that we keep out really out?
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let outcome = match words.as_slice() {
        ["test", rest @ ..] => match test::Options::parse(rest) {
            Ok(options) => test::run(&root, &options),
            Err(complaint) => return misused(&complaint),
        },
        ["architecture"] => architecture::check(&root),
        ["bench", rows @ ..] => bench::run(&root, rows),
        ["torture", rest @ ..] => torture::run(&root, rest),
        ["fuzz", rest @ ..] => match fuzz::Options::parse(rest) {
            Ok(options) => fuzz::run(&root, &options),
            Err(complaint) => return misused(&complaint),
        },
        ["screenshots"] => screenshots::take(&root),
        ["links"] => links::check(&root),
        ["bans"] => bans::check(&root),
        ["help" | "--help" | "-h"] => say(USAGE),
        [] => return misused("which command?"),
        [other, ..] => {
            return misused(&format!("`{other}` is no command, or has arguments that it does not know"));
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder. The program is built where it runs, so its own place in the sources is the answer.
fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map_or_else(|| own.clone(), PathBuf::from)
}

/// Prints, in the shape of a command's outcome.
#[allow(clippy::unnecessary_wraps)] // the other commands can fail, and `main` treats all alike
fn say(text: &str) -> Outcome {
    println!("{text}");
    Ok(())
}

/// A wrong call: what was wrong, how it is called, exit code 2.
fn misused(complaint: &str) -> ExitCode {
    eprintln!("error: {complaint}\n\n{USAGE}");
    ExitCode::from(2)
}
