//! The command line: its output, its errors, `duku login`.

mod command_line;
mod login;
mod operations;
