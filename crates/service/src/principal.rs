//! Who asks, and what they may do.

use crate::Rejection;
use domain::{
    Capability, Claim, Email, KeyId, OrganisationId, Role, ScopeSet, Timestamp, UserId,
    audit::{Actor, ActorKind},
    authority::{Caller, check_capability},
};

/// Someone who has proved who they are, in one organisation, as they were when the request was authenticated. What they may
/// change is decided again, from the claim, in the transaction that changes it.
#[derive(Debug, Clone)]
pub struct Principal {
    /// What authentication proved.
    pub claim: Claim,
    /// The organisation: nothing outside it exists for this principal.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub organisation_name: String,
    /// Who it is.
    pub holder: PrincipalKind,
    /// What the access token was asked for.
    pub scopes: ScopeSet,
    /// For a person: until when the last proof of the password is young enough to change keys, people and settings. None where
    /// no such proof is asked for.
    pub fresh_until: Option<Timestamp>,
}

/// The kinds of principals.
#[derive(Debug, Clone)]
pub enum PrincipalKind {
    /// An API key.
    ApiKey {
        /// Its id.
        id: KeyId,
        /// Its label.
        label: String,
    },
    /// A person.
    User {
        /// The person's id.
        id: UserId,
        /// The person's address.
        email: Email,
        /// The person's role now.
        role: Role,
    },
    /// Someone with access to the server's host, by `duku admin`.
    Operator {
        /// The operating system's name for them.
        name: String,
    },
}

impl Principal {
    /// An operator who acts on an organisation.
    pub fn operator(name: impl Into<String>, organisation: &domain::Organisation) -> Self {
        Self {
            claim: Claim::Operator(organisation.id.clone()),
            organisation_id: organisation.id.clone(),
            organisation_name: organisation.name.as_str().to_owned(),
            holder: PrincipalKind::Operator { name: name.into() },
            scopes: ScopeSet::DEFAULT,
            fresh_until: None,
        }
    }

    /// A person who takes an invitation, for the audit log; such a principal asks for nothing.
    pub(crate) fn invited(email: &Email, organisation: &domain::Organisation) -> Self {
        Self::operator(format!("{email}, by invitation"), organisation)
    }

    /// Whether the password was proved so lately that keys, people and settings may be changed.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.fresh_until.is_none_or(|until| now < until)
    }

    /// Rejects unless the principal had `capability` when the request was authenticated.
    ///
    /// # Errors
    /// [`Rejection::Forbidden`] that says who may.
    pub fn authorise(&self, capability: Capability) -> Result<(), Rejection> {
        let caller = match &self.holder {
            PrincipalKind::ApiKey { .. } => Caller::ApiKey,
            PrincipalKind::User { role, .. } => Caller::User(*role),
            PrincipalKind::Operator { .. } => Caller::Operator,
        };
        check_capability(caller, self.scopes, capability).map_err(Rejection::Forbidden)
    }

    /// The role of the person who asks, as it was then; none for a key or an operator.
    pub const fn user_role(&self) -> Option<Role> {
        match &self.holder {
            PrincipalKind::User { role, .. } => Some(*role),
            PrincipalKind::ApiKey { .. } | PrincipalKind::Operator { .. } => None,
        }
    }

    /// The person who asks; none for a key or an operator.
    pub fn user_id(&self) -> Option<&UserId> {
        match &self.holder {
            PrincipalKind::User { id, .. } => Some(id),
            PrincipalKind::ApiKey { .. } | PrincipalKind::Operator { .. } => None,
        }
    }

    /// The principal as the audit log names it.
    pub fn actor(&self) -> Actor {
        match &self.holder {
            PrincipalKind::ApiKey { id, label } => {
                Actor { kind: ActorKind::ApiKey, id: id.as_str().to_owned(), name: label.clone() }
            }
            PrincipalKind::User { id, email, .. } => user(id, email),
            PrincipalKind::Operator { name } => {
                Actor { kind: ActorKind::Operator, id: "operator".to_owned(), name: name.clone() }
            }
        }
    }
}

/// A person, for the audit log.
pub(crate) fn user(id: &UserId, email: &Email) -> Actor {
    Actor { kind: ActorKind::Person, id: id.as_str().to_owned(), name: email.as_str().to_owned() }
}

/// Duku itself, for what no request asked for.
pub(crate) fn system() -> Actor {
    Actor { kind: ActorKind::System, id: "system".to_owned(), name: "duku".to_owned() }
}
