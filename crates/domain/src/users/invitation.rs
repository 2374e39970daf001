//! Invitations into an organisation, by a link that works once.

use crate::{Email, InvitationId, LinkState, OrganisationId, Role, Timestamp, UserId};

/// An invitation into an organisation.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Its id, `inv_…`.
    pub id: InvitationId,
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub organisation_name: String,
    /// Who is invited.
    pub email: Email,
    /// The role that awaits the user.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, as people know them.
    pub created_by: String,
    /// The Admin who made it; none if an operator did. It works only while this user is an Admin.
    pub inviter: Option<UserId>,
    /// From this instant on its link works no more.
    pub expires_at: Timestamp,
    /// When and how it ended, if it did.
    pub end: Option<(Timestamp, InvitationEnd)>,
}

words! {
    /// How an invitation ended.
    pub enum InvitationEnd {
        /// The user joined.
        Accepted = "accepted",
        /// An Admin took it back.
        Revoked = "revoked",
        /// A newer one for the same user took its place.
        Replaced = "replaced",
    }
}

impl Invitation {
    /// Whether it can be accepted at `now`, as far as it itself tells.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.end.is_none() && self.expires_at > now
    }

    /// What its link leads to at `now`.
    pub fn state(self, inviter_may_invite: bool, now: Timestamp) -> LinkState<Self> {
        if self.end.is_some() || !inviter_may_invite {
            LinkState::Used
        } else if self.is_open(now) {
            LinkState::Open(self)
        } else {
            LinkState::Expired
        }
    }

    /// Whether the user with this address accepted it.
    pub fn was_accepted_by(&self, email: &Email) -> bool {
        self.email == *email && matches!(self.end, Some((_, InvitationEnd::Accepted)))
    }
}
