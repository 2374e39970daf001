//! The `DateTime` scalar.

use crate::scalars::ApiScalar;
use domain::Timestamp;
use juniper::GraphQLScalar;

/// An instant in UTC as RFC 3339 text, like `2027-01-15T08:00:00Z`.
#[derive(Debug, Clone, GraphQLScalar)]
#[graphql(
    scalar = ApiScalar,
    specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339",
    parse_token(String)
)]
pub(crate) struct DateTime(Timestamp);

impl DateTime {
    fn to_output(&self) -> ApiScalar {
        ApiScalar::String(self.0.to_string())
    }

    /// No argument of the schema is an instant; the library wants to be told nevertheless.
    fn from_input(_: &str) -> Result<Self, &'static str> {
        Err("DateTime stands in answers only")
    }
}

impl From<Timestamp> for DateTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}
