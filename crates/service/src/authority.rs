//! From a claim to an authority: what authentication proved is confirmed again inside the transaction that changes
//! something. `store` has the types without which nothing can be written.

use crate::{
    CurrentUser, Error, Inner, Principal, Rejection, RequestContext, Result, tokens::TokenRejection,
};
use domain::{
    AuthorityRejection, Claim, Ended, OrganisationId, Role, UserId,
    authority::{CapabilityType, check_user_session},
};
use store::{OrganisationTransaction, UserProof, UserTransaction};

impl From<AuthorityRejection> for Rejection {
    fn from(rejection: AuthorityRejection) -> Self {
        match rejection {
            AuthorityRejection::Ended(ended) => Self::Ended(ended),
            AuthorityRejection::Forbidden(why) => Self::Forbidden(why),
            AuthorityRejection::SignInAgain => Self::SignInAgain,
        }
    }
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        Self::Rejection(Rejection::Ended(ended))
    }
}

impl Inner {
    /// Begins a transaction that may change of the principal's organisation what `P` names.
    ///
    /// # Errors
    /// The principal may not, or not any more, or has to prove the password first; or the store fails.
    pub(crate) async fn begin_as<P: CapabilityType>(
        &self,
        ctx: &RequestContext,
        principal: &Principal,
    ) -> Result<OrganisationTransaction<P>> {
        // Whoever did not have the capability a moment ago makes nobody wait for a lock.
        principal.authorise(P::CAPABILITY)?;
        let fresh_since = ctx.now.plus_seconds(-self.policy.sign_in_fresh_seconds);
        let begun = self.store.begin_as::<P>(&principal.claim, ctx.now, fresh_since).await?;
        begun.map_err(|rejection| Rejection::from(rejection).into())
    }

    /// Makes sure that what a principal was authenticated with still counts, for an answer that takes long.
    ///
    /// # Errors
    /// It has ended, or the role is another one; or the store fails.
    pub(crate) async fn confirm(&self, ctx: &RequestContext, principal: &Principal) -> Result<()> {
        let ended = match &principal.claim {
            Claim::Operator(_) => return Ok(()),
            Claim::Token(claims) => match self.tokens().check_claims(ctx, claims).await {
                Ok(now) => return same_role(principal, now.user_role()),
                Err(TokenRejection::Error(error)) => return Err(error),
                Err(TokenRejection::Ended(ended)) => ended,
                Err(TokenRejection::Invalid(_) | TokenRejection::TooManyFailures(_)) => Ended::SessionEnded,
            },
            Claim::Session(session, organisation) => {
                let mut reader = self.store.reader().await?;
                let facts = reader.find_user_of_session(session, organisation, ctx.now).await?;
                match check_user_session(facts.as_ref()) {
                    Ok(()) => return same_role(principal, facts.map(|facts| facts.role)),
                    Err(ended) => ended,
                }
            }
        };
        Err(ended.into())
    }

    /// Begins a transaction that may change a person's own access.
    ///
    /// # Errors
    /// The proof does not hold (any more), or the store fails.
    pub(crate) async fn begin_for_user(
        &self,
        ctx: &RequestContext,
        user: &UserId,
        proof: UserProof<'_>,
    ) -> Result<UserTransaction> {
        Ok(self.store.begin_for_user(user, proof, ctx.now).await??)
    }

    /// The same for whoever is signed in to Viewport, from the session that the cookie named.
    ///
    /// # Errors
    /// The session has ended, or the store fails.
    pub(crate) async fn begin_as_current_user(
        &self,
        ctx: &RequestContext,
        user: &CurrentUser,
    ) -> Result<UserTransaction> {
        let session = &user.session;
        self.begin_for_user(ctx, &session.user_id, UserProof::Session(&session.id)).await
    }

    /// The same for what the current user may do in an organisation.
    pub(crate) async fn begin_as_current_user_in(
        &self,
        ctx: &RequestContext,
        user: &CurrentUser,
        organisation: &OrganisationId,
    ) -> Result<UserTransaction> {
        let session = &user.session;
        let proof = UserProof::Session(&session.id);
        Ok(self.store.begin_for_user_in(organisation, &session.user_id, proof, ctx.now).await??)
    }

    /// The same for what changes how the person signs in: only soon after the password was proved, and with the second
    /// factor if there is one.
    ///
    /// # Errors
    /// The session has ended, one of the proofs is missing, or the store fails.
    pub(crate) async fn begin_with_fresh_proof(
        &self,
        ctx: &RequestContext,
        user: &CurrentUser,
    ) -> Result<UserTransaction> {
        let transaction = self.begin_as_current_user(ctx, user).await?;
        self.require_fresh_proof(ctx, transaction).await
    }

    /// Gives the transaction back if the password was proved lately, and the second factor if there is one.
    ///
    /// # Errors
    /// One of the proofs is missing, or the store fails.
    pub(crate) async fn require_fresh_proof(
        &self,
        ctx: &RequestContext,
        mut transaction: UserTransaction,
    ) -> Result<UserTransaction> {
        let fresh = self.policy.sign_in_fresh_seconds;
        if !transaction.proved_session().is_some_and(|session| session.is_fresh(ctx.now, fresh)) {
            return Err(Rejection::SignInAgain.into());
        }
        require_second_factor_proof(&mut transaction).await?;
        Ok(transaction)
    }
}

fn same_role(principal: &Principal, now: Option<Role>) -> Result<()> {
    if principal.user_role() == now {
        return Ok(());
    }
    Err(Rejection::Forbidden("your role was changed meanwhile: ask again".into()).into())
}

/// A session that began before the second factor was set up does not decide about it: a password alone would be enough.
///
/// # Errors
/// The person has a second factor and did not prove it in the session; or the store fails.
pub(crate) async fn require_second_factor_proof(transaction: &mut UserTransaction) -> Result<()> {
    let user = transaction.user().id.clone();
    let factor = transaction.find_second_factor(&user).await?;
    let enrolled = factor.is_some_and(|factor| factor.is_confirmed());
    let proved = transaction.proved_session().is_some_and(|session| session.second_factor_at.is_some());
    if enrolled && !proved {
        return Err(Rejection::Forbidden("sign in again with your second factor first".into()).into());
    }
    Ok(())
}
