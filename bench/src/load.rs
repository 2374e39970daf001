//! The load: `wrk` on a core of its own, with a script of `lua/`.

use crate::{Outcome, served::CLIENT_CORE};
use serde::Deserialize;
use std::{path::Path, process::Command};

/// As the issue of all figures has it.
pub(crate) const CONNECTIONS: u32 = 32;

/// One run.
#[derive(Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) url: &'a str,
    /// A file of `lua/`.
    pub(crate) script: &'a str,
    /// What the script finds in its environment.
    pub(crate) given: &'a [(&'a str, &'a str)],
    pub(crate) seconds: u64,
}

/// What it came to. Times are microseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Figures {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
    /// Answers of another status than 2xx and 3xx.
    rejected: u64,
    /// Connections that failed, broke or were too slow.
    broken: u64,
}

impl Figures {
    pub(crate) fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
        let requests = self.requests as f64;
        requests / self.seconds
    }
}

impl Load<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// wrk is missing, or an answer was anything but good: a figure of rejections means nothing.
    pub(crate) fn run(&self) -> Outcome<Figures> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("lua");
        let core = CLIENT_CORE.to_string();
        let output = Command::new("taskset")
            .args(["-c", &core, "wrk", "-t1", &format!("-c{CONNECTIONS}"), &format!("-d{}s", self.seconds)])
            .args(["--timeout", "10s", "-s"])
            .arg(scripts.join(self.script))
            .arg(self.url)
            .env("REPORT", scripts.join("report.lua"))
            .envs(self.given.iter().copied())
            .output()
            .map_err(|error| format!("wrk: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find(|line| line.starts_with('{'));
        let line = line.ok_or_else(|| {
            format!("wrk said nothing of use:\n{said}{}", String::from_utf8_lossy(&output.stderr))
        })?;
        let figures: Figures = serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
        if figures.rejected + figures.broken > 0 || figures.requests == 0 {
            return Err(format!("{}: not every answer was good: {figures:?}", self.url));
        }
        Ok(figures)
    }
}
