//! What the tables answer.

mod audit;
mod keys;
mod organisations;
mod people;
mod products;
mod signing;
mod usage;
