//! Requests and responses of `/graphql`.

mod answer_bytes;
mod authentication;
mod errors;
mod limits;
mod requests;
mod robustness;
mod turns;
