//! What commands print: tables for eyes, JSON for scripts.

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use std::{
    fmt,
    io::{IsTerminal, Write, stderr, stdout},
};

/// Whether to print JSON.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Print JSON, for scripts
    #[arg(long)]
    pub(crate) json: bool,
}

impl Format {
    /// What has no other form.
    pub(crate) const TEXT: Self = Self { json: false };

    /// Prints what became of a command: the value for scripts, or the line.
    pub(crate) fn show(self, value: &Value, text: &str) -> std::io::Result<()> {
        if self.json { json(value) } else { line(text) }
    }
}

/// Tells whoever watches a terminal what takes a while.
pub(crate) fn progress(what: &str) {
    if stderr().is_terminal() {
        aside(what);
    }
}

/// Whether a person sees everything that is printed.
pub(crate) fn is_watched() -> bool {
    stdout().is_terminal() && stderr().is_terminal()
}

/// Prints one JSON value, indented on a terminal.
pub(crate) fn json(value: &Value) -> std::io::Result<()> {
    line(&json_text(value))
}

/// One JSON value, indented if it goes to a terminal.
pub(crate) fn json_text(value: &Value) -> String {
    let text = if stdout().is_terminal() { format!("{value:#}") } else { value.to_string() };
    // What JSON does not ask to be escaped and a terminal obeys stands inside strings alone.
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_obeyed(c) {
            let _ = fmt::Write::write_fmt(&mut escaped, format_args!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether a terminal, or a log's viewer, does something with a character beyond showing it: a control character, or one that
/// changes the direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of a server as one line that a terminal shows and does not obey.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' => Some(' '),
            c => Some(c).filter(|c| !is_obeyed(*c)),
        })
        .collect()
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
    let _ = writeln!(stderr(), "duku: {}", printable(&message.to_string()));
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
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    line(&text.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_terminal_obeys_nothing_that_a_server_says() {
        let said = "no\u{1b}]0;owned\u{7}\u{1b}[2J\n::set-output name=a::b\r\u{202e}evil\u{9b}31m Zoë";
        assert_eq!(printable(said), "no]0;owned[2J ::set-output name=a::b evil31m Zoë");
        let text = json_text(&json!({ "a\u{2066}": said }));
        assert!(!text.chars().any(|c| c != '\n' && is_obeyed(c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({ "a\u{2066}": said }));
    }
}
