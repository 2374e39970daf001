//! The GraphQL API over HTTP: a real service on a fresh database, actors with real tokens, a clock that tests move.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests say what they expect by giving up"
)]

mod access;
mod ci_actions;
mod documents;
mod harness;
mod http;
mod introspection;
mod isolation;
mod keys;
mod products;
mod reference;
mod schema;
mod session;
