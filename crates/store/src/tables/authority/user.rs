//! Authority over a user's own access, from one of the proofs of who the user is.

use super::organisation::on_postgres::HOLD_ORGANISATION;
use crate::{
    Reader, Result, Store, Transaction,
    engine::{params, statements, value::Value},
};
use domain::{
    Ended, OrganisationId, PasskeyId, SecretDigest, Session, SessionClaim, SessionId, SessionKind, Timestamp,
    User, UserId,
};

statements! {
    LOCK_USER = "UPDATE users SET token_epoch = token_epoch WHERE id = $1";
}

/// What shows that a user is meant.
#[derive(Debug, Clone, Copy)]
pub enum UserProof<'a> {
    /// A session, which must not have ended; a Viewport's sign-in neither.
    Session(&'a SessionId),
    /// The secret that a session is known by now: a sign-in's cookie, or the newest refresh token of a command line.
    SessionSecret(SecretDigest),
    /// A password that was found right against this hash, which must still be the user's.
    Password(&'a str),
    /// An authorization code, which is used up.
    AuthorizationCode(SecretDigest),
    /// A device code that the user approved, which is used up.
    DeviceCode(SecretDigest),
    /// A link that sets a new password, which is used up.
    ResetLink(SecretDigest),
    /// A passkey that answered a challenge rightly.
    Passkey(&'a PasskeyId),
    /// The word of somebody with access to the server's host.
    Operator,
    /// A request that anybody may make for a user: it may mail something to them, and nothing else.
    Mail,
}

/// A transaction that may change one user's own access. The user's row is locked: whatever ends that access waits, or is
/// seen here.
pub struct UserTransaction {
    transaction: Transaction,
    user: User,
    proved: Option<Session>,
}

impl UserTransaction {
    /// The user as this transaction found them.
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The session that the proof names; none for a proof that names none.
    pub const fn proved_session(&self) -> Option<&Session> {
        self.proved.as_ref()
    }

    pub(crate) const fn id(&self) -> &UserId {
        &self.user.id
    }

    /// Runs a statement whose first parameter is the user.
    pub(crate) async fn execute_own(&mut self, sql: &'static str, others: Vec<Value>) -> Result<u64> {
        let mut params = params![self.user.id.as_str()];
        params.extend(others);
        self.transaction.execute(sql, params).await
    }

    /// Of [`Store::begin_for_user_in`]: the user in the organisation through the session that the proof names: role and second factor as they are now.
    pub async fn in_organisation(
        &mut self,
        organisation: &OrganisationId,
        now: Timestamp,
    ) -> Result<Option<domain::authority::UserFacts>> {
        let Some(session) = &self.proved else { return Ok(None) };
        let claim = SessionClaim { session_id: session.id.clone(), user_id: self.user.id.clone() };
        self.transaction.user_of_session(&claim, organisation, now).await
    }
}

impl_transaction!(UserTransaction);

impl Store {
    /// Begins a transaction on a user's own access, if `proof` still holds. One-time proofs are used up by it.
    ///
    /// # Errors
    /// The database fails. That the proof does not hold is the inner error.
    pub async fn begin_for_user(
        &self,
        user: &UserId,
        proof: UserProof<'_>,
        now: Timestamp,
    ) -> Result<Result<UserTransaction, Ended>> {
        self.begin().await?.for_user(user, proof, now).await
    }

    /// The same for what the user may do in an organisation, whose rules stay as they are until the transaction ends.
    pub async fn begin_for_user_in(
        &self,
        organisation: &OrganisationId,
        user: &UserId,
        proof: UserProof<'_>,
        now: Timestamp,
    ) -> Result<Result<UserTransaction, Ended>> {
        let mut transaction = self.begin().await?;
        transaction.hold(HOLD_ORGANISATION, organisation.as_str()).await?;
        transaction.for_user(user, proof, now).await
    }
}

impl Reader {
    /// The session with this id of a user, and of a Viewport also its sign-in, unless it is over.
    pub(crate) async fn find_live_session(
        &mut self,
        user: &UserId,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>> {
        let found = self.find_session_by_id(id, now).await?.filter(|found| found.user_id == *user);
        let Some(found) = found else { return Ok(None) };
        let parent_lives = match &found.parent_id {
            Some(parent) => self.find_session_by_id(parent, now).await?.is_some(),
            None => true,
        };
        Ok(Some(found).filter(|_| parent_lives))
    }

    /// The sign-in that a user's authorization code came from, if that lives.
    async fn sign_in_of_code(
        &mut self,
        user: &UserId,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<Option<Session>> {
        let Some(code) = self.find_code(digest).await?.filter(|code| code.user_id == *user) else {
            return Ok(None);
        };
        let sign_in = self.find_session_by_id(&code.session_id, now).await?;
        Ok(sign_in.filter(|sign_in| sign_in.kind == SessionKind::SignIn))
    }
}

impl Transaction {
    /// Turns this transaction into one on a user's own access, if `proof` still holds.
    ///
    /// # Errors
    /// The database fails. That the proof does not hold is the inner error.
    pub async fn for_user(
        mut self,
        user: &UserId,
        proof: UserProof<'_>,
        now: Timestamp,
    ) -> Result<Result<UserTransaction, Ended>> {
        self.execute(LOCK_USER, params![user.as_str()]).await?;
        let Some(user) = self.find_user_by_id(user).await? else {
            return self.reject(Ended::ProofOutdated).await;
        };
        let or_ended = |session: Option<Session>| session.map(Some).ok_or(Ended::SessionEnded);
        let or_outdated = |holds: bool| if holds { Ok(None) } else { Err(Ended::ProofOutdated) };
        let proved = match proof {
            UserProof::Session(id) => or_ended(self.find_live_session(&user.id, id, now).await?),
            UserProof::SessionSecret(digest) => {
                or_ended(self.find_session(digest, now).await?.filter(|found| found.user_id == user.id))
            }
            UserProof::AuthorizationCode(digest) => {
                let sign_in = self.sign_in_of_code(&user.id, digest, now).await?;
                or_outdated(self.consume_code(digest, now).await?).and_then(|_| or_ended(sign_in))
            }
            UserProof::Password(hash) => or_outdated(user.has_password(hash)),
            UserProof::DeviceCode(digest) => or_outdated(self.consume_device(digest, &user.id, now).await?),
            UserProof::ResetLink(digest) => {
                or_outdated(self.consume_reset_link(digest, &user.id, now).await?)
            }
            UserProof::Passkey(id) => {
                or_outdated(self.passkeys_of(&user.id).await?.iter().any(|known| known.id == *id))
            }
            UserProof::Operator | UserProof::Mail => Ok(None),
        };
        let proved = match proved {
            Ok(proved) => proved,
            Err(ended) => return self.reject(ended).await,
        };
        Ok(Ok(UserTransaction { transaction: self, user, proved }))
    }

    async fn reject(self, ended: Ended) -> Result<Result<UserTransaction, Ended>> {
        self.roll_back().await?;
        Ok(Err(ended))
    }
}
