//! A key as a list shows it.

use domain::{KeyOverview, Timestamp};
use pages::Time;
use service::keys::usage_report::KeyReport;
use std::collections::BTreeSet;

const DAY_SECONDS: i64 = 86_400;
/// From so many days before its expiry on a key is marked in amber, and in red.
const SOON_DAYS: i64 = 14;
const URGENT_DAYS: i64 = 3;
/// A key that was not used for so many days is a candidate to be revoked.
const UNUSED_DAYS: i64 = 30;
/// A key is "in use right now" if it was used within so many seconds.
const RIGHT_NOW_SECONDS: i64 = 3600;

/// A key's status, as a word and a colour.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StatusBadge {
    Active,
    /// It expires within 14 days; within 3 if urgent.
    ExpiresSoon {
        urgent: bool,
    },
    /// The previous secret works on until then.
    Grace(Time),
    Expired,
}

impl StatusBadge {
    /// The colour's name in the stylesheet.
    pub(crate) const fn class(&self) -> &'static str {
        match self {
            Self::Active => "ok",
            Self::ExpiresSoon { urgent: false } => "soon",
            Self::ExpiresSoon { urgent: true } => "urgent",
            Self::Grace(_) => "grace",
            Self::Expired => "off",
        }
    }

    fn of(overview: &KeyOverview, now: Timestamp) -> Self {
        let key = &overview.key;
        if !key.is_active(now) {
            return Self::Expired;
        }
        let within = |days: i64| key.expires_at < now.plus_seconds(days * DAY_SECONDS);
        match key.running_grace(now) {
            Some(grace) => Self::Grace(pages::moment(&grace.until)),
            None if within(SOON_DAYS) => Self::ExpiresSoon { urgent: within(URGENT_DAYS) },
            None => Self::Active,
        }
    }
}

/// One key, and what the list says of it at this moment.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) overview: KeyOverview,
    pub(crate) status: StatusBadge,
    pub(crate) is_active: bool,
    /// The colour of the expiry: amber, red or none.
    pub(crate) expires_class: &'static str,
    /// For how many days it was not used, if that is a reason to revoke it.
    pub(crate) unused_days: Option<i64>,
}

impl Row {
    /// Whether no workload may use it yet.
    pub(crate) fn waits_for_first_run(&self) -> bool {
        let workload = self.overview.identity.as_ref().and_then(|identity| identity.identity.workload());
        workload.is_some_and(|workload| workload.conditions().is_none())
    }

    pub(crate) fn of(overview: &KeyOverview, now: Timestamp) -> Self {
        let key = &overview.key;
        let is_active = key.is_active(now);
        let within = |days: i64| is_active && key.expires_at < now.plus_seconds(days * DAY_SECONDS);
        Self {
            overview: overview.clone(),
            status: StatusBadge::of(overview, now),
            is_active,
            expires_class: if within(URGENT_DAYS) {
                "urgent"
            } else if within(SOON_DAYS) {
                "soon"
            } else {
                ""
            },
            unused_days: unused_days(overview, now),
        }
    }
}

/// From how many addresses a key is in use right now.
pub(super) fn in_use_from(report: &KeyReport, now: Timestamp) -> usize {
    let since = now.plus_seconds(-RIGHT_NOW_SECONDS);
    let recent = report.sources.iter().filter(|source| source.last_used_at > since);
    recent.map(|source| &source.address).collect::<BTreeSet<_>>().len()
}

fn unused_days(overview: &KeyOverview, now: Timestamp) -> Option<i64> {
    let quiet_since = overview.last_used_at.unwrap_or(overview.key.created_at);
    let days = (now.seconds() - quiet_since.seconds()) / DAY_SECONDS;
    (overview.key.is_active(now) && days >= UNUSED_DAYS).then_some(days)
}
