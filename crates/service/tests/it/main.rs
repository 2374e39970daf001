//! The use cases' suite: every promise of the service, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod authority;
mod clients;
mod fixture;
mod keys;
mod limits;
mod operations;
mod permissions;
mod products;
mod tokens;
mod users;
mod workloads;
