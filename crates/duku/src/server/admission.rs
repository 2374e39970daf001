//! Which connections are served: at most so many, of one address at most as many as are free, and of probes always some.
//!
//! So there are always places for an address that has none, however many addresses take all that they can get.
//! A connection beyond the limits gets one of a few reserved places if it may be a probe's: there `/healthz` and `/readyz` are
//! answered, everything else with 503, one request only.

use crate::server::Limits;
use metrics::{Counter, Gauge};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use web::{TrustedProxies, client_network};

/// Places for probes when all others are taken, and how many of them one address gets.
const RESERVED: usize = 32;
const RESERVED_PER_ADDRESS: usize = 4;
/// How often it is said in the log that places run out.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A place of a connection. It is free again when the value is dropped.
pub(crate) struct ConnectionPermit {
    /// Only probes are answered.
    pub(crate) for_probes: bool,
    address: Option<u128>,
    admission: Arc<Admission>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let Self { for_probes, address, admission, .. } = self;
        if let Some(address) = address {
            admission.counts().remove(*address, *for_probes);
        }
        if !*for_probes {
            admission.metrics.connections.decrement(1);
        }
    }
}

/// Who has places.
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
    /// The most connections of an address; none for as many as are free.
    share: Option<usize>,
    proxies: TrustedProxies,
    counts: Mutex<Counts>,
    metrics: Metrics,
}

/// Connections by address: those with a place, and those with a reserved one.
#[derive(Default)]
struct Counts {
    places: HashMap<u128, usize>,
    reserved: HashMap<u128, usize>,
    logged: Option<Instant>,
}

impl Counts {
    fn of(&mut self, reserved: bool) -> &mut HashMap<u128, usize> {
        if reserved { &mut self.reserved } else { &mut self.places }
    }

    fn remove(&mut self, address: u128, reserved: bool) {
        let counts = self.of(reserved);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }

    /// Counts one more, unless there are `most` already.
    fn add(&mut self, address: u128, reserved: bool, most: usize) -> bool {
        let count = self.of(reserved).entry(address).or_default();
        let fits = *count < most;
        *count += usize::from(fits);
        fits
    }
}

struct Metrics {
    connections: Gauge,
    over_all: Counter,
    over_address: Counter,
}

impl Metrics {
    fn new(limits: &Limits) -> Self {
        if !limits.counted {
            return Self {
                connections: Gauge::noop(),
                over_all: Counter::noop(),
                over_address: Counter::noop(),
            };
        }
        let over = |limit: &'static str| {
            let counter = metrics::counter!("duku_connections_over_limit_total", "limit" => limit);
            counter.increment(0);
            counter
        };
        let connections = metrics::gauge!("duku_connections");
        connections.set(0);
        Self { connections, over_all: over("connections"), over_address: over("connections_per_address") }
    }
}

impl Admission {
    pub(crate) fn new(limits: &Limits, proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(limits.connections)),
            reserved: Arc::new(Semaphore::new(RESERVED)),
            share: (limits.per_address > 0).then_some(limits.per_address),
            proxies,
            counts: Mutex::default(),
            metrics: Metrics::new(limits),
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection; none if it is to be closed at once.
    pub(crate) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Option<ConnectionPermit> {
        let ip = peer.ip().to_canonical();
        // Behind a proxy are many, and none of them could be told from the others here.
        let address = (!self.proxies.trusts(ip)).then(|| client_network(ip));
        let mut counts = self.counts();
        let free = self.places.available_permits();
        let share = self.share.unwrap_or(free);
        if free > 0 && address.is_some_and(|address| !counts.add(address, false, share)) {
            self.metrics.over_address.increment(1);
            counts.log(|| {
                tracing::warn!(
                    address = %ip,
                    connections = share,
                    "an address has all the connections that one may have"
                );
            });
            // Whoever holds the places from here may be a proxy that nobody named: its probes are answered.
            return if ip.is_loopback() { self.reserve(&mut counts, address) } else { None };
        }
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else {
            if let Some(address) = address.filter(|_| free > 0) {
                counts.remove(address, false);
            }
            self.metrics.over_all.increment(1);
            counts.log(|| tracing::warn!("all connections are in use: others are answered 503 or closed"));
            return self.reserve(&mut counts, address);
        };
        self.metrics.connections.increment(1);
        Some(self.place(address, permit, false))
    }

    fn reserve(self: &Arc<Self>, counts: &mut Counts, address: Option<u128>) -> Option<ConnectionPermit> {
        let permit = Arc::clone(&self.reserved).try_acquire_owned().ok()?;
        let fits = address.is_none_or(|address| counts.add(address, true, RESERVED_PER_ADDRESS));
        fits.then(|| self.place(address, permit, true))
    }

    fn place(
        self: &Arc<Self>,
        address: Option<u128>,
        permit: OwnedSemaphorePermit,
        for_probes: bool,
    ) -> ConnectionPermit {
        ConnectionPermit { for_probes, address, admission: Arc::clone(self), _permit: permit }
    }
}

impl Counts {
    fn log(&mut self, log: impl FnOnce()) {
        if self.logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            self.logged = Some(Instant::now());
            log();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections: usize, per_address: usize, proxies: &[&str]) -> Arc<Admission> {
        let limits = Limits { connections, per_address, ..Limits::for_tests() };
        Admission::new(&limits, TrustedProxies::parse(proxies.iter().copied()).unwrap())
    }

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 1)
    }

    #[test]
    fn an_address_gets_its_share_and_what_it_gives_back() {
        let admission = admission(100, 2, &[]);
        let held = ["2001:db8::1", "2001:db8::2"].map(|one| admission.admit(peer(one)).unwrap());
        assert!(admission.admit(peer("2001:db8::3")).is_none(), "the same /64");
        assert!(admission.admit(peer("2001:db8:0:1::1")).is_some());
        drop(held);
        assert!(admission.admit(peer("2001:db8::3")).is_some_and(|place| !place.for_probes));
        assert!(admission.counts().places.is_empty(), "nothing is remembered of who is gone");
    }

    #[test]
    fn however_many_addresses_take_all_they_can_get_another_finds_a_place() {
        let admission = admission(100, 0, &[]);
        let mut held = Vec::new();
        for round in 0..50 {
            for address in 0..20 {
                let place = admission.admit(peer(&format!("192.0.2.{address}")));
                held.extend(place.filter(|place| !place.for_probes));
            }
            assert!(held.len() < 100, "{round}");
        }
        assert!(held.len() > 90);
        assert!(admission.admit(peer("198.51.100.1")).is_some_and(|place| !place.for_probes));
        let alone = self::admission(100, 0, &[]);
        let held: Vec<_> = (0..100).map_while(|_| alone.admit(peer("192.0.2.1"))).collect();
        assert_eq!(held.len(), 50, "half of them at most");
    }

    #[test]
    fn proxies_are_not_limited_and_loopback_keeps_its_probes() {
        let admission = admission(100, 1, &["10.0.0.0/8"]);
        let held: Vec<_> = (0..50).map(|_| admission.admit(peer("::ffff:10.1.2.3")).unwrap()).collect();
        assert!(held.iter().all(|place| !place.for_probes));
        let mine = [(); 5].map(|()| admission.admit(peer("127.0.0.1")).unwrap().for_probes);
        assert_eq!(mine, [false; 5], "each was given back at once");
        let held: Vec<_> = (0..6).map(|_| admission.admit(peer("127.0.0.1"))).collect();
        let kinds: Vec<_> = held.iter().map(|place| place.as_ref().map(|place| place.for_probes)).collect();
        assert_eq!(kinds, [Some(false), Some(true), Some(true), Some(true), Some(true), None]);
    }

    #[test]
    fn where_all_places_are_taken_some_are_left_for_probes_of_anyone() {
        let admission = admission(2, 0, &[]);
        let held = ["192.0.2.1", "192.0.2.2"].map(|one| admission.admit(peer(one)).unwrap());
        let probes: Vec<_> = (0..8).map(|_| admission.admit(peer("192.0.2.3"))).collect();
        let kinds: Vec<_> = probes.iter().flatten().map(|place| place.for_probes).collect();
        assert_eq!(kinds, [true; RESERVED_PER_ADDRESS]);
        assert!(admission.admit(peer("192.0.2.4")).is_some_and(|place| place.for_probes));
        drop(held);
        assert!(admission.admit(peer("192.0.2.3")).is_some_and(|place| !place.for_probes));
    }
}
