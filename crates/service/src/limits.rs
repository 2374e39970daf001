//! How many failures a client or an address may make, and how many attempts a person, before they are answered 429.
//!
//! Only failures are limited. A right secret is never refused because someone else guesses at its client, so
//! nobody can lock an integration out; 256 random bits do not need more.

use crate::Policy;
use domain::{KeyId, UserId};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

/// Counts failures, per process.
pub(crate) struct FailureLimits {
    clients: Option<DefaultKeyedRateLimiter<KeyId>>,
    addresses: Option<DefaultKeyedRateLimiter<IpAddr>>,
    people: PeopleLimits,
}

/// Counts attempts of people, whose passwords and codes can be guessed: before they are looked at.
struct PeopleLimits {
    /// By address of the person and network, so that nobody can lock a person out from elsewhere.
    sign_ins: Option<DefaultKeyedRateLimiter<(String, Option<IpAddr>)>>,
    /// By person alone, ten times as many: against guessing from many networks.
    sign_ins_anywhere: Option<DefaultKeyedRateLimiter<String>>,
    sign_in_addresses: Option<DefaultKeyedRateLimiter<IpAddr>>,
    /// Six digits are few: after the first ten, one in two minutes.
    second_factors: Option<DefaultKeyedRateLimiter<UserId>>,
    user_codes: Option<DefaultKeyedRateLimiter<UserId>>,
    /// Mails that a stranger can have sent to somebody, or devices that ask.
    resets: Option<DefaultKeyedRateLimiter<String>>,
    devices: Option<DefaultKeyedRateLimiter<IpAddr>>,
}

impl PeopleLimits {
    fn new(policy: &Policy) -> Self {
        let (person, address) = (policy.sign_ins_per_person, policy.sign_ins_per_address);
        let slow = Quota::with_period(Duration::from_mins(2)).zip(NonZeroU32::new(person));
        Self {
            sign_ins: limiter(person),
            sign_ins_anywhere: limiter(person.saturating_mul(10)),
            sign_in_addresses: limiter(address),
            second_factors: slow.map(|(quota, burst)| RateLimiter::keyed(quota.allow_burst(burst))),
            user_codes: limiter(person),
            resets: slow.map(|(quota, burst)| RateLimiter::keyed(quota.allow_burst(burst))),
            devices: limiter(address),
        }
    }

    fn forget_quiet(&self) {
        fn quiet<K: std::hash::Hash + Eq + Clone>(limiter: Option<&DefaultKeyedRateLimiter<K>>) {
            if let Some(limiter) = limiter {
                limiter.retain_recent();
            }
        }
        quiet(self.sign_ins.as_ref());
        quiet(self.sign_ins_anywhere.as_ref());
        quiet(self.sign_in_addresses.as_ref());
        quiet(self.second_factors.as_ref());
        quiet(self.user_codes.as_ref());
        quiet(self.resets.as_ref());
        quiet(self.devices.as_ref());
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(per_minute: u32) -> Option<DefaultKeyedRateLimiter<K>> {
    let burst = NonZeroU32::new(per_minute)?;
    Some(RateLimiter::keyed(Quota::per_minute(burst)))
}

impl FailureLimits {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            clients: limiter(policy.failures_per_client),
            addresses: limiter(policy.failures_per_address),
            people: PeopleLimits::new(policy),
        }
    }

    /// Counts an attempt to sign in. If there were too many: how many seconds to wait.
    pub(crate) fn sign_in(&self, name: &str, address: Option<IpAddr>) -> Option<u64> {
        let network = address.map(network_of);
        let people = &self.people;
        // What one limit refuses does not count towards the wider ones: a single network would use up what a person has
        // everywhere, and so lock the person out.
        network
            .and_then(|network| counted(people.sign_in_addresses.as_ref(), &network))
            .or_else(|| counted(people.sign_ins.as_ref(), &(name.to_owned(), network)))
            .or_else(|| counted(people.sign_ins_anywhere.as_ref(), &name.to_owned()))
    }

    /// Counts a challenge for a passkey, or an answer to one. Nobody guesses these, so the address alone is limited.
    #[cfg(feature = "passkeys")]
    pub(crate) fn passkey(&self, address: Option<IpAddr>) -> Option<u64> {
        address.and_then(|address| counted(self.people.sign_in_addresses.as_ref(), &network_of(address)))
    }

    /// Counts an attempt with a second factor.
    pub(crate) fn second_factor(&self, person: &UserId) -> Option<u64> {
        counted(self.people.second_factors.as_ref(), person)
    }

    /// Counts an attempt to find a device by its user code.
    pub(crate) fn user_code(&self, person: &UserId) -> Option<u64> {
        counted(self.people.user_codes.as_ref(), person)
    }

    /// Counts a request for a mail with a link.
    pub(crate) fn reset(&self, name: &str, address: Option<IpAddr>) -> Option<u64> {
        address
            .and_then(|address| counted(self.people.sign_in_addresses.as_ref(), &network_of(address)))
            .or_else(|| counted(self.people.resets.as_ref(), &name.to_owned()))
    }

    /// Counts a device that asks to be let in.
    pub(crate) fn device(&self, address: Option<IpAddr>) -> Option<u64> {
        address.and_then(|address| counted(self.people.devices.as_ref(), &network_of(address)))
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
        self.people.forget_quiet();
    }
}

fn counted<K: std::hash::Hash + Eq + Clone>(
    limiter: Option<&DefaultKeyedRateLimiter<K>>,
    key: &K,
) -> Option<u64> {
    limiter.and_then(|limiter| wait(limiter, key))
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
