//! How the demo shows what it does: in short, a line of result for each command, or with everything that was sent and answered.

use super::DemoData;
use crate::{cli::output, command_error::CommandError};
use reqwest::StatusCode;
use serde_json::Value;
use std::io::{IsTerminal, stdout};

/// A command in the short form.
pub(super) struct Brief<'a> {
    /// What follows `duku`, with the variables of the demo's file; none if it is what was run.
    pub(super) command: Option<&'a str>,
    /// What its answer comes to.
    pub(super) result: &'a dyn Fn(&Value) -> Result<String, CommandError>,
}

impl<'a> Brief<'a> {
    pub(super) fn of_same_words(result: &'a dyn Fn(&Value) -> Result<String, CommandError>) -> Self {
        Self { command: None, result }
    }
}

/// How a line of the short form begins, below the number of its step.
const INDENT: &str = "   ";

impl DemoData {
    /// What comes next; none in the short form if it shows nothing of it.
    pub(super) fn title(&self, short: Option<&str>, full: &str) -> Result<(), CommandError> {
        let styled = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let bold = |text: &str| if styled { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
        match (self.verbose, short) {
            (true, _) if styled => Ok(output::line(&format!("\n{}", bold(full)))?),
            (true, _) => Ok(output::line(&format!("\n# {full}"))?),
            (false, Some(short)) => Ok(output::line(&bold(short))?),
            (false, None) => Ok(()),
        }
    }

    /// A command; in the short form nothing if it is empty.
    pub(super) fn command(&self, short: &str, full: &str) -> Result<(), CommandError> {
        match short {
            _ if self.verbose => self.full(full),
            "" => Ok(()),
            short => Ok(output::line(&format!("{INDENT}{short}"))?),
        }
    }

    /// A command that the short form leaves out.
    pub(super) fn full(&self, command: &str) -> Result<(), CommandError> {
        if self.verbose {
            output::line(&format!("  {command}"))?;
        }
        Ok(())
    }

    /// A whole answer, which the short form leaves out.
    pub(super) fn answer(&self, answer: &Value) -> Result<(), CommandError> {
        if self.verbose {
            let lines: Vec<_> = format!("{answer:#}").lines().map(|line| format!("    {line}")).collect();
            output::line(&lines.join("\n"))?;
        }
        Ok(())
    }

    /// The one line that the short form shows of an answer.
    pub(super) fn result(&self, text: &str) -> Result<(), CommandError> {
        if !self.verbose {
            output::line(&format!("{INDENT}→ {text}"))?;
        }
        Ok(())
    }
}

/// How much of a secret is shown in the short form.
const SHOWN: usize = 12;

/// The beginning of a secret or token.
pub(super) fn beginning(secret: &str) -> String {
    format!("{}…", secret.chars().take(SHOWN).collect::<String>())
}

/// The answer to an exchange in one line.
pub(super) fn exchange(status: StatusCode, answer: &Value) -> String {
    let member = |name: &str| answer.get(name).unwrap_or(&Value::Null);
    if let Some(token) = member("access_token").as_str() {
        let (lifetime, kind) = (member("expires_in"), member("token_type"));
        let token = beginning(token);
        return format!(r#"{{"access_token":"{token}","expires_in":{lifetime},"token_type":{kind}, …}}"#);
    }
    // What the first sentence says is what happened; what to do about it follows.
    let said = member("error_description").as_str().unwrap_or_default();
    let said = said.split_once(". ").map_or(said, |(first, _)| first);
    format!("{} {said}", status.as_u16())
}

/// The answer to a query in one line.
pub(super) fn rejection(status: StatusCode, answer: &Value) -> String {
    let code = answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_default();
    let message = answer.pointer("/errors/0/message").and_then(Value::as_str).unwrap_or_default();
    format!("{} {code}: {message}", status.as_u16())
}

/// The same answer with its token cut: whole, it stands in the command that uses it.
pub(super) fn shortened(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(Value::String(token)) = answer.get_mut("access_token") {
        *token = format!("{}...", token.chars().take(20).collect::<String>());
    }
    answer
}
