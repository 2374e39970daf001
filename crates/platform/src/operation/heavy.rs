//! Operations that take long on the processor: they run on threads of their own, few at once, so that others do not wait behind them.
//!
//! What the runtime's threads do goes on until it waits for something, and whoever is behind it waits. The system interrupts
//! threads, so a token request gets its turn beside a long answer.

use domain::OrganisationId;
use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

/// An operation that may answer more values than this is heavy. So many take about a millisecond.
pub(crate) const VALUES: usize = 1000;

/// So many run for each processor: those that wait for the database leave it to others.
const FOR_EACH_PROCESSOR: usize = 4;

/// Where heavy operations wait for their turn: a few run for each processor, and one of each organisation.
#[derive(Debug)]
pub(crate) struct Heavy {
    running: Arc<Semaphore>,
    by_organisation: Mutex<HashMap<OrganisationId, Arc<Semaphore>>>,
}

impl Heavy {
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get);
        let running = Arc::new(Semaphore::new(processors * FOR_EACH_PROCESSOR));
        Self { running, by_organisation: Mutex::default() }
    }

    /// Waits for the organisation's turn. `None` is never answered while the node serves.
    pub(crate) async fn turn(&self, organisation: OrganisationId) -> Option<Turn> {
        // One after the other, so that of each organisation one waits among the others.
        let own = self.turns_of(organisation).acquire_owned().await.ok()?;
        let running = Arc::clone(&self.running).acquire_owned().await.ok()?;
        Some(Turn { _own: own, _running: running })
    }

    fn turns_of(&self, organisation: OrganisationId) -> Arc<Semaphore> {
        let mut known = self.by_organisation.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits or runs there any more.
        known.retain(|_, turns| Arc::strong_count(turns) > 1);
        Arc::clone(known.entry(organisation).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

/// The turn of one operation.
pub(crate) struct Turn {
    _own: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

impl Turn {
    /// Runs the work on a thread of its own. `None` if it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (work, runtime) = (service::on_same_behalf(work), Handle::current());
        let done = spawn_blocking(move || {
            let done = runtime.block_on(work);
            // Whoever waits may be gone: the turn is over when the work is.
            drop(self);
            done
        });
        done.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };

    fn organisation(last: char) -> OrganisationId {
        OrganisationId::parse(&format!("org_{}{last}", "0".repeat(25))).unwrap()
    }

    #[tokio::test]
    async fn an_organisation_runs_one_at_a_time_and_another_does_not_wait_behind_it() {
        let heavy =
            Arc::new(Heavy { running: Arc::new(Semaphore::new(2)), by_organisation: Mutex::default() });
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let greedy: Vec<_> = (0..8)
            .map(|_| {
                let (heavy, now, most) = (Arc::clone(&heavy), Arc::clone(&now), Arc::clone(&most));
                tokio::spawn(async move {
                    let work = async move {
                        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                        std::thread::sleep(Duration::from_millis(50));
                        now.fetch_sub(1, SeqCst);
                    };
                    heavy.turn(organisation('1')).await.unwrap().run(work).await
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let other = async { heavy.turn(organisation('2')).await.unwrap().run(async { 7 }).await };
        assert_eq!(tokio::time::timeout(Duration::from_millis(200), other).await, Ok(Some(7)));
        assert!(greedy.iter().any(|one| !one.is_finished()));
        for one in greedy {
            assert_eq!(one.await.unwrap(), Some(()));
        }
        assert_eq!(most.load(SeqCst), 1);
        drop(heavy.turns_of(organisation('3')));
        assert_eq!(heavy.by_organisation.lock().unwrap().len(), 1, "nothing is kept of who is gone");
    }

    #[tokio::test]
    async fn a_panic_ends_the_turn() {
        let heavy = Heavy::new();
        let turn = async || heavy.turn(organisation('1')).await.unwrap();
        assert_eq!(turn().await.run(async { panic!("in the work") }).await, None::<()>);
        assert_eq!(turn().await.run(async {}).await, Some(()));
    }
}
