//! Who of those that send requests of one class uses how much of it.
//!
//! Addresses share a class, and the credentials of an address share what the address may have: whoever is below the own share is
//! admitted although others use up everything. Counters lie in a fixed table under a hash with a random key (stochastic
//! fairness): nobody can fill its memory, and two that fall into one counter by chance share as if they were one.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::IpAddr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
};
use web::client_network;

const ADDRESSES: usize = 1024;
/// Of one address.
const CREDENTIALS: usize = 256;
/// So many requests of an address are always within its share: as many as a browser sends at once.
const ALWAYS: usize = 6;

/// Requests under way, by who sent them.
#[derive(Debug)]
pub(super) struct Clients {
    /// Made when the address is first seen, one KiB each.
    addresses: Box<[OnceLock<Box<Address>>]>,
    active_addresses: AtomicUsize,
}

#[derive(Debug)]
struct Address {
    credentials: [AtomicU32; CREDENTIALS],
    active_credentials: AtomicUsize,
}

/// Where a client is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    address: usize,
    credential: usize,
}

/// What a client uses, itself counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    own: usize,
    credentials: usize,
    addresses: usize,
}

impl Usage {
    /// Whether the client's requests are within its share of so many.
    pub(super) fn is_within_share(self, allowed: usize) -> bool {
        let of_address = (allowed / self.addresses.max(1)).max(ALWAYS);
        let of_credential = (of_address / self.credentials.max(1)).max(1);
        self.credentials <= of_address && self.own <= of_credential
    }
}

impl Client {
    /// The client behind an address and what it authenticates with, nothing of which is proved yet.
    pub(super) fn of(keys: &RandomState, address: IpAddr, credential: &[u8]) -> Self {
        let mut hasher = keys.build_hasher();
        hasher.write(credential);
        Self {
            address: place(keys.hash_one(client_network(address)), ADDRESSES),
            credential: place(hasher.finish(), CREDENTIALS),
        }
    }

    /// A number of its own.
    pub(super) const fn number(self) -> u64 {
        (self.address * CREDENTIALS + self.credential) as u64
    }
}

fn place(hash: u64, places: usize) -> usize {
    usize::try_from(hash % places as u64).unwrap_or(0)
}

impl Clients {
    pub(super) fn new() -> Self {
        let addresses = (0..ADDRESSES).map(|_| OnceLock::new()).collect();
        Self { addresses, active_addresses: AtomicUsize::new(0) }
    }

    fn counters(&self, client: Client) -> Option<(&Address, &AtomicU32)> {
        let address = self.addresses.get(client.address)?.get_or_init(|| {
            Box::new(Address {
                credentials: [const { AtomicU32::new(0) }; CREDENTIALS],
                active_credentials: AtomicUsize::new(0),
            })
        });
        Some((address, address.credentials.get(client.credential)?))
    }

    /// Counts one more request.
    pub(super) fn enter(&self, client: Client) -> Usage {
        let Some((address, credential)) = self.counters(client) else {
            return Usage { own: 1, credentials: 1, addresses: 1 };
        };
        let before = credential.fetch_add(1, Relaxed);
        if before == 0 && address.active_credentials.fetch_add(1, Relaxed) == 0 {
            self.active_addresses.fetch_add(1, Relaxed);
        }
        Usage {
            own: before as usize + 1,
            credentials: address.active_credentials.load(Relaxed),
            addresses: self.active_addresses.load(Relaxed),
        }
    }

    /// Counts one less.
    pub(super) fn leave(&self, client: Client) {
        let Some((address, credential)) = self.counters(client) else { return };
        if credential.fetch_sub(1, Relaxed) == 1 && address.active_credentials.fetch_sub(1, Relaxed) == 1 {
            self.active_addresses.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str, credential: &str) -> Client {
        // A key of its own, the same for every client of a test.
        static KEYS: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
        Client::of(&KEYS, address.parse().unwrap(), credential.as_bytes())
    }

    /// Those that are counted apart from `others`; by chance some are not.
    fn apart(others: &[Client], mut make: impl FnMut(usize) -> Client) -> Client {
        (0..1000).map(&mut make).find(|one| others.iter().all(|other| other != one)).unwrap()
    }

    #[test]
    fn whoever_uses_less_than_a_share_is_within_it_whatever_others_use() {
        let clients = Clients::new();
        let greedy = client("192.0.2.1", "a");
        for used in 1..=200 {
            assert_eq!(clients.enter(greedy).is_within_share(28), used <= 28, "alone it may have all");
        }
        let sibling = Client { credential: (greedy.credential + 1) % CREDENTIALS, ..greedy };
        for used in 1..=20 {
            assert_eq!(clients.enter(sibling).is_within_share(28), used <= 14, "{used}");
        }
        let elsewhere = Client { address: (greedy.address + 1) % ADDRESSES, ..greedy };
        for used in 1..=20 {
            assert_eq!(clients.enter(elsewhere).is_within_share(28), used <= 14, "{used}");
        }
        assert!(!clients.enter(greedy).is_within_share(28));
    }

    #[test]
    fn made_up_credentials_give_no_more_than_the_share_of_their_address() {
        let clients = Clients::new();
        let within = (0..CREDENTIALS)
            .filter(|number| clients.enter(Client { address: 1, credential: *number }).is_within_share(8));
        // Shares of 8, 4, 2, 2, 1, 1, 1 and 1, each used once; then there are more credentials than shares.
        assert_eq!(within.count(), 8);
        assert!(clients.enter(Client { address: 2, credential: 0 }).is_within_share(8));
    }

    #[test]
    fn many_that_stand_still_leave_each_other_a_few() {
        let clients = Clients::new();
        for address in 0..ADDRESSES / 2 {
            let _ = clients.enter(Client { address, credential: 0 });
        }
        for used in 1..=2 * ALWAYS {
            let usage = clients.enter(Client { address: ADDRESSES - 1, credential: 0 });
            assert_eq!(usage.is_within_share(28), used <= ALWAYS, "{used}");
        }
    }

    #[test]
    fn what_has_left_is_not_counted() {
        let clients = Clients::new();
        let all: Vec<_> = (0..50).map(|n| client(&format!("192.0.2.{n}"), &format!("{}", n % 3))).collect();
        for one in &all {
            let _ = clients.enter(*one);
        }
        assert!(clients.active_addresses.load(Relaxed) > 20);
        for one in &all {
            clients.leave(*one);
        }
        assert_eq!(clients.active_addresses.load(Relaxed), 0);
        let mut seen = clients.addresses.iter().filter_map(OnceLock::get);
        assert!(seen.all(|address| address.active_credentials.load(Relaxed) == 0));
    }

    #[test]
    fn a_network_is_one_client_and_another_credential_is_another() {
        let one = client("2001:db8::1", "a");
        assert_eq!(one, client("2001:db8::2:3", "a"));
        assert_eq!(client("::ffff:192.0.2.1", "a"), client("192.0.2.1", "a"));
        let other = apart(&[one], |number| client("2001:db8::1", &number.to_string()));
        assert_eq!(other.address, one.address);
    }
}
