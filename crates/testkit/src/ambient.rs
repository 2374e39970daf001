//! Time and randomness that tests drive.

use domain::{Clock, Entropy, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

/// A clock that stands still until a test moves it. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// 2027-01-15T08:00:00Z.
    pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    /// A clock that shows [`Self::START`].
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(Self::START.ms())))
    }

    /// Moves the clock; a negative number moves it back.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that look random, never repeat within one source, and are the same at every run.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// A source; different seeds give different bytes.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64: each step of the counter gives a different word.
            let mut word = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}
