//! What a number of exchanges a second needs, computed from what one of them was measured to cost.
//!
//! The model: cost times rate is the processor time of each second; a core is planned to be busy for the part that leaves room
//! for bursts, the loss of a node and everything besides exchanges. API calls are not in it: on PostgreSQL each costs the
//! database the same one lookup.

use crate::report::Row;
use serde_json::Value;
use std::fmt::Write as _;

/// How busy a node's core may be on average. Two thirds is what is left when one of three nodes goes.
const NODE_BUSY: f64 = 0.6;
/// The database's cores do the rotations, the counters and the replication as well.
const DATABASE_BUSY: f64 = 0.5;
const RATES: [f64; 3] = [10_000.0, 100_000.0, 1_000_000.0];
/// A key's row with its index entries, and the counters of 400 days of daily use, in bytes.
const KEY_BYTES: f64 = 500.0 + 400.0 * 100.0;

/// What the row `postgres` measured, in microseconds of processor time for an exchange.
struct Costs {
    node: f64,
    database: f64,
}

/// The plan as Markdown; nothing while its inputs were not measured.
pub(crate) fn page(rows: &[Row]) -> Option<String> {
    let row = rows.iter().find(|row| row.name == "postgres")?;
    let input = |name: &str| row.runs.get(name).and_then(Value::as_f64);
    let costs = Costs { node: input("node_us")?, database: input("database_us")? };
    let mut text = format!(
        "# Cores for a rate\n\nMade by `cargo xtask bench` with the model of [plan.rs](../src/plan.rs). Inputs: an exchange costs a \
         node {:.1} us of processor time and PostgreSQL {:.1} us (row `postgres` of [speed.json](speed.json)); a node's cores are \
         planned to be {:.0} % busy, the database's {:.0} %; a key that is used daily for 400 days takes {:.0} KB.\n\n\
         | exchanges a second | cores for nodes | cores for the database | lookups a second at 32 in a statement |\n\
         | --- | --- | --- | --- |\n",
        costs.node,
        costs.database,
        NODE_BUSY * 100.0,
        DATABASE_BUSY * 100.0,
        KEY_BYTES / 1000.0
    );
    for rate in RATES {
        let cores = |cost: f64, busy: f64| (rate * cost / 1e6 / busy).ceil();
        let (nodes, database) = (cores(costs.node, NODE_BUSY), cores(costs.database, DATABASE_BUSY));
        let _ = writeln!(text, "| {rate:.0} | {nodes:.0} | {database:.0} | {:.0} |", rate / 32.0);
    }
    Some(text)
}
