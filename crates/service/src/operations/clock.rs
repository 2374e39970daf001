//! Whether this process's clock may decide what is forgotten, warned of or replaced.
//!
//! Nothing of that can be undone, so a clock is not believed by itself. PostgreSQL's clock confirms it. On SQLite the last
//! confirmed time does, which whoever is confirmed writes down every minute: a clock that is further from it than the
//! tolerance is believed only after it has run steadily for as long as the tolerance, while nobody else was confirmed.

use crate::{Operations, RequestContext, Result};
use domain::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where the data remember the last time that was confirmed, in milliseconds since the Unix epoch.
const CONFIRMED_AT: &str = "clock.confirmed_at";
const MINUTE_SECONDS: i64 = 60;

/// What a process has seen of its own clock.
#[derive(Debug, Default)]
pub(crate) struct ClockMonitor(Mutex<Seen>);

#[derive(Debug, Clone, Default)]
struct Seen {
    /// When it last looked.
    at: Option<Timestamp>,
    /// For how many looks in a row the clock moved on by about a minute.
    steady_minutes: i64,
    /// What was confirmed then.
    confirmed_at: Option<Timestamp>,
    warned: bool,
}

/// What others say of the time.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    /// The database server's clock.
    server: Option<Timestamp>,
    /// The last confirmed time.
    confirmed_at: Option<Timestamp>,
    /// When the newest entry of the audit log was written; asked for while nothing was confirmed yet.
    newest_entry: Option<Timestamp>,
}

impl Evidence {
    /// What the data know of the time.
    fn last_known(self) -> Option<Timestamp> {
        self.confirmed_at.or(self.newest_entry)
    }
}

impl ClockMonitor {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// A minute has passed, by a timer that does not depend on the clock.
    fn note_minute(&mut self, now: Timestamp, confirmed_at: Option<Timestamp>) {
        let passed = self.at.map(|before| now.seconds().saturating_sub(before.seconds()));
        let steady = passed.is_some_and(|seconds| (seconds - MINUTE_SECONDS).abs() <= MINUTE_SECONDS / 2);
        let alone = self.confirmed_at == confirmed_at;
        self.steady_minutes = if steady && alone { self.steady_minutes + 1 } else { 0 };
        (self.at, self.confirmed_at) = (Some(now), confirmed_at);
    }

    fn confirms(&self, now: Timestamp, evidence: Evidence, tolerance_seconds: i64) -> bool {
        let near = |other: Timestamp| {
            now.seconds().saturating_sub(other.seconds()).saturating_abs() <= tolerance_seconds
        };
        let is_steady = || self.steady_minutes.saturating_mul(MINUTE_SECONDS) >= tolerance_seconds;
        match evidence.server {
            Some(server) => near(server),
            None => evidence.last_known().is_none_or(|known| near(known) || is_steady()),
        }
    }
}

impl Operations<'_> {
    /// Whether the clock is confirmed, and says in the log when it is not any more.
    pub(crate) async fn clock_is_confirmed(self, ctx: &RequestContext) -> Result<bool> {
        let evidence = self.evidence().await?;
        let tolerance = self.0.policy.clock_tolerance_seconds;
        let mut seen = self.0.watch.seen();
        let confirmed = seen.confirms(ctx.now, evidence, tolerance);
        if seen.warned == confirmed {
            seen.warned = !confirmed;
            drop(seen);
            say(ctx.now, evidence, confirmed);
        }
        metrics::gauge!("duku_clock_confirmed").set(f64::from(u8::from(confirmed)));
        Ok(confirmed)
    }

    /// The same, once every minute.
    pub(crate) async fn confirm_clock(self, ctx: &RequestContext) -> Result<bool> {
        let before = self.evidence().await?;
        self.0.watch.seen().note_minute(ctx.now, before.confirmed_at);
        let confirmed = self.clock_is_confirmed(ctx).await?;
        if confirmed && before.server.is_none() && before.confirmed_at != Some(ctx.now) {
            let mut transaction = self.0.store.begin().await?;
            transaction.set_meta(CONFIRMED_AT, &ctx.now.ms().to_string()).await?;
            transaction.commit().await?;
            self.0.watch.seen().confirmed_at = Some(ctx.now);
        }
        Ok(confirmed)
    }

    async fn evidence(self) -> Result<Evidence> {
        let mut reader = self.0.store.reader().await?;
        let server = reader.server_time().await?;
        let confirmed_at = reader.meta(CONFIRMED_AT).await?;
        let confirmed_at = confirmed_at.and_then(|ms| ms.parse().ok()).map(Timestamp::from_ms);
        let newest_entry = match (server, confirmed_at) {
            (None, None) => reader.newest_audit_time().await?,
            _ => None,
        };
        Ok(Evidence { server, confirmed_at, newest_entry })
    }
}

fn say(now: Timestamp, evidence: Evidence, confirmed: bool) {
    if confirmed {
        tracing::info!("the clock is confirmed: cleaning, warnings and new signing keys go on");
        return;
    }
    let by = if evidence.server.is_some() { "PostgreSQL's clock" } else { "the last confirmed time" };
    let other = evidence.server.or_else(|| evidence.last_known()).unwrap_or(now);
    tracing::warn!(
        clock = %now,
        %other,
        "the clock is far from {by}: nothing is cleaned up, nobody is warned of keys that expire and no signing key is replaced until \
         they agree; check the clock of this machine"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const START: Timestamp = Timestamp::from_ms(1_700_000_000_000);

    fn evidence(server: Option<i64>, confirmed: Option<i64>) -> Evidence {
        let at = |seconds: i64| START.plus_seconds(seconds);
        Evidence { server: server.map(at), confirmed_at: confirmed.map(at), newest_entry: None }
    }

    /// A process whose clock ran from `from` for so many minutes while the last confirmed time stayed.
    fn ran(from: i64, minutes: i64, confirmed: Option<i64>) -> Seen {
        let mut seen = Seen::default();
        for minute in 0..=minutes {
            let confirmed = confirmed.map(|seconds| START.plus_seconds(seconds));
            seen.note_minute(START.plus_seconds(from + 60 * minute), confirmed);
        }
        seen
    }

    #[test]
    fn a_server_decides_alone() {
        let seen = ran(0, 1000, None);
        for (offset, confirmed) in [(0, true), (HOUR, true), (HOUR + 1, false), (-HOUR - 1, false)] {
            let says = seen.confirms(START.plus_seconds(offset), evidence(Some(0), Some(offset)), HOUR);
            assert_eq!(says, confirmed, "{offset}");
        }
    }

    #[test]
    fn a_clock_that_jumped_is_believed_once_it_ran_steadily_for_the_tolerance() {
        let ahead = 72 * HOUR;
        for (minutes, confirmed) in [(0, false), (1, false), (59, false), (60, true)] {
            let now = START.plus_seconds(ahead + 60 * minutes);
            let says = ran(ahead, minutes, Some(0)).confirms(now, evidence(None, Some(0)), HOUR);
            assert_eq!(says, confirmed, "{minutes}");
        }
        let mut jumped = ran(0, 60, Some(0));
        jumped.note_minute(START.plus_seconds(ahead), Some(START));
        assert!(!jumped.confirms(START.plus_seconds(ahead), evidence(None, Some(0)), HOUR));
    }

    #[test]
    fn a_clock_is_never_believed_against_another_process_that_is_confirmed() {
        let ahead = 72 * HOUR;
        let mut seen = Seen::default();
        for minute in 0..1000 {
            let (now, other) = (START.plus_seconds(ahead + 60 * minute), 60 * minute);
            seen.note_minute(now, Some(START.plus_seconds(other)));
            assert!(!seen.confirms(now, evidence(None, Some(other)), HOUR), "{minute}");
        }
    }

    #[test]
    fn a_clock_that_drifts_a_minute_an_hour_is_believed_alone_and_not_against_a_server() {
        let (mut alone, mut confirmed) = (Seen::default(), START);
        let mut beside_server = Seen::default();
        for minute in 0..7 * 24 * 60 {
            // A minute of its timer is a minute and a second of its clock.
            let (now, server) = (START.plus_seconds(61 * minute), START.plus_seconds(60 * minute));
            alone.note_minute(now, Some(confirmed));
            let evidence = Evidence { server: None, confirmed_at: Some(confirmed), newest_entry: None };
            assert!(alone.confirms(now, evidence, HOUR), "{minute}");
            confirmed = now;
            beside_server.note_minute(now, None);
            let evidence = Evidence { server: Some(server), confirmed_at: None, newest_entry: None };
            assert_eq!(beside_server.confirms(now, evidence, HOUR), minute <= 3600, "{minute}");
        }
    }

    #[test]
    fn no_clock_makes_it_panic() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            let mut seen = ran(0, 1, Some(0));
            seen.note_minute(Timestamp::from_ms(now), None);
            seen.confirms(Timestamp::from_ms(now), evidence(Some(0), Some(0)), i64::MAX);
        }
    }
}
