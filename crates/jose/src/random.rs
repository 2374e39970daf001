//! The system's random source, for the composition root to hand out.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use domain::Entropy;

/// Unpredictable bytes from aws-lc's generator, which the operating system seeds.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The source.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness no secret may be made: stopping is the only safe answer.
        if self.0.fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
