//! Instants, lifetimes and where time enters: the composition root gives the real clock, tests give their own.

use crate::Invalid;
use std::fmt;

/// A source of the current time, read once for each request.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock's time now.
    fn now(&self) -> Timestamp;
}

/// An instant, in Unix milliseconds. Shown as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `ms` milliseconds after the Unix epoch.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// The instant `seconds` after the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Unix milliseconds.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Whole Unix seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The same instant with its milliseconds cut off.
    #[must_use]
    pub const fn to_whole_second(self) -> Self {
        Self::from_seconds(self.seconds())
    }

    /// The instant `seconds` later (earlier if negative).
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Days since the Unix epoch, in UTC: the bucket of a daily counter.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// How long a key lives from its generation or last rotation: 1 to 365 whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(i64);

impl Lifetime {
    /// Seconds in one day.
    pub const DAY_SECONDS: i64 = 86_400;
    /// The longest lifetime that any organisation may allow, in days.
    pub const MAXIMUM_DAYS: i64 = 365;
    /// The lifetime that a new organisation starts with.
    pub const DEFAULT: Self = Self(90 * Self::DAY_SECONDS);
    /// The maximum that a new organisation starts with.
    pub const MAXIMUM: Self = Self(Self::MAXIMUM_DAYS * Self::DAY_SECONDS);

    /// A lifetime of whole days.
    ///
    /// # Errors
    /// Fewer than 1 or more than 365 days.
    pub fn from_days(days: i64) -> Result<Self, Invalid> {
        if (1..=Self::MAXIMUM_DAYS).contains(&days) {
            Ok(Self(days * Self::DAY_SECONDS))
        } else {
            Err(Invalid::new(
                "expiresInDays",
                format!("a key lives 1 to {} days; {days} is outside", Self::MAXIMUM_DAYS),
            ))
        }
    }

    /// A lifetime read back from storage.
    ///
    /// # Errors
    /// Not whole days from 1 to 365.
    pub fn from_seconds(seconds: i64) -> Result<Self, Invalid> {
        if seconds % Self::DAY_SECONDS == 0 {
            Self::from_days(seconds / Self::DAY_SECONDS)
        } else {
            Err(Invalid::new("expiresInDays", "a lifetime is a number of whole days"))
        }
    }

    /// The lifetime in seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The lifetime in days.
    pub const fn days(self) -> i64 {
        self.0 / Self::DAY_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_rfc_3339() {
        assert_eq!(Timestamp::from_seconds(1_795_410_000).to_string(), "2026-11-23T05:00:00Z");
        assert_eq!(Timestamp::from_ms(-1).seconds(), -1);
    }

    #[test]
    fn lifetimes_run_from_1_to_365_days() {
        assert!(Lifetime::from_days(0).is_err());
        assert_eq!(Lifetime::from_days(1).unwrap().seconds(), 86_400);
        assert_eq!(Lifetime::from_days(365).unwrap(), Lifetime::MAXIMUM);
        assert!(Lifetime::from_days(366).is_err());
        assert!(Lifetime::from_seconds(86_401).is_err());
    }
}
