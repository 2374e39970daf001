//! The tenant and its rules for keys.

use crate::{Invalid, Lifetime, Name, OrganisationId, Timestamp};

/// A tenant. Nothing crosses its boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id, `org_…`.
    pub id: OrganisationId,
    /// Its name, as tokens carry it in `org_name`.
    pub name: Name,
    /// How long its keys live and may live.
    pub key_policy: KeyPolicy,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether its people need a second factor to work in it.
    pub require_second_factor: bool,
    /// Whether its keys get no new secrets: only workload identities and public keys.
    pub secretless_only: bool,
}

/// How long an organisation's keys live and may live at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPolicy {
    /// What a key gets if the Admin picks nothing; never over `maximum`.
    pub default: Lifetime,
    /// The longest lifetime that an Admin may pick.
    pub maximum: Lifetime,
}

impl KeyPolicy {
    /// What a new organisation starts with: 90 days, at most 365.
    pub const INITIAL: Self = Self { default: Lifetime::DEFAULT, maximum: Lifetime::MAXIMUM };

    /// Checks a default and a maximum against each other.
    ///
    /// # Errors
    /// The default is longer than the maximum.
    pub fn new(default: Lifetime, maximum: Lifetime) -> Result<Self, Invalid> {
        if default <= maximum {
            Ok(Self { default, maximum })
        } else {
            Err(Invalid::new("defaultLifetimeDays", "the default may not be longer than the maximum"))
        }
    }

    /// The lifetime of a new key: what was asked for, or the default.
    ///
    /// # Errors
    /// Outside 1 to 365 days, or over this organisation's maximum.
    pub fn choose(&self, days: Option<i64>) -> Result<Lifetime, Invalid> {
        let Some(days) = days else { return Ok(self.default) };
        let lifetime = Lifetime::from_days(days)?;
        if lifetime <= self.maximum {
            Ok(lifetime)
        } else {
            Err(Invalid::new(
                "expiresInDays",
                format!("this organisation allows at most {} days; {days} is more", self.maximum.days()),
            ))
        }
    }
}
