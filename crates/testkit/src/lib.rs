//! For tests only: fresh databases of both kinds, a clock and a random source that tests drive, actors with types.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc
)]

mod actors;
mod ambient;
mod committed;
mod database;
mod issuer;
mod raw;

pub use actors::{Answer, Api, Pair};
pub use ambient::{SeededEntropy, TestClock};
pub use committed::assert_committed;
pub use database::{Database, Engine, HeldTransaction, connect};
pub use issuer::{TestIssuer, changed};
pub use raw::TextRow;
