//! Authority over an organisation's things, from a claim.

use crate::{
    Reader, Result, Store, StoreError, Transaction,
    engine::{only_column, params, statements},
    tables::{
        keys::api_keys::for_token_check,
        users::members::{SESSION_IN_ORGANISATION, user_facts},
    },
};
use domain::{
    AuthorityRejection, Claim, Ended, Invitation, InvitationEnd, Organisation, OrganisationId, ScopeSet,
    SecretDigest, SessionClaim, Timestamp,
    authority::{
        Caller, CapabilityType, KeyFacts, ManageMembers, TokenClaims, TokenSubject, UserFacts,
        check_capability, check_key_token, check_user_session, check_user_token, proved_at,
    },
};
use std::marker::PhantomData;

/// PostgreSQL's row locks. SQLite has one writer at a time and needs none.
pub(crate) mod on_postgres {
    use super::statements;

    statements! {
        HOLD_ORGANISATION = "SELECT id FROM organisations WHERE id = $1 FOR SHARE";
        HOLD_SIGNING_KEY = "SELECT kid FROM signing_keys WHERE kid = $1 FOR KEY SHARE";
        HOLD_KEY = "SELECT id FROM api_keys WHERE id = $1 FOR SHARE";
        HOLD_USER = "SELECT id FROM users WHERE id = $1 FOR SHARE";
        HOLD_MEMBERSHIP = "SELECT role FROM memberships WHERE organisation_id = $1 AND user_id = $2 FOR SHARE";
        HOLD_SESSION = "SELECT id FROM sessions WHERE id = $1 \
            OR id = (SELECT s.parent_id FROM sessions s WHERE s.id = $1) ORDER BY id FOR SHARE";
    }
}

/// Marks the transaction in which an organisation is made: nothing in it can be anybody else's yet.
#[derive(Debug)]
pub enum FoundOrganisation {}

/// Marks the transaction in which an invitation is accepted: it may add the invited user, and nothing else.
#[derive(Debug)]
pub enum JoinOrganisation {}

/// Who may add members.
pub trait MayAddMembers: Send + Sync + 'static {}
impl MayAddMembers for ManageMembers {}
impl MayAddMembers for FoundOrganisation {}
impl MayAddMembers for JoinOrganisation {}

/// A transaction that may change of one organisation what `P` names. Reads and commits as the transaction that it is.
pub struct OrganisationTransaction<P> {
    transaction: Transaction,
    organisation: Organisation,
    _permission: PhantomData<P>,
}

impl<P> OrganisationTransaction<P> {
    const fn new(transaction: Transaction, organisation: Organisation) -> Self {
        Self { transaction, organisation, _permission: PhantomData }
    }

    /// The organisation as this transaction found it.
    pub const fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    pub(crate) const fn id(&self) -> &OrganisationId {
        &self.organisation.id
    }

    /// Makes sure that what is written belongs to the organisation that the authority is over.
    pub(crate) fn require_own(&self, organisation: &OrganisationId) -> Result<()> {
        if organisation == self.id() {
            return Ok(());
        }
        Err(StoreError::Rejected("this transaction has no authority over another organisation".into()))
    }
}

impl_transaction!(OrganisationTransaction<P>);

impl Store {
    /// Begins a transaction in the name of whoever makes `claim`, if they may do what `P` names now. For what needs a
    /// fresh proof, the password must have been proved after `fresh_since`.
    ///
    /// # Errors
    /// The database fails. That the claim does not hold is the inner error.
    pub async fn begin_as<P: CapabilityType>(
        &self,
        claim: &Claim,
        now: Timestamp,
        fresh_since: Timestamp,
    ) -> Result<Result<OrganisationTransaction<P>, AuthorityRejection>> {
        let mut transaction = self.begin().await?;
        Ok(match transaction.confirm::<P>(claim, now, fresh_since).await? {
            Ok(organisation) => Ok(OrganisationTransaction::new(transaction, organisation)),
            Err(rejection) => {
                transaction.roll_back().await?;
                Err(rejection)
            }
        })
    }
}

impl Reader {
    /// A user in an organisation through one of the user's sessions. None if the user is no member.
    pub async fn find_user_of_session(
        &mut self,
        claim: &SessionClaim,
        organisation: &OrganisationId,
        now: Timestamp,
    ) -> Result<Option<UserFacts>> {
        let SessionClaim { session_id, user_id } = claim;
        let params = params![organisation.as_str(), user_id.as_str(), session_id.as_str(), now];
        self.find(SESSION_IN_ORGANISATION, params, user_facts).await
    }
}

impl Transaction {
    /// Keeps others from changing or deleting a row until this transaction ends.
    pub(crate) async fn hold(&mut self, sql: &'static str, id: &str) -> Result<()> {
        if self.is_postgres() {
            self.query(sql, params![id], only_column::<String>).await?;
        }
        Ok(())
    }

    async fn hold_membership(&mut self, organisation: &str, user: &str) -> Result<()> {
        if self.is_postgres() {
            self.query(on_postgres::HOLD_MEMBERSHIP, params![organisation, user], only_column::<String>)
                .await?;
        }
        Ok(())
    }

    async fn confirm<P: CapabilityType>(
        &mut self,
        claim: &Claim,
        now: Timestamp,
        fresh_since: Timestamp,
    ) -> Result<Result<Organisation, AuthorityRejection>> {
        let id = claim.organisation_id();
        // Keys, people and settings of an organisation change one transaction at a time; its products do not wait.
        let found = if P::CAPABILITY.needs_fresh_proof() {
            self.lock_organisation(id).await?
        } else {
            self.hold(on_postgres::HOLD_ORGANISATION, id.as_str()).await?;
            self.find_organisation(id).await?
        };
        let Some(organisation) = found else { return Ok(Err(Ended::NoMember.into())) };
        let confirmed = match claim {
            Claim::Operator(_) => Ok((Caller::Operator, ScopeSet::DEFAULT, None)),
            Claim::Session(claim, _) => self.confirm_session(claim, id, now).await?,
            Claim::Token(claims) => {
                self.hold(on_postgres::HOLD_SIGNING_KEY, &claims.kid).await?;
                self.confirm_token(claims, now).await?
            }
        };
        let (caller, scopes, proved_at) = match confirmed {
            Ok(confirmed) => confirmed,
            Err(ended) => return Ok(Err(ended.into())),
        };
        if let Err(why) = check_capability(caller, scopes, P::CAPABILITY) {
            return Ok(Err(AuthorityRejection::Forbidden(why)));
        }
        let stale = proved_at.is_some_and(|proved_at| proved_at <= fresh_since);
        if P::CAPABILITY.needs_fresh_proof() && stale {
            return Ok(Err(AuthorityRejection::SignInAgain));
        }
        Ok(Ok(organisation))
    }

    async fn confirm_session(
        &mut self,
        claim: &SessionClaim,
        organisation: &OrganisationId,
        now: Timestamp,
    ) -> Result<Confirmed> {
        let facts = self.user_of_session(claim, organisation, now).await?;
        Ok(check_user_session(facts.as_ref()).and_then(|()| {
            let facts = facts.ok_or(Ended::NoMember)?;
            let proved_at = facts.session.map(|session| session.authenticated_at);
            Ok((Caller::User(facts.role), ScopeSet::DEFAULT, proved_at))
        }))
    }

    /// A user in an organisation through one of the user's sessions, with all that it rests on locked.
    pub(crate) async fn user_of_session(
        &mut self,
        claim: &SessionClaim,
        organisation: &OrganisationId,
        now: Timestamp,
    ) -> Result<Option<UserFacts>> {
        let SessionClaim { session_id, user_id } = claim;
        self.hold(on_postgres::HOLD_USER, user_id.as_str()).await?;
        self.hold_membership(organisation.as_str(), user_id.as_str()).await?;
        self.hold(on_postgres::HOLD_SESSION, session_id.as_str()).await?;
        self.find_user_of_session(claim, organisation, now).await
    }

    pub(super) async fn confirm_token(&mut self, claims: &TokenClaims, now: Timestamp) -> Result<Confirmed> {
        match &claims.subject {
            TokenSubject::ApiKey(id) => {
                self.hold(on_postgres::HOLD_KEY, id.as_str()).await?;
                let params = params![id.as_str(), &claims.token_id, &claims.kid];
                let key =
                    self.find(crate::tables::keys::api_keys::FIND_FOR_TOKEN, params, for_token_check).await?;
                let facts = key.as_ref().map(|found| KeyFacts {
                    credential_state: &found.key.credential_state,
                    organisation_id: &found.key.organisation_id,
                    token_revoked: found.token_revoked(Timestamp::from_seconds(claims.expires_at)),
                    signing_key_published: found.key.signing_key_published,
                });
                let checked = check_key_token(claims, facts, now);
                Ok(checked.map(|()| (Caller::ApiKey, claims.scopes, None)))
            }
            TokenSubject::User { id, .. } => {
                let organisation = &claims.organisation_id;
                self.hold(on_postgres::HOLD_USER, id.as_str()).await?;
                self.hold_membership(organisation.as_str(), id.as_str()).await?;
                if let Some(session) = &claims.session_id {
                    self.hold(on_postgres::HOLD_SESSION, session.as_str()).await?;
                }
                let found = self.find_user_for_token_check(id, claims, now).await?;
                let facts = found.map(|found| found.facts);
                Ok(check_user_token(claims, facts.as_ref()).and_then(|()| {
                    let facts = facts.ok_or(Ended::NoMember)?;
                    Ok((Caller::User(facts.role), claims.scopes, Some(proved_at(claims, &facts))))
                }))
            }
        }
    }

    /// Adds an organisation and gives authority over it, which nobody else can have yet. [`StoreError::Taken`] if its name
    /// is.
    ///
    /// # Errors
    /// As said, or the database fails.
    pub async fn found_organisation(
        mut self,
        new: Organisation,
    ) -> Result<OrganisationTransaction<FoundOrganisation>> {
        self.insert_organisation(&new).await?;
        Ok(OrganisationTransaction::new(self, new))
    }

    /// Uses an invitation up, by the digest of its link: if it is open, and whoever made it is an Admin of the
    /// organisation still.
    ///
    /// # Errors
    /// The database fails. None if the invitation does not work (any more).
    pub async fn accept_invitation(
        mut self,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<Option<(Invitation, OrganisationTransaction<JoinOrganisation>)>> {
        let Some(seen) = self.find_invitation(digest).await? else { return Ok(None) };
        let Some(organisation) = self.lock_organisation(&seen.organisation_id).await? else {
            return Ok(None);
        };
        // What was read before the lock may have changed since.
        let Some(invitation) = self.find_invitation(digest).await? else { return Ok(None) };
        if !invitation.is_open(now) || !self.inviter_is_admin(&invitation).await? {
            return Ok(None);
        }
        let mut joining = OrganisationTransaction::<JoinOrganisation>::new(self, organisation);
        if !joining.end_invitation_as(&invitation.id, InvitationEnd::Accepted, now).await? {
            return Ok(None);
        }
        Ok(Some((invitation, joining)))
    }
}

impl OrganisationTransaction<JoinOrganisation> {
    /// Whether a user's session lives, which it does until this transaction ends then.
    pub async fn hold_session(&mut self, claim: &SessionClaim, now: Timestamp) -> Result<bool> {
        self.hold(on_postgres::HOLD_USER, claim.user_id.as_str()).await?;
        self.hold(on_postgres::HOLD_SESSION, claim.session_id.as_str()).await?;
        Ok(self.find_live_session(&claim.user_id, &claim.session_id, now).await?.is_some())
    }
}

/// Who asks, what the token may do, and when the password was last proved, where that is asked; or why the claim does not
/// hold.
type Confirmed = Result<(Caller, ScopeSet, Option<Timestamp>), Ended>;
