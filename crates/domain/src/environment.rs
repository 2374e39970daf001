//! Where time and randomness enter: the composition root gives the real ones, tests give their own.

use crate::Timestamp;

/// A source of the current time, read once for each request.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock's time now.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes, good enough for secrets.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the whole of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Draws `N` bytes from `source`.
pub fn random<const N: usize>(source: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    source.fill(&mut bytes);
    bytes
}
