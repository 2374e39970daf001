//! `Member`: a person in the organisation.

use crate::scalars::date_time::DateTime;
use crate::{scalars::ApiScalar, schema::context::GraphqlContext};
use juniper::{GraphQLEnum, ID, graphql_object};

/// The roles of a person in an organisation.
#[derive(Debug, Clone, Copy, GraphQLEnum)]
#[graphql(scalar = ApiScalar)]
pub(crate) enum Role {
    /// Works with products and targets.
    Member,
    /// Manages API keys, people and settings and reads the audit log, besides.
    Admin,
}

impl From<domain::Role> for Role {
    fn from(role: domain::Role) -> Self {
        match role {
            domain::Role::Member => Self::Member,
            domain::Role::Admin => Self::Admin,
        }
    }
}

pub(crate) struct Member(pub(crate) domain::Member);

/// A person in the organisation.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Member {
    /// The person's id, `usr_…`.
    fn id(&self) -> ID {
        ID::new(self.0.id.as_str())
    }

    /// The person's e-mail address.
    fn email(&self) -> &str {
        self.0.email.as_str()
    }

    /// The person's role in the organisation.
    fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Since when the person belongs to the organisation.
    fn since(&self) -> DateTime {
        self.0.since.into()
    }
}
