//! `duku doctor`: each finding, its cure, and what is found after it.

mod cures;
mod diagnosis;
mod patient;
mod postgres;
mod settings;
