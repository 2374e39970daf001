//! Transactions of somebody who may do what they are about to do, as of this very transaction.
//!
//! Whatever changes an organisation, a user's access or a token is a method of [`OrganisationTransaction`],
//! [`UserTransaction`] or [`TokenTransaction`], and each of these can only be had by reading again, under locks, that the claim, the proof or the
//! one-time secret still holds. So a use case that forgets to ask does not compile, and what ends an authority waits for
//! the transactions that rest on it, or is seen by them.
//!
//! Locks are taken in one order everywhere: the organisation, the signing key, the user, the membership, the session,
//! the API key, then the audit log's chains.

/// Lets a type read, write and commit as the [`Transaction`](crate::Transaction) in its field `transaction`.
macro_rules! impl_transaction {
    ($name:ident $(<$permission:ident>)?) => {
        impl $(<$permission>)? $name $(<$permission>)? {
            /// Makes everything that the transaction did durable.
            ///
            /// # Errors
            /// As [`Transaction::commit`](crate::Transaction::commit).
            pub async fn commit(self) -> Result<(), crate::StoreError> {
                self.transaction.commit().await
            }
        }

        impl $(<$permission>)? std::ops::Deref for $name $(<$permission>)? {
            type Target = crate::Transaction;

            fn deref(&self) -> &Self::Target {
                &self.transaction
            }
        }

        impl $(<$permission>)? std::ops::DerefMut for $name $(<$permission>)? {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.transaction
            }
        }
    };
}

mod organisation;
mod token;
mod user;

pub use organisation::{FoundOrganisation, JoinOrganisation, MayAddMembers, OrganisationTransaction};
pub use token::TokenTransaction;
pub use user::{UserProof, UserTransaction};

pub(crate) use organisation::on_postgres::ALL as ORGANISATION_LOCKS;
pub(crate) use user::ALL as USER_STATEMENTS;
