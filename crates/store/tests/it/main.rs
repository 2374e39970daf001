//! The store's conformance suite: every promise on SQLite and on PostgreSQL, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod audit;
mod backups;
mod checkpoints;
mod connections;
mod data;
mod files;
mod keys;
mod migrations;
mod organisations;
mod people;
mod poolers;
mod processes;
mod products;
mod schema;
mod signing;
mod transactions;
mod usage;
mod writer;
