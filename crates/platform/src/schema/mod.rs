//! The schema, one file per type. The descriptions are the users' reference: they are written for them.

pub(crate) mod api_key;
pub(crate) mod audit_event;
pub(crate) mod authentication;
pub(crate) mod batch_loader;
pub(crate) mod context;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod mutation;
pub(crate) mod organisation;
pub(crate) mod query;
pub(crate) mod size;
pub(crate) mod subject;
pub(crate) mod target;
pub(crate) mod viewer;

use crate::{scalars::ApiScalar, schema::context::GraphqlContext};
use juniper::{EmptySubscription, RootNode};
use mutation::Mutation;
use query::Query;

/// The schema, ready to execute.
pub(crate) type Schema = RootNode<Query, Mutation, EmptySubscription<GraphqlContext>, ApiScalar>;

/// Builds the schema. Documents of more than `tokens` tokens are rejected before they are read any further.
///
/// The library's own limit of fields is lifted: ours counts the same and says what it found.
pub(crate) fn build(tokens: usize) -> Schema {
    Schema::new_with_scalar_value(Query, Mutation, EmptySubscription::new())
        .limit_tokens(tokens)
        .limit_fields(usize::MAX)
}

/// The page size of every list but the audit log.
pub(crate) const PAGE: i32 = 100;
/// The page size of the audit log.
pub(crate) const AUDIT_PAGE: i32 = 50;
