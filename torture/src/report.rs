//! What a run found: figures for people and for programs.

use crate::outcome::{During, Outcome};
use serde_json::{Map, Value, json};
use std::{fmt::Write, path::Path};

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

/// How one scenario ended.
#[derive(Debug)]
pub struct Report<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it tries to break.
    pub promise: &'a str,
    /// What it found, or what is broken.
    pub found: Result<&'a Figures, &'a str>,
    /// How long it took.
    pub seconds: f64,
    /// The machine, the day and the commit.
    pub circumstances: Value,
}

impl Report<'_> {
    fn value(&self) -> Value {
        let (verdict, figures) = match self.found {
            Ok(figures) => ("held", figures.0.iter().map(|(name, value)| json!([name, value])).collect()),
            Err(why) => ("BROKEN", vec![json!(["why", why])]),
        };
        json!({
            "promise": self.promise,
            "verdict": verdict,
            "figures": Value::Array(figures),
            "seconds": tenths(self.seconds),
            "circumstances": self.circumstances,
        })
    }

    /// Puts the scenario's entry into the record, in place of the one before.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn record(&self, folder: &Path) -> Outcome {
        std::fs::create_dir_all(folder).during(folder.display())?;
        let file = folder.join("torture.json");
        let before = std::fs::read_to_string(&file).unwrap_or_default();
        let mut all: Map<String, Value> = serde_json::from_str(&before).unwrap_or_default();
        all.insert(self.name.to_owned(), self.value());
        let text = serde_json::to_string_pretty(&all).during("writing figures")?;
        std::fs::write(&file, text + "\n").during(file.display())?;
        let page = folder.join("torture.md");
        std::fs::write(&page, markdown(&all)).during(page.display())
    }
}

/// The record as a page.
fn markdown(all: &Map<String, Value>) -> String {
    let mut page =
        "# Torture\n\nWritten by `cargo xtask torture`; each scenario says where and when it was run.\n"
            .to_owned();
    for (name, entry) in all {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let about = |key: &str| {
            let value = entry.pointer(&format!("/circumstances/{key}"));
            value.and_then(Value::as_str).unwrap_or("?").to_owned()
        };
        let _ = write!(
            page,
            "\n## {name}: {}\n\n{}\n\n{}, {}, commit {}, {} s\n\n| figure | |\n| --- | --- |\n",
            text("verdict"),
            text("promise"),
            about("machine"),
            about("date"),
            about("commit"),
            entry.get("seconds").unwrap_or(&Value::Null)
        );
        for figure in entry.get("figures").and_then(Value::as_array).into_iter().flatten() {
            let cell = |place: usize| match figure.get(place) {
                Some(Value::String(text)) => text.replace('|', "\\|").replace('\n', "<br>"),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            let _ = writeln!(page, "| {} | {} |", cell(0), cell(1));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_replaces_the_one_before_and_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let figures = Figures::new().with("kills", 200).with("lost", 0);
        let report = |name, found| Report {
            name,
            promise: "Nothing is lost.",
            found,
            seconds: 1.23,
            circumstances: json!({ "machine": "here", "date": "today", "commit": "abc" }),
        };
        report("kill", Err("one | was lost")).record(folder.path()).unwrap();
        report("other", Ok(&figures)).record(folder.path()).unwrap();
        report("kill", Ok(&figures)).record(folder.path()).unwrap();
        let page = std::fs::read_to_string(folder.path().join("torture.md")).unwrap();
        assert!(page.contains("## kill: held") && page.contains("| kills | 200 |"), "{page}");
        assert!(page.contains("## other: held") && !page.contains("BROKEN"), "{page}");
        report("kill", Err("one | was lost")).record(folder.path()).unwrap();
        let page = std::fs::read_to_string(folder.path().join("torture.md")).unwrap();
        assert!(page.contains("## kill: BROKEN") && page.contains("one \\| was lost"), "{page}");
    }
}
