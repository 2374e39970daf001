//! Reads that entries of one list make, gathered into one: a document costs a statement a level, not one an entry.
//!
//! The fields of a list's entries are resolved side by side in one task. Each puts its key down and lets the others go on;
//! the first that comes back reads for all.

use crate::{operation::budget, schema::size::Size};
use domain::Invalid;
use service::{Error, Rejection};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

type Answer<V> = Result<Option<V>, Error>;
type Waiting<K, V> = Vec<(K, oneshot::Sender<Answer<V>>)>;

/// Keys of one kind of read that wait for their values.
pub(crate) struct BatchLoader<K, V> {
    waiting: Mutex<Waiting<K, V>>,
    /// How many entries a key may stand for.
    entries: fn(&K) -> usize,
}

/// How many entries are read by one statement at most, if each key has as many as it may: so much is in memory before it is counted.
const ENTRIES: usize = 2500;

/// Keys in groups that are read by one statement each.
fn groups<K>(keys: impl IntoIterator<Item = K>, entries_of: fn(&K) -> usize) -> Vec<Vec<K>> {
    let (mut groups, mut entries) = (Vec::<Vec<K>>::new(), 0);
    for key in keys {
        let more = entries_of(&key).max(1);
        match groups.last_mut() {
            Some(group) if entries + more <= ENTRIES => {
                entries += more;
                group.push(key);
            }
            _ => {
                entries = more;
                groups.push(vec![key]);
            }
        }
    }
    groups
}

/// Values that were read and are not taken by their fields yet.
struct Found<V> {
    values: V,
    size: usize,
}

impl<V> Drop for Found<V> {
    fn drop(&mut self) {
        budget::forget(self.size);
    }
}

impl<K: Clone + Eq + Hash, V: Clone + Size> BatchLoader<K, V> {
    /// `entries` tells how many entries a key may stand for.
    pub(crate) fn new(entries: fn(&K) -> usize) -> Self {
        Self { waiting: Mutex::default(), entries }
    }

    /// The value of `key`, out of a `read` for all keys that are asked for at the same time, or few reads if they are many.
    pub(crate) async fn load(
        &self,
        key: K,
        read: impl AsyncFnOnce(Vec<K>) -> Result<HashMap<K, V>, Error> + Clone,
    ) -> Answer<V> {
        let (answer, waiting) = oneshot::channel();
        self.waiting().push((key, answer));
        tokio::task::yield_now().await;
        let asked = std::mem::take(&mut *self.waiting());
        if !asked.is_empty() {
            let keys: HashSet<K> = asked.iter().map(|(key, _)| key.clone()).collect();
            let found = Self::read(groups(keys, self.entries), read).await;
            for (key, answer) in asked {
                let value = found.as_ref().map(|found| found.values.get(&key).cloned());
                // Whoever is gone does not need it any more.
                let _ = answer.send(value.map_err(Clone::clone));
            }
        }
        waiting.await.unwrap_or_else(|_| Err(Error::internal("a read was broken off")))
    }

    /// Reads one group after the other, until the budget of the request is used up.
    async fn read(
        groups: Vec<Vec<K>>,
        read: impl AsyncFnOnce(Vec<K>) -> Result<HashMap<K, V>, Error> + Clone,
    ) -> Result<Found<HashMap<K, V>>, Error> {
        let mut found = Found { values: HashMap::new(), size: 0 };
        for keys in groups {
            if let Some(message) = budget::exceeded() {
                return Err(Rejection::Invalid(Invalid::new("first", message)).into());
            }
            let more = read.clone()(keys).await?;
            let size = more.values().map(Size::size).sum();
            budget::read(size);
            found.size += size;
            if found.values.is_empty() {
                found.values = more;
            } else {
                found.values.extend(more);
            }
        }
        Ok(found)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const OF: fn(&u32) -> usize = |key| if *key >= 1000 { 1000 } else { 1 };

    impl Size for u32 {}

    #[test]
    fn keys_with_many_entries_are_read_in_groups() {
        let sizes = |keys: Vec<u32>| groups(keys, OF).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..1000).collect()), [1000]);
        assert_eq!(sizes((0..5).map(|number| 1000 + number).collect()), [2, 2, 1]);
        assert!(sizes(Vec::new()).is_empty());
    }

    #[tokio::test]
    async fn what_is_asked_side_by_side_is_read_once_and_each_gets_its_own() {
        let (batch_loader, reads) = (BatchLoader::<u32, u32>::new(OF), AtomicUsize::new(0));
        let read = async |keys: Vec<u32>| {
            reads.fetch_add(1, Ordering::Relaxed);
            Ok(keys.into_iter().filter(|key| key % 3 != 0).map(|key| (key, key * 10)).collect())
        };
        let answers = join_all((0..100).map(|number| batch_loader.load(number % 50, read))).await;
        for (number, answer) in (0..100).map(|number| number % 50).zip(answers) {
            assert_eq!(answer.unwrap(), (number % 3 != 0).then_some(number * 10));
        }
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert_eq!(batch_loader.load(1, read).await.unwrap(), Some(10));
        assert_eq!(reads.load(Ordering::Relaxed), 2, "nothing is remembered");
    }

    #[tokio::test]
    async fn a_failed_read_fails_for_everyone() {
        let batch_loader = BatchLoader::<u32, u32>::new(OF);
        let read = async |_: Vec<u32>| Err(Error::internal("broken"));
        let answers = join_all((0..3).map(|key| batch_loader.load(key, read))).await;
        assert!(answers.iter().all(Result::is_err));
    }
}
