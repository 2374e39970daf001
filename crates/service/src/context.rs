//! The circumstances of one request.

use domain::Timestamp;
use std::net::IpAddr;

/// When a request came, from where, and under which name the logs know it.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// The one "now" of the request, read at the door.
    pub now: Timestamp,
    /// The caller's address, if the request came over the network.
    pub address: Option<IpAddr>,
    /// The name that the answer and every log line of the request carry.
    pub request_id: String,
}

impl Ctx {
    /// Circumstances of work that no request asked for, named `purpose` in the logs.
    pub fn background(now: Timestamp, purpose: &str) -> Self {
        Self { now, address: None, request_id: purpose.to_owned() }
    }
}
