//! The memory that requests under way may take: their state, their bodies, and the answers that their clients have not taken yet.
//!
//! Client addresses share it by dynamic thresholds: an address may have at most what is free, so there is always some for others.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};
use web::client_network;

/// What a request takes whatever it is: its headers, a small body, the state of who works on it, a small answer.
pub(super) const REQUEST: usize = 16 * 1024;
/// Addresses are counted under a hash: two that fall into one counter by chance share as if they were one.
const COUNTERS: usize = 4096;

/// The memory of all requests of this node.
#[derive(Debug)]
pub(crate) struct RequestMemory {
    limit: usize,
    used: AtomicUsize,
    by_address: Box<[AtomicUsize]>,
    keys: RandomState,
}

/// A part of it. It is given back when the value is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    memory: Arc<RequestMemory>,
    address: usize,
    bytes: AtomicUsize,
    exceeded: AtomicBool,
}

impl RequestMemory {
    /// At most so many bytes.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(0),
            by_address: (0..COUNTERS).map(|_| AtomicUsize::new(0)).collect(),
            keys: RandomState::new(),
        })
    }

    /// What a request takes, unless its address has too much already.
    pub(super) fn reserve(self: &Arc<Self>, address: IpAddr) -> Option<Reservation> {
        let network = self.keys.hash_one(client_network(address));
        let address = usize::try_from(network % COUNTERS as u64).unwrap_or(0);
        self.take(address, REQUEST, false).then(|| Reservation {
            memory: Arc::clone(self),
            address,
            bytes: AtomicUsize::new(REQUEST),
            exceeded: AtomicBool::new(false),
        })
    }

    fn take(&self, address: usize, bytes: usize, always: bool) -> bool {
        let Some(of_address) = self.by_address.get(address) else { return false };
        let used = self.used.fetch_add(bytes, Relaxed);
        let own = of_address.fetch_add(bytes, Relaxed);
        let fits = own.saturating_add(bytes) <= self.limit.saturating_sub(used) || always;
        if !fits {
            self.give_back(address, bytes);
        }
        fits
    }

    fn give_back(&self, address: usize, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
        if let Some(of_address) = self.by_address.get(address) {
            of_address.fetch_sub(bytes, Relaxed);
        }
    }
}

impl Reservation {
    /// Takes so many bytes more. False if they are not there.
    pub(crate) fn grow(&self, bytes: usize) -> bool {
        let fits = self.memory.take(self.address, bytes, false);
        if fits {
            self.bytes.fetch_add(bytes, Relaxed);
        } else {
            self.exceeded.store(true, Relaxed);
        }
        fits
    }

    /// Takes so many bytes more, because what they hold is there already and must not be lost.
    pub(crate) fn grow_anyway(&self, bytes: usize) {
        self.memory.take(self.address, bytes, true);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Whether more was asked for than was there.
    pub(crate) fn was_exceeded(&self) -> bool {
        self.exceeded.load(Relaxed)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.give_back(self.address, self.bytes.load(Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn an_address_has_at_most_half_and_another_has_room() {
        let memory = RequestMemory::new(64 * REQUEST);
        let held: Vec<_> = std::iter::from_fn(|| memory.reserve(address(1))).collect();
        assert_eq!(held.len(), 32);
        // By chance an address may be counted with the first.
        let others =
            (2..10).filter(|last| memory.reserve(address(*last)).is_some_and(|one| one.grow(REQUEST)));
        assert!(others.count() >= 6);
        let one = &held[0];
        assert!(!one.was_exceeded() && !one.grow(1) && one.was_exceeded());
        one.grow_anyway(10 * REQUEST);
        drop(held);
        assert_eq!(memory.used.load(Relaxed), 0);
        assert!(memory.by_address.iter().all(|bytes| bytes.load(Relaxed) == 0));
    }
}
