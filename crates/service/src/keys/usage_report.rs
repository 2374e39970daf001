//! A key's use as an Admin sees it: thirty days, and where it was used from.

use crate::{Keys, Principal, RequestContext, Result};
use domain::{KeyOverview, KeyUse, RecentSource};

/// How many days a key's page shows.
pub const SHOWN_DAYS: i64 = 30;

/// A key with its use.
#[derive(Debug, Clone)]
pub struct KeyReport {
    /// The key.
    pub overview: KeyOverview,
    /// The last 30 days, oldest first, without gaps; the last one is today in UTC.
    pub days: Vec<KeyUse>,
    /// Where it was used from in that time, newest first, at most 100.
    pub sources: Vec<RecentSource>,
    /// How often an older address was left out of these.
    pub other_addresses: i64,
}

impl Keys<'_> {
    /// A key of the organisation with its use of the last 30 days.
    ///
    /// # Errors
    /// The principal is no Admin, the key is not there, or the store fails.
    pub async fn report(self, ctx: &RequestContext, principal: &Principal, id: &str) -> Result<KeyReport> {
        let overview = self.get(principal, id).await?;
        let first = ctx.now.day() - SHOWN_DAYS + 1;
        let since = ctx.now.plus_seconds(-SHOWN_DAYS * 86_400);
        let mut reader = self.0.store.reader().await?;
        let used = reader.key_days(&overview.key.id, first).await?;
        let sources = reader.key_sources(&overview.key.id, since).await?;
        let other_addresses = used.iter().map(|counts| counts.other_addresses).sum();
        let days = (first..=ctx.now.day())
            .map(|day| {
                let found = used.iter().find(|counts| counts.day == day).copied();
                found.unwrap_or(KeyUse { day, ..KeyUse::default() })
            })
            .collect();
        Ok(KeyReport { overview, days, sources, other_addresses })
    }
}
