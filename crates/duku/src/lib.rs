//! The composition root: configuration, the `duku` command line, start and stop.
//!
//! The only crate that knows every other, and the only one with an ambient clock.

pub mod app;
pub mod cli;
pub mod command_error;
pub mod health;
mod issuer_fetcher;
pub mod jobs;
pub mod mail;
pub mod master_key;
pub mod server;
pub mod settings;
pub mod system_clock;
pub mod telemetry;
pub mod witness;
