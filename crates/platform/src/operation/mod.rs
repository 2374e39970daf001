//! A GraphQL operation: read, weighed, run and bounded.

pub(crate) mod budget;
pub(crate) mod documents;
pub(crate) mod execute;
pub(crate) mod heavy;
pub(crate) mod limits;
pub(crate) mod request_errors;
pub(crate) mod shape;
pub(crate) mod variables;
pub(crate) mod wording;
