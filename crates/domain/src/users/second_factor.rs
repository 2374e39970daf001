//! The second factor: a TOTP secret (RFC 6238).

use crate::Timestamp;

/// How long a secret that is not confirmed is shown again, in seconds: later, somebody else may have seen it.
const SETTING_UP_SECONDS: i64 = 3600;

/// A user's TOTP secret.
#[derive(Debug, Clone)]
pub struct SecondFactor {
    /// The secret, sealed under the master key.
    pub sealed_secret: Vec<u8>,
    /// When the user proved to have it; none while it is being set up.
    pub confirmed_at: Option<Timestamp>,
    /// The last time step whose code was used (RFC 6238 §5.2: each once).
    pub last_step: i64,
}

impl SecondFactor {
    /// Whether the user has proved to have it: only then is it asked for.
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed_at.is_some()
    }

    /// A secret that is being set up at `now` and was begun before this instant is replaced.
    pub const fn replaced_before(now: Timestamp) -> Timestamp {
        now.plus_seconds(-SETTING_UP_SECONDS)
    }
}
