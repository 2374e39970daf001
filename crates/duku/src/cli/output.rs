//! What commands print: tables for eyes, JSON for scripts.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use std::io::{IsTerminal, Write, stderr, stdout};

/// Whether to print JSON.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Print JSON, for scripts
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints one JSON value, indented on a terminal.
pub(crate) fn json(value: &Value) -> std::io::Result<()> {
    line(&json_text(value))
}

/// One JSON value, indented if it goes to a terminal.
pub(crate) fn json_text(value: &Value) -> String {
    if stdout().is_terminal() { format!("{value:#}") } else { value.to_string() }
}

/// Prints one line. A reader that has gone away, like `head`, is not an error.
pub(crate) fn line(text: &str) -> std::io::Result<()> {
    match writeln!(stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints what is shown only once: here a reader that has gone away is an error too.
pub(crate) fn once(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints one line for whoever reads standard error.
pub(crate) fn error_line(message: &dyn std::fmt::Display) {
    let _ = writeln!(stderr(), "duku: {message}");
}

/// Prints what goes with an answer but is no part of it: a script that takes standard output does not get it.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// Prints a table; without rows, the sentence that says so.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>, if_empty: &str) -> std::io::Result<()> {
    if rows.is_empty() {
        return line(if_empty);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.to_vec());
    for row in rows {
        table.add_row(row);
    }
    let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    line(&text.join("\n"))
}
