//! Where randomness enters: the composition root gives the real source, tests give their own.

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
