//! The endpoint: who asks, in which form, and what is answered.

pub(crate) mod answer;
pub(crate) mod authenticate;
pub(crate) mod endpoint;
pub(crate) mod metadata;
pub(crate) mod negotiate;
pub(crate) mod params;
pub(crate) mod rejection;
