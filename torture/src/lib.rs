//! Breaking Duku in every way that production will, and showing that nothing is lost, nothing stale is accepted and it
//! comes back by itself.
//!
//! A scenario starts nodes as processes of their own, torments them, and ends with figures or with the history that shows a
//! broken promise. `cargo xtask torture` runs them in full; `crates/duku/tests/it/faults/torture.rs` runs a short version of each.

mod checker;
mod cluster;
mod history;
mod http;
mod http2;
mod load;
mod measure;
mod outcome;
mod probe;
mod process;
mod recording_client;
mod report;
mod scenarios;

pub use cluster::Engine;
pub use outcome::Outcome;
pub use report::Figures;
pub use scenarios::{Found, SCENARIOS, Scenario};

use std::path::PathBuf;

/// What a scenario works with.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The product.
    pub binary: PathBuf,
    /// How much of it.
    pub scale: Scale,
}

/// How long a scenario may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As long as the record needs.
    Full,
    /// A few seconds, for `cargo xtask test`.
    Short,
}

impl Bench {
    /// One of two amounts, by the scale.
    pub(crate) fn amount<T>(&self, full: T, short: T) -> T {
        match self.scale {
            Scale::Full => full,
            Scale::Short => short,
        }
    }
}
