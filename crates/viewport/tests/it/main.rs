//! The dashboard's promises, by its own router on a fresh store.

mod harness;
mod members;
mod organisation;
mod products;
