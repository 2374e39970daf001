//! Who asks, and what they may do.

use crate::Reject;
use domain::{
    Capability, Email, KeyId, OrganisationId, Role, ScopeSet, Timestamp, UserId,
    audit::{Actor, ActorKind},
};

/// Someone who has proved who they are, in one organisation.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The organisation: nothing outside it exists for this principal.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub organisation_name: String,
    /// Who it is.
    pub holder: Holder,
    /// What the access token was asked for.
    pub scopes: ScopeSet,
    /// For a person in Viewport: until when the last proof of the password is young enough to change keys. None where no
    /// such proof is asked for.
    pub fresh_until: Option<Timestamp>,
}

/// The kinds of principals.
#[derive(Debug, Clone)]
pub enum Holder {
    /// An API key.
    ApiKey {
        /// Its id.
        id: KeyId,
        /// Its label.
        label: String,
    },
    /// A person.
    Person {
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
            organisation_id: organisation.id.clone(),
            organisation_name: organisation.name.as_str().to_owned(),
            holder: Holder::Operator { name: name.into() },
            scopes: ScopeSet::DEFAULT,
            fresh_until: None,
        }
    }

    /// A person who takes an invitation, for the audit log; such a principal asks for nothing.
    pub(crate) fn invited(email: &Email, organisation: &domain::Organisation) -> Self {
        Self::operator(format!("{email}, by invitation"), organisation)
    }

    /// Refuses unless the password was proved lately, for what an unattended browser must not do.
    ///
    /// # Errors
    /// [`Reject::SignInAgain`].
    pub fn require_fresh(&self, now: Timestamp) -> Result<(), Reject> {
        if self.fresh_until.is_none_or(|until| now < until) { Ok(()) } else { Err(Reject::SignInAgain) }
    }

    /// Refuses unless the principal has `capability`.
    ///
    /// # Errors
    /// [`Reject::Forbidden`] that says who may.
    pub fn authorise(&self, capability: Capability) -> Result<(), Reject> {
        let what = capability.describe();
        let refusal = match &self.holder {
            Holder::ApiKey { .. } if !capability.of_api_key() => {
                Some(format!("an API key cannot {what}: sign in as an Admin"))
            }
            Holder::Person { role, .. } if !capability.of_person(*role) => {
                Some(format!("only Admins can {what}"))
            }
            _ if capability != Capability::ViewProducts && !self.scopes.permits_changes() => Some(format!(
                "this access token may only read: to {what}, ask for one without scope platform:read"
            )),
            Holder::ApiKey { .. } | Holder::Person { .. } | Holder::Operator { .. } => None,
        };
        refusal.map_or(Ok(()), |message| Err(Reject::Forbidden(message)))
    }

    /// The principal as the audit log names it.
    pub fn actor(&self) -> Actor {
        match &self.holder {
            Holder::ApiKey { id, label } => {
                Actor { kind: ActorKind::ApiKey, id: id.as_str().to_owned(), name: label.clone() }
            }
            Holder::Person { id, email, .. } => person(id, email),
            Holder::Operator { name } => {
                Actor { kind: ActorKind::Operator, id: "operator".to_owned(), name: name.clone() }
            }
        }
    }
}

/// A person, for the audit log.
pub(crate) fn person(id: &UserId, email: &Email) -> Actor {
    Actor { kind: ActorKind::Person, id: id.as_str().to_owned(), name: email.as_str().to_owned() }
}

/// Duku itself, for what no request asked for.
pub(crate) fn system() -> Actor {
    Actor { kind: ActorKind::System, id: "system".to_owned(), name: "duku".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Entropy;

    struct Zero;
    impl Entropy for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn principal(holder: Holder, scopes: &str) -> Principal {
        Principal {
            organisation_id: OrganisationId::generate(Timestamp::from_ms(0), &Zero),
            organisation_name: "Acme".into(),
            holder,
            scopes: ScopeSet::parse(scopes).unwrap(),
            fresh_until: None,
        }
    }

    fn person(role: Role) -> Holder {
        Holder::Person {
            id: UserId::generate(Timestamp::from_ms(0), &Zero),
            email: Email::parse("ada@example.org").unwrap(),
            role,
        }
    }

    fn key() -> Holder {
        Holder::ApiKey { id: KeyId::generate(Timestamp::from_ms(0), &Zero), label: "CI".into() }
    }

    #[test]
    fn the_permission_table_holds_for_every_principal() {
        for capability in Capability::ALL {
            assert_eq!(principal(key(), "").authorise(capability).is_ok(), capability.of_api_key());
            for role in [Role::Member, Role::Admin] {
                let allowed = principal(person(role), "").authorise(capability).is_ok();
                assert_eq!(allowed, capability.of_person(role), "{role} {capability:?}");
            }
        }
    }

    #[test]
    fn a_reading_token_only_reads() {
        for holder in [key(), person(Role::Admin)] {
            let reader = principal(holder, "openid platform:read");
            for capability in Capability::ALL {
                assert_eq!(reader.authorise(capability).is_ok(), capability == Capability::ViewProducts);
            }
        }
    }
}
