//! The store's conformance suite: every promise on SQLite and on PostgreSQL, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod data;
mod engine;
mod tables;
