//! People: accounts, memberships, sessions, and what they sign in with.

pub(crate) mod authorization_grants;
pub(crate) mod links;
pub(crate) mod members;
pub(crate) mod passkeys;
pub(crate) mod second_factors;
pub(crate) mod sessions;
