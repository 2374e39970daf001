//! Who may have how many of the connections to PostgreSQL at once.
//!
//! Work has a class and, within it, a client. A class that waits for a lock, and a client whose statements are slow, take at most
//! a part of the connections that others leave free (dynamic thresholds): so there is always one for somebody else. Whoever waits
//! and has fewest is served first.

use crate::Result;
use crate::StoreError;
use domain::OrganisationId;
use std::{
    cell::Cell,
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

/// On whose behalf something is asked of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The class of work. What nobody asked for, like jobs, is of class 0.
    pub class: u8,
    /// Who asked, among those of the class: a number that is the same for what shares a part.
    pub client: u64,
}

/// Tells an organisation's number from that of a client that proved nothing yet.
const ORGANISATION: u64 = 1 << 63;

tokio::task_local! {
    static ORIGIN: Cell<Origin>;
}

/// Runs `work` on behalf of `origin`: it shares the connections to PostgreSQL with others of the same origin.
pub async fn on_behalf_of<T>(origin: Origin, work: impl Future<Output = T>) -> T {
    ORIGIN.scope(Cell::new(origin), work).await
}

/// Work that is done elsewhere on behalf of whoever this task works for.
pub fn on_same_behalf<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    on_behalf_of(ORIGIN.try_with(Cell::get).unwrap_or_default(), work)
}

/// From here on this task works on behalf of an organisation, which was authenticated: all its credentials and addresses share one
/// part. Changes nothing outside [`on_behalf_of`], for example in jobs.
pub fn attribute_work_to(organisation: &OrganisationId) {
    let _ = ORIGIN.try_with(|origin| {
        let mut hasher = DefaultHasher::new();
        organisation.hash(&mut hasher);
        origin.set(Origin { client: hasher.finish() | ORGANISATION, ..origin.get() });
    });
}

/// The connections that sessions share; the hot path's reads have some of their own.
#[derive(Debug)]
pub(crate) struct Shares {
    state: Mutex<State>,
    patience: Duration,
}

#[derive(Debug)]
struct State {
    free: usize,
    by_class: HashMap<u8, usize>,
    by_client: HashMap<Origin, usize>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    origin: Origin,
    admitted: oneshot::Sender<Share>,
    shares: Arc<Shares>,
}

/// A connection that one may take. It is given back when the value is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    origin: Origin,
    shares: Arc<Shares>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let admitted = {
            let mut state = self.shares.lock();
            state.give_back(self.origin);
            state.admit_next()
        };
        // Whoever gave up waiting drops it, which admits the next one: not while the lock is held.
        for (admitted, share) in admitted {
            drop(admitted.send(share));
        }
    }
}

impl State {
    fn used(&self, origin: Origin) -> (usize, usize) {
        let of_class = self.by_class.get(&origin.class).copied().unwrap_or_default();
        (of_class, self.by_client.get(&origin).copied().unwrap_or_default())
    }

    /// A client may have as many as are free, a class twice as many.
    fn fits(&self, origin: Origin) -> bool {
        let (of_class, of_client) = self.used(origin);
        of_client < self.free && of_class < 2 * self.free
    }

    fn take(&mut self, origin: Origin) {
        self.free -= 1;
        *self.by_class.entry(origin.class).or_default() += 1;
        *self.by_client.entry(origin).or_default() += 1;
    }

    fn give_back(&mut self, origin: Origin) {
        self.free += 1;
        if let Some(count) = self.by_class.get_mut(&origin.class) {
            *count -= 1;
        }
        if let Some(count) = self.by_client.get_mut(&origin) {
            *count -= 1;
            if *count == 0 {
                self.by_client.remove(&origin);
            }
        }
    }

    /// Takes for everyone who waits and may have one now, those with fewest first.
    fn admit_next(&mut self) -> Vec<(oneshot::Sender<Share>, Share)> {
        let mut admitted = Vec::new();
        self.waiting.retain(|waiting| !waiting.admitted.is_closed());
        while let Some(place) = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, waiting)| self.fits(waiting.origin))
            .min_by_key(|(place, waiting)| (self.used(waiting.origin).1, *place))
            .map(|(place, _)| place)
        {
            let Some(next) = self.waiting.remove(place) else { break };
            self.take(next.origin);
            admitted.push((next.admitted, Share { origin: next.origin, shares: next.shares }));
        }
        admitted
    }
}

impl Shares {
    /// So many connections, each of which is waited for as long as `patience` at most.
    pub(crate) fn new(connections: usize, patience: Duration) -> Arc<Self> {
        let state = State {
            free: connections,
            by_class: HashMap::new(),
            by_client: HashMap::new(),
            waiting: VecDeque::new(),
        };
        Arc::new(Self { state: Mutex::new(state), patience })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for whoever this task works for.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<Share> {
        let origin = ORIGIN.try_with(Cell::get).unwrap_or_default();
        let waiting = {
            let mut state = self.lock();
            if state.fits(origin) {
                state.take(origin);
                return Ok(Share { origin, shares: Arc::clone(self) });
            }
            let (admitted, waiting) = oneshot::channel();
            state.waiting.push_back(Waiting { origin, admitted, shares: Arc::clone(self) });
            waiting
        };
        match tokio::time::timeout(self.patience, waiting).await {
            Ok(Ok(share)) => Ok(share),
            _ => Err(StoreError::Unavailable("every connection to PostgreSQL is busy".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(connections: usize) -> Arc<Shares> {
        Shares::new(connections, Duration::from_millis(50))
    }

    async fn acquire(shares: &Arc<Shares>, class: u8, client: u64) -> Result<Share> {
        on_behalf_of(Origin { class, client }, shares.acquire()).await
    }

    async fn as_many(shares: &Arc<Shares>, class: u8, client: u64) -> Vec<Share> {
        let mut held = Vec::new();
        while let Ok(share) = acquire(shares, class, client).await {
            held.push(share);
        }
        held
    }

    #[tokio::test]
    async fn whoever_keeps_connections_leaves_some_for_others() {
        let shares = shares(12);
        let greedy = as_many(&shares, 1, 1).await;
        assert_eq!(greedy.len(), 6, "a client has at most half of them");
        let second = as_many(&shares, 1, 2).await;
        assert_eq!(second.len(), 2, "a class has at most two thirds");
        let third = as_many(&shares, 2, 1).await;
        let job = as_many(&shares, 0, 0).await;
        assert_eq!((third.len(), job.len()), (2, 1));
        assert!(shares.lock().free > 0, "there is always one for somebody else");
        drop((greedy, second, third, job));
        let state = shares.lock();
        assert_eq!((state.free, state.by_client.len()), (12, 0));
    }

    #[tokio::test]
    async fn all_clients_of_an_organisation_share_one_part() {
        let shares = shares(12);
        let organisation =
            |last: char| OrganisationId::parse(&format!("org_{}{last}", "0".repeat(25))).unwrap();
        let (busy, other) = (organisation('1'), organisation('2'));
        let acquire = async |client, organisation: &OrganisationId| {
            let within = async {
                attribute_work_to(organisation);
                shares.acquire().await
            };
            on_behalf_of(Origin { class: 1, client }, within).await
        };
        let mut held = Vec::new();
        for client in 0..12 {
            held.extend(acquire(client, &busy).await.ok());
        }
        assert_eq!(held.len(), 6, "as many as one client may have");
        assert!(acquire(20, &other).await.is_ok());
    }

    #[tokio::test]
    async fn one_connection_is_enough() {
        let shares = shares(1);
        for class in 0..4 {
            assert_eq!(as_many(&shares, class, 1).await.len(), 1);
        }
    }

    #[tokio::test]
    async fn whoever_waits_and_has_fewest_is_served_first() {
        let shares = shares(4);
        let mut greedy = as_many(&shares, 1, 1).await;
        let other = acquire(&shares, 2, 7).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |client: u64| {
            let (shares, order) = (Arc::clone(&shares), Arc::clone(&order));
            tokio::spawn(async move {
                let share = acquire(&shares, 1, client).await.unwrap();
                order.lock().unwrap().push(client);
                drop(share);
            })
        };
        let first = wait(1);
        tokio::task::yield_now().await;
        let second = wait(2);
        tokio::task::yield_now().await;
        assert!(order.lock().unwrap().is_empty());
        greedy.pop();
        drop(other);
        second.await.unwrap();
        assert_eq!(order.lock().unwrap().first(), Some(&2));
        drop(greedy);
        first.await.unwrap();
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_takes_nothing() {
        let shares = shares(2);
        let held = acquire(&shares, 1, 1).await.unwrap();
        acquire(&shares, 1, 1).await.unwrap_err();
        drop(held);
        assert_eq!(shares.lock().free, 2);
    }
}
