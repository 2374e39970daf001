//! Viewport through its router, without a network.

#![allow(missing_docs, reason = "nobody reads the documentation of tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a panic is a failure, which is its purpose"
)]

mod account;
mod device;
mod explorer;
mod harness;
mod keys;
mod members;
mod organisation;
mod products;
mod second_factor;
mod secretless;
