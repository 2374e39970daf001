//! When a request came, and from where.

use crate::Timestamp;
use std::{net::IpAddr, sync::Arc};

/// The circumstances of one request, or of work that no request asked for.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The one "now" of the request. Its body has been read by then, so nobody can hold a decision back with it.
    pub now: Timestamp,
    /// The caller's address, behind trusted proxies the one that they name; none if the request did not come over the network.
    pub address: Option<IpAddr>,
    /// What the calling program says of itself (`User-Agent`), at most [`Self::USER_AGENT`] characters. Anyone can write anything there.
    pub user_agent: Option<Arc<str>>,
    /// The name of the request in the answer's `X-Request-Id` and in every log line.
    pub request_id: String,
}

impl RequestContext {
    /// As much of a `User-Agent` is kept.
    pub const USER_AGENT: usize = 200;

    /// For work that no request asked for, named `purpose` in the logs.
    pub fn background(now: Timestamp, purpose: &str) -> Self {
        Self { now, address: None, user_agent: None, request_id: purpose.to_owned() }
    }

    /// What the calling program says of itself, empty if it says nothing.
    pub fn device(&self) -> &str {
        self.user_agent.as_deref().unwrap_or_default()
    }

    /// The address as text, as it is kept.
    pub fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }
}
