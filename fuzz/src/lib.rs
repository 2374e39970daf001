//! What untrusted input must never do, one module for each kind of input. `cargo xtask fuzz` looks for input that breaks
//! it; `cargo xtask test` replays the committed corpus through the same functions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

pub mod access_token;
pub mod cookies;
pub mod graphql;
pub mod installation;
pub mod token_request;
