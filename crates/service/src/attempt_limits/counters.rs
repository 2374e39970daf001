//! Counts of attempts, in memory that does not grow.
//!
//! Each count is one number, the generic cell rate algorithm's: when all that was counted so far would have been due at the
//! allowed rate. The counts lie in sets of eight. Where a set is full, the count that is nearest to being forgotten anyway makes
//! room: whoever makes many counts up loses those, and not the count of somebody who is over a limit.

use std::{
    hash::{Hash, RandomState},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// 131,072 counts in 2 MiB, which the system gives as they are used.
const SETS: usize = 16_384;
const WAYS: usize = 8;

/// A rate, and how many may come at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    /// How far apart attempts are at the allowed rate, in nanoseconds.
    interval: u64,
    burst: u32,
}

impl Quota {
    /// So many a minute, all of them at once if need be. None for no limit.
    pub(super) fn per_minute(count: u32) -> Option<Self> {
        Self::one_in(Duration::from_mins(1), count)
            .map(|quota| Self { interval: quota.interval / u64::from(quota.burst), ..quota })
    }

    /// So many at once, then one in each period. None for no limit.
    pub(super) fn one_in(period: Duration, burst: u32) -> Option<Self> {
        let burst = NonZeroU32::new(burst)?.get();
        Some(Self { interval: nanoseconds(period), burst })
    }

    pub(super) const fn times(self, factor: u32) -> Self {
        Self { interval: self.interval / factor as u64, burst: self.burst.saturating_mul(factor) }
    }

    /// How far ahead of the rate attempts may be.
    fn ahead(self) -> u64 {
        self.interval.saturating_mul(u64::from(self.burst) - 1)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One count that an attempt adds to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    key: u64,
    quota: Quota,
}

/// Key and time of each count of a set. All zero is free.
type Set = [[u64; 2]; WAYS];

pub(super) struct Counters {
    sets: Mutex<Vec<Set>>,
    /// Nobody outside knows which set a key falls into.
    state: RandomState,
    /// None in tests, where no time goes by.
    started: Option<Instant>,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            sets: Mutex::new(vec![[[0; 2]; WAYS]; SETS]),
            state: RandomState::new(),
            started: Some(Instant::now()),
        }
    }

    #[cfg(test)]
    pub(super) fn without_time() -> Self {
        Self { started: None, ..Self::new() }
    }

    pub(super) fn key(&self, of: impl Hash) -> u64 {
        use std::hash::BuildHasher;
        self.state.hash_one(of).max(1)
    }

    pub(super) fn of(&self, of: impl Hash, quota: Option<Quota>) -> Option<Count> {
        quota.map(|quota| Count { key: self.key(of), quota })
    }

    /// Counts an attempt wherever it counts, unless one of the limits is reached: then nowhere, and the answer is how many
    /// seconds to wait.
    pub(super) fn count(&self, counts: &[Count]) -> Option<u64> {
        self.count_at(self.started.map_or(0, |started| nanoseconds(started.elapsed())), counts)
    }

    fn count_at(&self, now: u64, counts: &[Count]) -> Option<u64> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |count: &Count| {
            let ahead = found(&mut sets, count.key).saturating_sub(now);
            ahead.checked_sub(count.quota.ahead()).filter(|wait| *wait > 0)
        };
        if let Some(wait) = counts.iter().filter_map(wait).max() {
            return Some(wait / 1_000_000_000 + 1);
        }
        for Count { key, quota } in counts {
            let due = found(&mut sets, *key).max(now).saturating_add(quota.interval);
            put(&mut sets, *key, due);
        }
        None
    }
}

fn set(sets: &mut [Set], key: u64) -> Option<&mut Set> {
    let number = usize::try_from(key % SETS as u64).ok()?;
    sets.get_mut(number)
}

/// When what was counted under a key is due.
fn found(sets: &mut [Set], key: u64) -> u64 {
    let slot = set(sets, key).and_then(|set| set.iter().find(|[held, _]| *held == key));
    slot.map_or(0, |[_, due]| *due)
}

fn put(sets: &mut [Set], key: u64, due: u64) {
    let slot = set(sets, key).and_then(|set| {
        // What is there already comes first, then whatever is due first; a free one is due at 0.
        set.iter_mut().min_by_key(|[held, due]| (*held != key, *due))
    });
    if let Some(slot) = slot {
        *slot = [key, due];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_quota_is_there_again_as_time_goes_by() {
        let counters = Counters::new();
        let count = counters.of("ada", Quota::per_minute(3));
        let at = |seconds: u64| counters.count_at(seconds * SECOND, count.as_slice());
        assert_eq!([at(0), at(0), at(0)], [None; 3]);
        assert_eq!((at(0), at(10)), (Some(21), Some(11)));
        assert_eq!((at(20), at(20)), (None, Some(21)));
        assert_eq!([at(200), at(200), at(200)], [None; 3]);
        assert_eq!(at(200), Some(21), "no more than the burst, however long it was quiet");
    }

    #[test]
    fn what_one_limit_rejects_counts_for_no_other() {
        let counters = Counters::new();
        let narrow = counters.of("narrow", Quota::per_minute(1)).unwrap();
        let wide = counters.of("wide", Quota::per_minute(3)).unwrap();
        for order in [[narrow, wide], [wide, narrow]] {
            let counted = (0..100).filter(|_| counters.count_at(0, &order).is_none()).count();
            assert!(counted <= 1, "{counted}");
        }
        assert_eq!([(); 3].map(|()| counters.count_at(0, &[wide]).is_none()), [true, true, false]);
    }

    #[test]
    fn a_count_over_its_limit_is_kept_while_a_million_others_come() {
        let counters = Counters::new();
        let ada = counters.of("ada", Quota::per_minute(10));
        while counters.count_at(0, ada.as_slice()).is_none() {}
        for number in 0..1_000_000 {
            let other = counters.of(number, Quota::per_minute(10));
            counters.count_at(0, other.as_slice());
        }
        assert!(counters.count_at(0, ada.as_slice()).is_some());
        assert_eq!(counters.sets.lock().unwrap().len(), SETS);
    }
}
