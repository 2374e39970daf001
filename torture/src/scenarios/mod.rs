//! The ways to break it.

mod failover;
mod kills;
mod outages;
mod overload;
mod stopping;
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
    "kill-sqlite" "What was acknowledged survives kill -9, on SQLite; what was not is there whole or not at all." kills::sqlite;
    "kill-postgres" "What was acknowledged survives kill -9, on PostgreSQL; what was not is there whole or not at all." kills::postgres;
    "outages" "When PostgreSQL is restarted, crashes or cuts its connections, nodes answer 503, say why, and work again within seconds, without having lost or wrongly accepted anything." outages::run;
    "failover" "When the primary of PostgreSQL is killed, a synchronous standby takes over and nothing acknowledged is lost; meanwhile nodes are closed, and they open by themselves." failover::run;
    "sigterm" "A node that is told to stop cuts no request." stopping::sigterm;
    "rolling" "Three nodes are replaced one after the other without a failed request." stopping::rolling;
    "overload" "Of five times the requests that the processor can do, those beyond get 503 and Retry-After; the others wait no longer than they may, and afterwards all is as before." overload::processor;
    "overload-database" "The same where the database is what everyone waits for." overload::database;
};
