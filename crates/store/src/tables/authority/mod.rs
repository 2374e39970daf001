//! Transactions of somebody who may do what they are about to do, as of this very transaction.
//!
//! Whatever changes an organisation, a person's access or a token is a method of [`OrganisationTransaction`],
//! [`UserTransaction`] or [`TokenTransaction`], and each of these can only be had by reading again, under locks, that the claim, the proof or the
//! one-time secret still holds. So a use case that forgets to ask does not compile, and what ends an authority waits for
//! the transactions that rest on it, or is seen by them.
//!
//! Locks are taken in one order everywhere: the organisation, the signing key, the person, the membership, the session,
//! the API key, then the audit log's chains.

mod organisation;
mod token;
mod user;

pub use organisation::{FoundOrganisation, JoinOrganisation, MayAddMembers, OrganisationTransaction};
pub use token::TokenTransaction;
pub use user::{UserProof, UserTransaction};

pub(crate) use organisation::on_postgres::ALL as ORGANISATION_LOCKS;
pub(crate) use user::ALL as USER_STATEMENTS;
