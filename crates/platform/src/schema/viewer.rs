//! `Viewer`: who asks.

use super::{member::Role, organisation::Organisation};
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use domain::Scope;
use juniper::{GraphQLEnum, ID, graphql_object};
use service::PrincipalKind;

/// Who sends a request.
#[derive(Debug, Clone, Copy, GraphQLEnum)]
#[graphql(scalar = ApiScalar)]
pub(crate) enum ViewerKind {
    /// An API key.
    ApiKey,
    /// A person.
    Person,
}

pub(crate) struct Viewer;

/// The API key or person that sends the request.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Viewer {
    /// Whether it is an API key or a person.
    fn kind(context: &GraphqlContext) -> ViewerKind {
        match context.principal.holder {
            PrincipalKind::ApiKey { .. } => ViewerKind::ApiKey,
            // Operators work on the server's host; no access token names one.
            PrincipalKind::User { .. } | PrincipalKind::Operator { .. } => ViewerKind::Person,
        }
    }

    /// The key's id, which is its `client_id`, or the person's id.
    fn id(context: &GraphqlContext) -> ID {
        ID::new(context.principal.actor().id)
    }

    /// The key's label or the person's e-mail address.
    fn name(context: &GraphqlContext) -> String {
        context.principal.actor().name
    }

    /// The person's role in the organisation; null for an API key.
    fn role(context: &GraphqlContext) -> Option<Role> {
        match context.principal.holder {
            PrincipalKind::User { role, .. } => Some(role.into()),
            PrincipalKind::ApiKey { .. } | PrincipalKind::Operator { .. } => None,
        }
    }

    /// The organisation that the access token is for.
    async fn organisation(context: &GraphqlContext) -> Outcome<Organisation> {
        context.organisation().await
    }

    /// The scopes of the access token. With `platform:read` and without `platform:write` it can only read.
    fn scopes(context: &GraphqlContext) -> Vec<&'static str> {
        let scopes = Scope::ALL.into_iter().filter(|scope| context.principal.scopes.contains(*scope));
        scopes.map(Scope::as_str).collect()
    }
}
