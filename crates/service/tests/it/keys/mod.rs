//! The life of an API key.

mod clocks;
mod dead_secrets;
mod forms;
mod life;
mod model;
pub(crate) mod races;
mod usage;
