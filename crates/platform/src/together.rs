//! Reads that entries of one list make, gathered into one: a document costs a statement a level, not one an entry.
//!
//! The fields of a list's entries are resolved side by side in one task. Each puts its key down and lets the others go on;
//! the first that comes back reads for all.

use service::Failure;
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

type Answer<V> = Result<Option<V>, Failure>;
type Waiting<K, V> = Vec<(K, oneshot::Sender<Answer<V>>)>;

/// Keys of one kind of read that wait for their values.
pub(crate) struct Together<K, V>(Mutex<Waiting<K, V>>);

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Together<K, V> {
    /// The value of `key`, out of one `read` for all keys that are asked for at the same time.
    pub(crate) async fn load(
        &self,
        key: K,
        read: impl AsyncFnOnce(Vec<K>) -> Result<HashMap<K, V>, Failure>,
    ) -> Answer<V> {
        let (answer, waiting) = oneshot::channel();
        self.waiting().push((key, answer));
        tokio::task::yield_now().await;
        let asked = std::mem::take(&mut *self.waiting());
        if !asked.is_empty() {
            let keys: HashSet<K> = asked.iter().map(|(key, _)| key.clone()).collect();
            let found = read(keys.into_iter().collect()).await;
            for (key, answer) in asked {
                let value = found.as_ref().map(|found| found.get(&key).cloned());
                // Whoever is gone does not need it any more.
                let _ = answer.send(value.map_err(Clone::clone));
            }
        }
        waiting.await.unwrap_or_else(|_| Err(Failure::internal("a read was broken off")))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn what_is_asked_side_by_side_is_read_once_and_each_gets_its_own() {
        let (together, reads) = (Together::<u32, u32>::default(), AtomicUsize::new(0));
        let read = async |keys: Vec<u32>| {
            reads.fetch_add(1, Ordering::Relaxed);
            Ok(keys.into_iter().filter(|key| key % 3 != 0).map(|key| (key, key * 10)).collect())
        };
        let answers = join_all((0..100).map(|number| together.load(number % 50, read))).await;
        for (number, answer) in (0..100).map(|number| number % 50).zip(answers) {
            assert_eq!(answer.unwrap(), (number % 3 != 0).then_some(number * 10));
        }
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert_eq!(together.load(1, read).await.unwrap(), Some(10));
        assert_eq!(reads.load(Ordering::Relaxed), 2, "nothing is remembered");
    }

    #[tokio::test]
    async fn a_failed_read_fails_for_everyone() {
        let together = Together::<u32, u32>::default();
        let read = async |_: Vec<u32>| Err(Failure::internal("broken"));
        let answers = join_all((0..3).map(|key| together.load(key, read))).await;
        assert!(answers.iter().all(Result::is_err));
    }
}
