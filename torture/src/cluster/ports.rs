//! Ports for servers that come and go: below those that the kernel gives to clients, or a client could sit on the port
//! of a server that is just being restarted.

use crate::outcome::Outcome;
use std::{
    net::TcpListener,
    sync::atomic::{AtomicU32, Ordering},
};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that nothing listens on and that this process has not given out yet.
pub(crate) fn free() -> Outcome<u16> {
    for _ in 0..20_000 {
        let offset = std::process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(12_000 + offset % 20_000).map_err(|error| error.to_string())?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".to_owned())
}
