//! The `duku` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    duku::cli::run()
}
