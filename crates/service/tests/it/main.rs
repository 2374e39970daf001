//! The use cases' suite: every promise of the service, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod audit;
mod clients;
mod clocks;
mod dead_secrets;
mod house;
mod life;
mod limits;
mod model;
#[cfg(feature = "passkeys")]
mod passkeys;
mod people;
mod permissions;
mod products;
mod races;
mod secrecy;
mod signing;
mod starting;
mod tampering;
mod tokens;
mod usage;
