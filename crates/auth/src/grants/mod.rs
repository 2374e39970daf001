//! One file per grant.

pub(crate) mod client_credentials;
