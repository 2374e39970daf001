//! `Organisation`: the tenant.

use crate::scalars::date_time::DateTime;
use crate::{
    errors,
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use juniper::{ID, graphql_object};

pub(crate) struct Organisation(pub(crate) domain::Organisation);

/// An organisation: the tenant that products, API keys and people belong to.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Organisation {
    /// Its id, `org_…`.
    fn id(&self) -> ID {
        ID::new(self.0.id.as_str())
    }

    /// Its name.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// When it was created.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// How many days a new API key lives if nothing else is asked for.
    fn default_key_lifetime_days(&self) -> Outcome<i32> {
        int("the default lifetime", self.0.key_policy.default.days())
    }

    /// The longest lifetime that may be asked for, in days.
    fn maximum_key_lifetime_days(&self) -> Outcome<i32> {
        int("the longest lifetime", self.0.key_policy.maximum.days())
    }

    /// Whether new API keys get no secret: only workload identity and public keys.
    fn secretless_only(&self) -> bool {
        self.0.secretless_only
    }

    /// How many Active API keys the organisation may have.
    fn active_key_limit(context: &GraphqlContext) -> Outcome<i32> {
        let limit = context.service.policy().active_keys;
        int("the limit of Active keys", i64::try_from(limit).unwrap_or(i64::MAX))
    }
}

/// A whole number as GraphQL's 32-bit `Int`.
pub(crate) fn int(what: &str, value: i64) -> Outcome<i32> {
    i32::try_from(value).map_err(|_| errors::beyond_int(what, value))
}
