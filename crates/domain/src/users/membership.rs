//! Who belongs to which organisation, and in which role.

use crate::{Email, OrganisationId, Role, Timestamp, UserId};

/// A user in one organisation, as its Admins see them.
#[derive(Debug, Clone)]
pub struct Member {
    /// The user's id.
    pub id: UserId,
    /// The user's address.
    pub email: Email,
    /// What the user may do there.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
    /// Whether the user has a second factor.
    pub second_factor: bool,
}

/// An organisation that a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub organisation_name: String,
    /// What the user may do there.
    pub role: Role,
}

/// The organisation that a user enters: the one of the last time, if the user still belongs to it, or the first.
pub fn organisation_to_enter(
    last: Option<OrganisationId>,
    memberships: &[Membership],
) -> Option<OrganisationId> {
    let known = |id: &OrganisationId| memberships.iter().any(|one| one.organisation_id == *id);
    last.filter(known).or_else(|| memberships.first().map(|first| first.organisation_id.clone()))
}
