//! How many requests of a class may be worked on at once, from how fast they are answered.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So many requests are worked on without waiting for each other, or close to it: no overload.
pub(super) const AT_ONCE: usize = 16;
/// A request queues up to so often: to be read, for its look-up, for its work, and to be answered. All of it is the time that it
/// may wait.
const TURNS: u32 = 4;
/// How many measurements the rate of answers is taken from.
pub(super) const MEASUREMENTS: usize = 20;
/// What is assumed of a rate beforehand: a millisecond for each of so many. A process that was not given the processor for
/// a moment must not look like one that nobody gets an answer from.
const PRIOR: u32 = 50;

/// How fast something goes, from the counts of the last measurements.
pub(super) struct Rate {
    seen: VecDeque<(Instant, usize)>,
    most: usize,
}

impl Rate {
    pub(super) const fn over(most: usize) -> Self {
        Self { seen: VecDeque::new(), most }
    }

    pub(super) fn forget(&mut self) {
        self.seen.clear();
    }

    /// How long each takes, now that so many have been counted.
    pub(super) fn each(&mut self, now: Instant, count: usize) -> Duration {
        let (since, before) = self.seen.front().copied().unwrap_or((now, count));
        self.seen.push_back((now, count));
        if self.seen.len() > self.most {
            self.seen.pop_front();
        }
        each(now - since, count.wrapping_sub(before))
    }
}

fn each(elapsed: Duration, count: usize) -> Duration {
    let count = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(PRIOR);
    (elapsed + Duration::from_millis(u64::from(PRIOR))) / count
}

/// How many may be worked on, so that the last of them is answered in time.
pub(super) fn allowed(each: Duration, patience: Duration) -> usize {
    let behind_each_other = (patience / TURNS).as_nanos() / each.as_nanos().max(1);
    AT_ONCE.saturating_add(usize::try_from(behind_each_other).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(500);
    const MEASURED: Duration = Duration::from_millis(25);

    #[test]
    fn so_many_are_worked_on_as_are_answered_in_time() {
        let second = Duration::from_secs(1);
        let allowed_at = |elapsed, done| allowed(each(elapsed, done), PATIENCE);
        // 500 answers a second: 250 of them come within the half second that requests may wait, in four turns.
        assert!((75..85).contains(&allowed_at(second, 500)), "{}", allowed_at(second, 500));
        assert!(allowed_at(second, 20_000) > 2000);
        // Before the first answer the best is assumed, but not for long.
        assert_eq!(allowed_at(Duration::ZERO, 0), AT_ONCE + 125);
        assert!(allowed_at(second, 0) < AT_ONCE + 15);
        assert_eq!(allowed(Duration::ZERO, Duration::MAX), usize::MAX);
    }

    #[test]
    fn a_rate_is_that_of_the_last_measurements() {
        let (start, mut rate) = (Instant::now(), Rate::over(4));
        for number in 0..10 {
            let fast = if number < 5 { 0 } else { 1000 * (number - 5) };
            rate.each(start + MEASURED * u32::try_from(number).unwrap(), fast);
        }
        // Four measurements ago there were 1,000 fewer each.
        let each = rate.each(start + MEASURED * 10, 5000);
        assert!(each < Duration::from_micros(50), "{each:?}");
    }
}
