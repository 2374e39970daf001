//! The ways to break it.

mod strictness;

use crate::{Bench, Outcome, report::Figures};
use std::pin::Pin;

/// One way.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// The promise that it tries to break.
    pub promise: &'static str,
    /// What it does.
    pub run: for<'a> fn(&'a Bench) -> Pin<Box<dyn Future<Output = Outcome<Figures>> + Send + 'a>>,
}

macro_rules! scenarios {
    ($($name:literal $promise:literal $run:path;)*) => {
        &[$(Scenario { name: $name, promise: $promise, run: |bench| Box::pin($run(bench)) }),*]
    };
}

/// All of them.
pub const SCENARIOS: &[Scenario] = scenarios! {
    "strictness" "Once a rotation, a revocation or an end of tokens has been answered by any node, no node accepts what it ended; what was acknowledged works; ten keys and never more." strictness::run;
};
