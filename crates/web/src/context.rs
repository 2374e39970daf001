//! The circumstances of one request, read once at the door.

use domain::Timestamp;
use std::net::IpAddr;

/// When a request came, from where, and under which name the logs know it. Every handler finds one in the request's extensions.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The one "now" of the request.
    pub now: Timestamp,
    /// The caller's address, behind trusted proxies the one that they name.
    pub address: Option<IpAddr>,
    /// The name of the request in the answer's `X-Request-Id` and in every log line.
    pub request_id: String,
}
