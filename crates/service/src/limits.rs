//! How many failures a client or an address may make before they are answered 429.
//!
//! Only failures are limited. A right secret is never refused because someone else guesses at its client, so
//! nobody can lock an integration out; 256 random bits do not need more.

use crate::Policy;
use domain::KeyId;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

/// Counts failures, per process.
pub(crate) struct FailureLimits {
    clients: Option<DefaultKeyedRateLimiter<KeyId>>,
    addresses: Option<DefaultKeyedRateLimiter<IpAddr>>,
}

fn limiter<K: std::hash::Hash + Eq + Clone>(per_minute: u32) -> Option<DefaultKeyedRateLimiter<K>> {
    let burst = NonZeroU32::new(per_minute)?;
    Some(RateLimiter::keyed(Quota::per_minute(burst)))
}

impl FailureLimits {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self { clients: limiter(policy.failures_per_client), addresses: limiter(policy.failures_per_address) }
    }

    /// Counts a failure. If there were too many: how many seconds to wait.
    pub(crate) fn failed(&self, client: Option<&KeyId>, address: Option<IpAddr>) -> Option<u64> {
        let by_client = self.clients.as_ref().zip(client).and_then(|(limiter, client)| wait(limiter, client));
        let network = address.map(network_of);
        let by_address =
            self.addresses.as_ref().zip(network).and_then(|(limiter, network)| wait(limiter, &network));
        by_client.max(by_address)
    }

    /// Forgets clients and addresses that are quiet.
    pub(crate) fn forget_quiet(&self) {
        if let Some(clients) = &self.clients {
            clients.retain_recent();
        }
        if let Some(addresses) = &self.addresses {
            addresses.retain_recent();
        }
    }
}

fn wait<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Option<u64> {
    let refusal = limiter.check_key(key).err()?;
    Some(refusal.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
}

/// An IPv6 customer has a whole /64: its addresses count as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_after_the_last_allowed_one_says_how_long_to_wait() {
        let policy = Policy { failures_per_address: 3, failures_per_client: 0, ..Policy::new("i", "a") };
        let limits = FailureLimits::new(&policy);
        let address = |text: &str| Some(text.parse().unwrap());
        for _ in 0..3 {
            assert_eq!(limits.failed(None, address("2001:db8::1")), None);
        }
        let wait = limits.failed(None, address("2001:db8::2")).expect("the same /64");
        assert!((1..=21).contains(&wait), "{wait}");
        assert_eq!(limits.failed(None, address("2001:db8:0:1::1")), None);
        assert_eq!(limits.failed(None, None), None);
    }
}
