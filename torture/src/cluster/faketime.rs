//! A clock that a scenario moves: Debian's `faketime` under one process, re-read at every look at the clock.

use super::node::Node;
use crate::outcome::{During, Outcome};
use std::path::PathBuf;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// The control of the clock.
#[derive(Debug, Clone)]
pub(crate) struct Clock(PathBuf);

impl Clock {
    /// A clock that goes right, in this folder.
    pub(crate) fn new(folder: &std::path::Path) -> Outcome<Self> {
        let clock = Self(folder.join("clock"));
        clock.set(0)?;
        Ok(clock)
    }

    /// So many seconds ahead of the time, or behind it.
    pub(crate) fn set(&self, seconds: i64) -> Outcome {
        // Renamed into place, so that nobody reads half of it.
        let next = self.0.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}s\n")).during(next.display())?;
        std::fs::rename(&next, &self.0).during(self.0.display())
    }

    /// The node lives by this clock from its next start on. How long things take is not changed: only what time it is.
    pub(crate) fn give_to(&self, node: &mut Node) -> Outcome {
        if !std::path::Path::new(LIBRARY).exists() {
            return Err(format!("{LIBRARY} is missing: install Debian's package `faketime`"));
        }
        node.set("LD_PRELOAD", LIBRARY);
        node.set("FAKETIME_TIMESTAMP_FILE", &self.0.display().to_string());
        node.set("FAKETIME_NO_CACHE", "1");
        node.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Ok(())
    }
}
