//! How many failures a client or an address may make, and how many attempts a person, before they are answered 429.
//!
//! Only failures are limited. A right secret is never rejected because someone else guesses at its client, so
//! nobody can lock an integration out; 256 random bits do not need more.
//!
//! An attempt counts for its address and for the networks around it, for each with a limit of its own, and for the person.
//! What one of these limits rejects counts for none of them: no network can use up what a person has elsewhere.

mod counters;
mod networks;

use crate::Policy;
use counters::{Count, Counters, Quota};
use domain::{KeyId, UserId};
use networks::Network;
pub(crate) use networks::is_one_network;
use std::{net::IpAddr, time::Duration};

/// Counts failures, and attempts of people, whose passwords and codes can be guessed: these before they are looked at. Per process.
pub(crate) struct FailureLimits {
    counters: Counters,
    client_failures: Option<Quota>,
    address_failures: Option<Quota>,
    user: Option<Quota>,
    address: Option<Quota>,
    /// Six digits are few, and mails go to others: after the first ten, one in two minutes.
    slow: Option<Quota>,
}

/// What is counted, so that equal keys of different things stay apart.
#[derive(Clone, Copy, Hash)]
enum Counted {
    ClientFailures,
    AttemptsOfOwner,
    AddressFailures,
    SignInsOfAddress,
    SignInsOfUser,
    SecondFactors,
    UserCodes,
    ResetLinks,
    Devices,
}

impl FailureLimits {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            counters: Counters::new(),
            client_failures: Quota::per_minute(policy.failures_per_client),
            address_failures: Quota::per_minute(policy.failures_per_address),
            user: Quota::per_minute(policy.sign_ins_per_person),
            address: Quota::per_minute(policy.sign_ins_per_address),
            slow: Quota::one_in(Duration::from_mins(2), policy.sign_ins_per_person),
        }
    }

    /// Counts an attempt to sign in. If there were too many: how many seconds to wait.
    pub(crate) fn sign_in(&self, name: &str, address: Option<IpAddr>) -> Option<u64> {
        let mut counts = self.of_sign_in(name, address);
        let everywhere = self.user.map(|quota| quota.times(networks::EVERYWHERE));
        let anywhere = None::<(u128, u32)>;
        counts.extend(self.counters.of((Counted::SignInsOfUser, name, anywhere), everywhere));
        self.counters.count(&counts)
    }

    /// The same, counted for the address and its networks alone and not for what the person has from everywhere.
    pub(crate) fn sign_in_from_network(&self, name: &str, address: Option<IpAddr>) -> Option<u64> {
        self.counters.count(&self.of_sign_in(name, address))
    }

    fn of_sign_in(&self, name: &str, address: Option<IpAddr>) -> Vec<Count> {
        let mut counts = self.of_address(Counted::SignInsOfAddress, self.address, address);
        let from = address.into_iter().flat_map(networks::of_person);
        // Without an address there is one network, the unknown one.
        let unknown = Network { prefix: 0, length: 0, factor: 1 };
        let networks = from.chain(address.is_none().then_some(unknown));
        counts.extend(networks.filter_map(|Network { prefix, length, factor }| {
            let quota = self.user.map(|quota| quota.times(factor));
            self.counters.of((Counted::SignInsOfUser, name, Some((prefix, length))), quota)
        }));
        counts
    }

    /// Counts a challenge for a passkey, or an answer to one. Nobody guesses these, so the address alone is limited.
    #[cfg(feature = "passkeys")]
    pub(crate) fn passkey(&self, address: Option<IpAddr>) -> Option<u64> {
        self.counters.count(&self.of_address(Counted::SignInsOfAddress, self.address, address))
    }

    /// Counts an attempt with a second factor.
    pub(crate) fn second_factor(&self, user: &UserId) -> Option<u64> {
        let count = self.counters.of((Counted::SecondFactors, user), self.slow);
        self.counters.count(count.as_slice())
    }

    /// Counts an attempt to find a device by its user code.
    pub(crate) fn user_code(&self, user: &UserId) -> Option<u64> {
        let count = self.counters.of((Counted::UserCodes, user), self.user);
        self.counters.count(count.as_slice())
    }

    /// Counts a request for a mail with a link.
    pub(crate) fn reset(&self, name: &str, address: Option<IpAddr>) -> Option<u64> {
        let mut counts = self.of_address(Counted::SignInsOfAddress, self.address, address);
        counts.extend(self.counters.of((Counted::ResetLinks, name), self.slow));
        self.counters.count(&counts)
    }

    /// Counts a device that asks for approval.
    pub(crate) fn device(&self, address: Option<IpAddr>) -> Option<u64> {
        self.counters.count(&self.of_address(Counted::Devices, self.address, address))
    }

    /// Counts a failure. If there were too many: how many seconds to wait.
    pub(crate) fn failed(&self, client: Option<&KeyId>, address: Option<IpAddr>) -> Option<u64> {
        let client =
            client.and_then(|id| self.counters.of((Counted::ClientFailures, id), self.client_failures));
        self.failed_by(client, address)
    }

    /// Counts an attempt that is shown to an Admin, by whoever owns the workload: as many as a client may fail. If there were too many:
    /// how many seconds to wait.
    pub(crate) fn attempted(&self, client: &KeyId, owner: &str, address: Option<IpAddr>) -> Option<u64> {
        let owner = self.counters.of((Counted::AttemptsOfOwner, client, owner), self.client_failures);
        self.failed_by(owner, address)
    }

    fn failed_by(&self, client: Option<Count>, address: Option<IpAddr>) -> Option<u64> {
        // A client that is over its limit still fails at its address.
        let by_client = self.counters.count(client.as_slice());
        let networks = self.of_address(Counted::AddressFailures, self.address_failures, address);
        by_client.max(self.counters.count(&networks))
    }

    /// What an address and the networks around it may.
    fn of_address(&self, counted: Counted, quota: Option<Quota>, address: Option<IpAddr>) -> Vec<Count> {
        let networks = address.into_iter().flat_map(networks::of_address);
        let count = |Network { prefix, length, factor }| {
            self.counters.of((counted, prefix, length), quota.map(|quota| quota.times(factor)))
        };
        networks.filter_map(count).collect()
    }
}

#[cfg(test)]
mod tests;
