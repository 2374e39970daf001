//! What was measured, kept as JSON, from which the Markdown table is made.

use crate::{Outcome, machine};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt::Write as _, fs, path::Path};

/// Which way a figure must lie of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Must {
    AtLeast,
    AtMost,
}

/// One figure and its limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    pub(crate) must: Must,
    pub(crate) limit: f64,
}

impl Figure {
    pub(crate) fn at_least(what: &str, value: f64, limit: f64, unit: &str) -> Self {
        Self { what: what.to_owned(), value, unit: unit.to_owned(), must: Must::AtLeast, limit }
    }

    pub(crate) fn at_most(what: &str, value: f64, limit: f64, unit: &str) -> Self {
        Self { what: what.to_owned(), value, unit: unit.to_owned(), must: Must::AtMost, limit }
    }

    pub(crate) fn is_met(&self) -> bool {
        match self.must {
            Must::AtLeast => self.value >= self.limit,
            Must::AtMost => self.value <= self.limit,
        }
    }
}

/// What one measurement came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) figures: Vec<Figure>,
    /// Every run, for whoever wants to know more.
    pub(crate) runs: Value,
    /// When and on what, filled in as it is kept.
    #[serde(default)]
    pub(crate) measured: Value,
}

/// Adds the row to what is kept, in the place of an older one, and makes the table anew.
pub(crate) fn keep(results: &Path, mut row: Row, order: &[&str]) -> Outcome {
    row.measured = machine::describe();
    let file = results.join("speed.json");
    let mut rows: Vec<Row> = match fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?,
        Err(_) => Vec::new(),
    };
    rows.retain(|kept| kept.name != row.name && order.contains(&kept.name.as_str()));
    rows.push(row);
    rows.sort_by_key(|row| order.iter().position(|name| *name == row.name));
    let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
    let write = |name: &str, text: String| {
        let file = results.join(name);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    };
    write("speed.json", text + "\n")?;
    write("speed.md", table(&rows))
}

fn table(rows: &[Row]) -> String {
    let mut text =
        "# Speed\n\nMade by `cargo xtask bench` from [speed.json](speed.json), which holds every run.\n\n\
        | row | figure | measured | must be | |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    for row in rows {
        for figure in &row.figures {
            let Figure { what, value, unit, must, limit } = figure;
            let must = if *must == Must::AtLeast { "at least" } else { "at most" };
            let met = if figure.is_met() { "met" } else { "**missed**" };
            let (value, limit) = (shown(*value), shown(*limit));
            let _ =
                writeln!(text, "| {} | {what} | {value}{unit} | {must} {limit}{unit} | {met} |", row.name);
        }
    }
    text.push_str("\n| row | measured on | at commit | when |\n| --- | --- | --- | --- |\n");
    for row in rows {
        let told = |name: &str| row.measured[name].as_str().unwrap_or("?").to_owned();
        let _ =
            writeln!(text, "| {} | {} | {} | {} |", row.name, told("machine"), told("commit"), told("at"));
    }
    text
}

/// Three digits that count, and no more.
pub(crate) fn shown(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}
