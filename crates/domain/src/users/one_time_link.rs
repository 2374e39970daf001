//! Links that work once: password resets, and the setup of the first organisation.

use crate::{Email, Timestamp, UserId};

words! {
    /// What a one-time link is for.
    pub enum LinkPurpose {
        /// Setting a new password.
        Reset = "reset",
        /// Making the first organisation.
        Setup = "setup",
    }
}

/// A one-time link.
#[derive(Debug, Clone)]
pub struct OneTimeLink {
    /// Whose password it sets.
    pub user: Option<(UserId, Email)>,
    /// From this instant on it works no more.
    pub expires_at: Timestamp,
    /// When it was used, if it was.
    pub consumed_at: Option<Timestamp>,
}

/// What a link's page has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState<T> {
    /// It can be used, for this.
    Open(T),
    /// Its time is over.
    Expired,
    /// It was used, or something newer took its place.
    Used,
    /// There is no such link: mistyped, cut off, or forgotten long ago.
    Unknown,
}

impl<T> LinkState<T> {
    /// What the link can be used for, if it can be.
    pub fn open(self) -> Option<T> {
        match self {
            Self::Open(what) => Some(what),
            Self::Expired | Self::Used | Self::Unknown => None,
        }
    }
}

impl OneTimeLink {
    /// The link as one that sets a user's password.
    pub fn reset(self, now: Timestamp) -> LinkState<(UserId, Email)> {
        let end = end(self.consumed_at.is_some(), self.expires_at, now);
        end.unwrap_or_else(|| self.user.map_or(LinkState::Unknown, LinkState::Open))
    }

    /// The link as one that makes the first organisation, which can be there already.
    pub fn setup(&self, has_organisations: bool, now: Timestamp) -> LinkState<()> {
        let is_used = self.consumed_at.is_some() || has_organisations;
        end(is_used, self.expires_at, now).unwrap_or(LinkState::Open(()))
    }
}

fn end<T>(is_used: bool, expires_at: Timestamp, now: Timestamp) -> Option<LinkState<T>> {
    if is_used { Some(LinkState::Used) } else { (expires_at <= now).then_some(LinkState::Expired) }
}
