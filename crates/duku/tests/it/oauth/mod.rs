//! The OAuth endpoints, asked by hand and by the clients of others.

pub(crate) mod clients;
mod protocol;
mod tls_issuer;
mod token_endpoint;
mod workloads;
