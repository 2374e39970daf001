//! The command line: its output, its errors, `duku login`.

mod command_line;
mod demo;
mod help;
mod login;
mod next;
mod operations;
mod secretless;
