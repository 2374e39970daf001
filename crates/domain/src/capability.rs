//! Who may do what: the permission table, in one place.

use crate::Role;

/// Something that may be done in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// See products and targets.
    ViewProducts,
    /// Create, change and delete products and targets.
    ChangeProducts,
    /// See, generate, rotate and revoke API keys.
    ManageKeys,
    /// See, invite and remove people, change their roles.
    ManageMembers,
    /// Change the organisation and read its audit log.
    ManageOrganisation,
}

impl Capability {
    /// Every capability, for tests that walk the table.
    pub const ALL: [Self; 5] = [
        Self::ViewProducts,
        Self::ChangeProducts,
        Self::ManageKeys,
        Self::ManageMembers,
        Self::ManageOrganisation,
    ];

    /// What it allows, as the end of "only Admins can …".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::ViewProducts => "view products and targets",
            Self::ChangeProducts => "change products and targets",
            Self::ManageKeys => "manage API keys",
            Self::ManageMembers => "manage members",
            Self::ManageOrganisation => "manage the organisation and read its audit log",
        }
    }

    /// Whether an API key has it.
    pub const fn of_api_key(self) -> bool {
        matches!(self, Self::ViewProducts | Self::ChangeProducts)
    }

    /// Whether a person must have proved the password lately to use it: it changes who gets in.
    pub const fn needs_fresh_proof(self) -> bool {
        !matches!(self, Self::ViewProducts | Self::ChangeProducts)
    }

    /// Whether a person with `role` has it.
    pub const fn of_person(self, role: Role) -> bool {
        match role {
            Role::Admin => true,
            Role::Member => matches!(self, Self::ViewProducts | Self::ChangeProducts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_table() {
        let table = Capability::ALL.map(|capability| {
            (capability.of_api_key(), capability.of_person(Role::Member), capability.of_person(Role::Admin))
        });
        assert_eq!(
            table,
            [
                (true, true, true),
                (true, true, true),
                (false, false, true),
                (false, false, true),
                (false, false, true)
            ]
        );
    }
}
