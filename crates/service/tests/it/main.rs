//! The use cases' suite: every promise of the service, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod audit;
mod authority;
mod browser;
mod clients;
mod clocks;
mod codes;
mod current_user;
mod dead_secrets;
mod devices;
mod fixture;
mod forms;
mod invitations;
mod life;
mod limits;
mod mail;
mod model;
mod notices;
#[cfg(feature = "passkeys")]
mod passkeys;
mod passwords;
mod people;
mod permissions;
mod products;
mod races;
mod second_factors;
mod secrecy;
mod sessions;
mod settings;
mod setup;
mod sign_in;
mod signing;
mod starting;
mod tampering;
mod tokens;
mod usage;
