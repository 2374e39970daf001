//! The ways to break it.

mod bulkheads;
mod clocks;
mod connections;
mod database;
mod memory;
mod overload;
mod power_cut;
mod stopping;
mod strictness;
mod workloads;

use crate::{Bench, Outcome, report::Figures};
use std::pin::Pin;

/// One way.
pub struct Scenario {
    /// Its name in the record.
    pub name: &'static str,
    /// The promise that it tries to break.
    pub promise: &'static str,
    /// What it does.
    pub run: for<'a> fn(&'a Bench) -> Found<'a>,
}

/// Figures, or the history that shows a broken promise.
pub type Found<'a> = Pin<Box<dyn Future<Output = Outcome<Figures>> + Send + 'a>>;

macro_rules! scenarios {
    ($($name:literal $promise:literal $run:path;)*) => {
        &[$(Scenario { name: $name, promise: $promise, run: |bench| Box::pin($run(bench)) }),*]
    };
}

/// All of them.
pub const SCENARIOS: &[Scenario] = scenarios! {
    "strictness" "Once a rotation, a revocation or an end of tokens has been answered by any node, no node accepts what it ended; what was acknowledged works." strictness::direct;
    "workloads" "Once a change of what a key accepts, or its revocation, has been answered by any node, no node exchanges a workload's token that it does not accept; each token is exchanged once, at whatever node." workloads::run;
    "power-cut" "When the power is cut, SQLite has everything that was answered, whatever became of the end of its log." power_cut::run;
    "outages" "When PostgreSQL is restarted, crashes, freezes or cuts its connections, nodes answer 503 within the promised time, say why, and work again within seconds, without having lost or wrongly accepted anything." database::outages::run;
    "slow-database" "While the database answers every second statement after three seconds, everything is answered as it should be or 503, within the promised time; what needs no database does not wait." database::slow_database::run;
    "failover" "When the primary of PostgreSQL is killed, a synchronous standby takes over and nothing acknowledged is lost; meanwhile nodes are closed, and they open by themselves." database::failover::run;
    "poolers" "Through a connection pooler, in session mode and in transaction mode, whoever else uses it, nodes keep every promise." strictness::pooled;
    "clocks" "Whatever a clock does, what was ended stays ended, good keys work, and tokens live within their times." clocks::run;
    "idle" "Ten thousand idle connections cost an ordinary client nothing." connections::idle;
    "slow-and-endless" "Who sends slowly or without end is given up and takes no place from others." connections::slow_and_endless;
    "sigterm" "A node that is told to stop cuts no request." stopping::sigterm;
    "rolling" "Three nodes are replaced one after the other without a failed request." stopping::rolling;
    "bulkheads" "Work that stands still in the database, and an organisation that uses all it can get, hold up nobody else." bulkheads::run;
    "memory" "In a small cgroup nobody gets a node killed, and an honest client's exchanges go on, whoever wants to fill its memory." memory::run;
    "migrations" "Data of every older schema are migrated while clients of that schema read and write: nobody waits for long, nodes that wait are patient, and one that is killed meanwhile leaves nothing half done." database::migrations::run;
    "overload" "Of five times the requests that the processor can do, those beyond get 503 and Retry-After; the others wait no longer than they may, and afterwards all is as before." overload::processor;
    "overload-database" "The same where the database is what everyone waits for." overload::database;
};
