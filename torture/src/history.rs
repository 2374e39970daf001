//! What happened, as clients saw it: every operation with its interval, its node and its outcome.

use std::{
    fmt::{self, Display, Formatter},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

/// One API key, one secret of it, one token issued with it, one node: numbered in the order in which clients learnt of them.
pub(crate) type Number = u32;

/// What a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A key with its first secret.
    Generate { key: Number, secret: Number },
    /// A new secret for a key; the number stands for it whether or not it was ever seen.
    Rotate { key: Number, secret: Number, end_tokens: bool },
    /// The end of a key.
    Revoke { key: Number },
    /// The end of one token.
    EndToken { token: Number },
    /// A secret for a token; the number stands for it if it was granted.
    Exchange { secret: Number, token: Number },
    /// A call of the API.
    Call { token: Number },
}

impl Operation {
    /// Whether it only asks for access.
    pub(crate) const fn is_use(self) -> bool {
        matches!(self, Self::Exchange { .. } | Self::Call { .. })
    }

    /// A rotation or a revocation.
    pub(crate) const fn is_ending(self) -> bool {
        matches!(self, Self::Rotate { .. } | Self::Revoke { .. })
    }
}

/// What the client was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It was done; the secret, the token or the API let the client in.
    Done,
    /// The credentials are no good.
    Rejected,
    /// 503, or nobody listened: for sure not done, and no word about the credentials.
    Unavailable,
    /// No answer, or one that leaves open whether it was done.
    Unknown,
    /// An answer that must never come, like a 500.
    Wrong,
}

/// One operation. Times are nanoseconds since the history began: before the first byte was sent and after the last was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) operation: Operation,
    pub(crate) reply: Reply,
    pub(crate) node: Number,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { operation, reply, node, start, end } = self;
        write!(f, "{operation:?} at node {node}, {start} ns to {end} ns: {reply:?}")
    }
}

/// The clock and the numbers that all recorders share.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    keys: AtomicU32,
    secrets: AtomicU32,
    tokens: AtomicU32,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            keys: AtomicU32::new(0),
            secrets: AtomicU32::new(0),
            tokens: AtomicU32::new(0),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn key(&self) -> Number {
        self.keys.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn secret(&self) -> Number {
        self.secrets.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn token(&self) -> Number {
        self.tokens.fetch_add(1, Ordering::Relaxed)
    }
}
