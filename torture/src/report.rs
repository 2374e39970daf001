//! What a run found: figures for people and for programs.

use serde_json::{Value, json};
use std::{fmt::Write, time::Duration};

/// Named numbers of one scenario.
#[derive(Debug, Clone, Default)]
pub struct Figures(Vec<(String, Value)>);

impl Figures {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// All figures of a part of the scenario, each with the part's name before it.
    pub(crate) fn within(mut self, part: &str, figures: Self) -> Self {
        self.0.extend(figures.0.into_iter().map(|(name, value)| (format!("{part}: {name}"), value)));
        self
    }

    /// Each with its name.
    pub fn named(&self) -> &[(String, Value)] {
        &self.0
    }

    /// One line a figure.
    pub fn lines(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "  {name}: {value}");
            text
        })
    }
}

/// A number with one digit after the point.
pub(crate) fn tenths(value: f64) -> Value {
    json!((value * 10.0).round() / 10.0)
}

/// Milliseconds with one digit after the point.
pub(crate) fn ms(duration: Duration) -> Value {
    tenths(duration.as_secs_f64() * 1000.0)
}
