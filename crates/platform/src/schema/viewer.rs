//! `Viewer`: who asks.

use super::{member::Role, organisation::Organisation};
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use domain::{Scope, ScopeSet};
use juniper::{GraphQLEnum, ID, graphql_object};
use service::{Principal, PrincipalKind};

/// Who sends a request.
#[derive(Debug, Clone, Copy, GraphQLEnum)]
#[graphql(scalar = ApiScalar)]
pub(crate) enum ViewerKind {
    /// An API key.
    ApiKey,
    /// A person.
    Person,
}

pub(crate) struct Viewer {
    kind: ViewerKind,
    id: String,
    name: String,
    role: Option<Role>,
    scopes: ScopeSet,
}

impl Viewer {
    pub(crate) fn of(principal: &Principal) -> Self {
        let actor = principal.actor();
        let (kind, role) = match &principal.holder {
            PrincipalKind::ApiKey { .. } => (ViewerKind::ApiKey, None),
            PrincipalKind::User { role, .. } => (ViewerKind::Person, Some((*role).into())),
            // Operators work on the server's host; no access token names one.
            PrincipalKind::Operator { .. } => (ViewerKind::Person, None),
        };
        Self { kind, id: actor.id, name: actor.name, role, scopes: principal.scopes }
    }
}

/// The API key or person that sends the request.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Viewer {
    /// Whether it is an API key or a person.
    fn kind(&self) -> ViewerKind {
        self.kind
    }

    /// The key's id, which is its `client_id`, or the person's id.
    fn id(&self) -> ID {
        ID::new(self.id.as_str())
    }

    /// The key's label or the person's e-mail address.
    fn name(&self) -> &str {
        &self.name
    }

    /// The person's role in the organisation; null for an API key.
    fn role(&self) -> Option<Role> {
        self.role
    }

    /// The organisation that the access token is for.
    async fn organisation(&self, context: &GraphqlContext) -> Outcome<Organisation> {
        context.organisation().await
    }

    /// The scopes of the access token. With `platform:read` and without `platform:write` it can only read.
    fn scopes(&self) -> Vec<&'static str> {
        let scopes = Scope::ALL.into_iter().filter(|scope| self.scopes.contains(*scope));
        scopes.map(Scope::as_str).collect()
    }
}
