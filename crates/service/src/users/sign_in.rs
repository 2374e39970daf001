//! People prove who they are: a password, then a second factor where one is set up (OpenID Connect Core 1.0 §3.1.2.3).
//!
//! An unknown address and a wrong password get the same answer after the same time. Attempts are limited before the
//! password is looked at, per person and network, so that nobody can lock somebody else out from afar.

use crate::{
    Error, OpaqueToken, Rejection, RequestContext, Result, Users, attempt_limits::is_one_network,
    audit::Entry,
};
use domain::{
    Email, Session, SessionId, SessionKind, User, UserId, audit::Action, users::session::SignInProof,
};
use jose::password;
use store::{StoreError, UserProof, UserTransaction};
use zeroize::Zeroizing;

/// How many passwords may wait to be checked for each one that is: at 20 ms each, the last waits about a second.
pub(crate) const WAITING: usize = 50;

/// What a person types to sign in, and on which browser.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The address, not yet checked.
    pub email: &'a str,
    /// The password.
    pub password: &'a str,
    /// What the browser calls itself.
    pub device: &'a str,
}

/// A browser that has signed in, or has to give a second factor still.
#[derive(Debug)]
pub struct SignedIn {
    /// The secret that the browser's cookie holds from now on.
    pub cookie: OpaqueToken,
    /// The session.
    pub session: Session,
}

impl SignedIn {
    /// Whether the second factor is awaited.
    pub fn is_pending(&self) -> bool {
        self.session.kind == SessionKind::Pending
    }
}

/// Why nobody is signed in.
#[derive(Debug)]
pub enum SignInRejection {
    /// The address is unknown, or the password or code is wrong: nobody outside learns which.
    Wrong,
    /// There were too many attempts; wait so many seconds.
    TooManyAttempts(u64),
    /// The sign-in that was to be completed is over: begin again.
    Over,
    /// The store failed, or too many passwords are being checked.
    Error(Error),
}

impl From<StoreError> for SignInRejection {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Error> for SignInRejection {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejection(Rejection::TooMany(seconds)) => Self::TooManyAttempts(seconds),
            other => Self::Error(other),
        }
    }
}

impl Users<'_> {
    /// Checks a password and begins a session in the browser; the one that its cookie `former` named ends.
    ///
    /// # Errors
    /// The pair is wrong, there were too many attempts, or the store fails.
    pub async fn sign_in(
        self,
        ctx: &RequestContext,
        attempt: Attempt<'_>,
        former: Option<&str>,
    ) -> Result<SignedIn, SignInRejection> {
        let name = name_of(attempt.email);
        if let Some(seconds) = self.limit_sign_ins(ctx, &name).await? {
            return Err(SignInRejection::TooManyAttempts(seconds));
        }
        let person = self.find_user_for_sign_in(attempt.email).await?;
        let hash = person.as_ref().and_then(|person| person.password_hash.clone());
        let right = self.check_password(attempt.password, hash.clone()).await?;
        let proved = person.zip(hash).filter(|_| right);
        let begun = match &proved {
            Some((person, hash)) => self.begin_with_password(ctx, &person.id, hash).await?,
            None => None,
        };
        let Some(mut transaction) = begun else {
            metrics::counter!("duku_sign_ins_total", "outcome" => "wrong").increment(1);
            return Err(SignInRejection::Wrong);
        };
        let user = transaction.user().id.clone();
        let factor = transaction.find_second_factor(&user).await?;
        let proof = if factor.is_some_and(|factor| factor.is_confirmed()) {
            SignInProof::FirstFactor
        } else {
            SignInProof::Password
        };
        let signed_in = self.begin_session(&mut transaction, ctx, proof, attempt.device).await?;
        transaction.commit().await?;
        self.end_by_cookie(ctx, former).await?;
        metrics::counter!("duku_sign_ins_total", "outcome" => "right").increment(1);
        Ok(signed_in)
    }

    /// Counts an attempt on a person's password. If there were too many: how many seconds to wait.
    ///
    /// What others use up everywhere does not count in a network where the person is signed in already.
    pub(crate) async fn limit_sign_ins(self, ctx: &RequestContext, name: &str) -> Result<Option<u64>> {
        let Some(seconds) = self.0.limits.sign_in(name, ctx.address) else { return Ok(None) };
        let Some(address) = ctx.address else { return Ok(Some(seconds)) };
        // The network's own limit comes first: who is over it makes nobody read the database.
        if let Some(seconds) = self.0.limits.sign_in_from_network(name, ctx.address) {
            return Ok(Some(seconds));
        }
        let person = self.find_user_for_sign_in(name).await?;
        // Whether there is such a person must not show in the time that it takes.
        let id = person.map_or_else(|| UserId::generate(ctx.now, self.0.entropy()), |person| person.id);
        let sessions = self.0.store.reader().await?.sessions_of(&id, ctx.now).await?;
        let mut known = sessions.iter().filter_map(|one| one.address.as_deref()?.parse().ok());
        Ok(if known.any(|known| is_one_network(known, address)) { None } else { Some(seconds) })
    }

    /// Begins a transaction in the name of a person whose password was found right against `hash`. None if the password has
    /// changed since.
    async fn begin_with_password(
        self,
        ctx: &RequestContext,
        user: &UserId,
        hash: &str,
    ) -> Result<Option<UserTransaction>> {
        Ok(self.0.store.begin_for_user(user, UserProof::Password(hash), ctx.now).await?.ok())
    }

    /// Takes the second factor, a TOTP code or a recovery code, of a browser that has given the password. The cookie changes.
    ///
    /// # Errors
    /// The code is wrong or was used, there were too many attempts, the sign-in is over, or the store fails.
    pub async fn give_second_factor(
        self,
        ctx: &RequestContext,
        cookie: &str,
        code: &str,
    ) -> Result<SignedIn, SignInRejection> {
        let digest = jose::digest(cookie);
        let pending = self.0.store.reader().await?.find_session(digest, ctx.now).await?;
        let pending = pending.and_then(Session::pending).ok_or(SignInRejection::Over)?;
        if let Some(seconds) = self.0.limits.second_factor(pending.user_id()) {
            return Err(SignInRejection::TooManyAttempts(seconds));
        }
        let proof = UserProof::SessionSecret(digest);
        let begun = self.0.store.begin_for_user(pending.user_id(), proof, ctx.now).await?;
        let mut transaction = begun.map_err(|_| SignInRejection::Over)?;
        if !self.use_second_factor(&mut transaction, ctx, code).await? {
            return Err(SignInRejection::Wrong);
        }
        let cookie = OpaqueToken::generate(self.0.entropy());
        let completed = pending.complete(ctx.now, self.0.policy.session_lifetime_seconds);
        if !transaction.complete_sign_in(&completed, cookie.digest()).await? {
            return Err(SignInRejection::Over);
        }
        transaction.commit().await?;
        Ok(SignedIn { cookie, session: completed })
    }

    /// The sign-in that a browser's cookie names, pending or not, unless it is over or was unused for too long.
    pub async fn find_sign_in(self, ctx: &RequestContext, cookie: &str) -> Result<Option<Session>> {
        let found = self.0.store.reader().await?.find_session(jose::digest(cookie), ctx.now).await?;
        let idle = self.0.policy.session_idle_seconds;
        Ok(found
            .filter(|found| matches!(found.kind, SessionKind::SignIn | SessionKind::Pending))
            .filter(|found| !found.is_idle(ctx.now, idle)))
    }

    /// The address of a person who has signed in, for a page that asks only for the password again.
    pub async fn address_of(self, person: &UserId) -> Result<Option<Email>> {
        Ok(self.0.store.reader().await?.find_user_by_id(person).await?.map(|person| person.email))
    }

    /// Ends the sign-in that a browser's cookie names, with its Viewport.
    pub async fn sign_out(self, ctx: &RequestContext, cookie: &str) -> Result<()> {
        self.end_by_cookie(ctx, Some(cookie)).await
    }

    async fn find_user_for_sign_in(self, email: &str) -> Result<Option<User>> {
        let Ok(email) = Email::parse(email) else { return Ok(None) };
        Ok(self.0.store.reader().await?.find_user(&email).await?)
    }

    pub(crate) async fn begin_session(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        proof: SignInProof,
        device: &str,
    ) -> Result<SignedIn> {
        let cookie = OpaqueToken::generate(self.0.entropy());
        let id = SessionId::generate(ctx.now, self.0.entropy());
        let user = transaction.user().id.clone();
        let lifetime = self.0.policy.session_lifetime_seconds;
        let new = Session::sign_in(id, user, proof, device, ctx, lifetime);
        transaction.insert_session(&new, cookie.digest(), None).await?;
        Ok(SignedIn { cookie, session: new })
    }

    /// Ends the sign-in that a cookie names, if it names one.
    pub(crate) async fn end_by_cookie(self, ctx: &RequestContext, cookie: Option<&str>) -> Result<()> {
        let Some(digest) = cookie.map(jose::digest) else { return Ok(()) };
        let found = self.0.store.reader().await?.find_session(digest, ctx.now).await?;
        let Some(found) = found else { return Ok(()) };
        let proof = UserProof::SessionSecret(digest);
        // If it has ended meanwhile, there is nothing to end.
        let begun = self.0.store.begin_for_user(&found.user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else { return Ok(()) };
        transaction.end_session(found.root()).await?;
        Ok(transaction.commit().await?)
    }

    /// Compares a password with a hash, away from the requests, a few at a time. Without a hash it takes as long and is wrong.
    ///
    /// # Errors
    /// So many are waiting that it would take too long.
    pub(crate) async fn check_password(self, password: &str, hash: Option<String>) -> Result<bool> {
        let password = Zeroizing::new(password.to_owned());
        self.hashing(move || {
            if let Some(hash) = hash {
                return password::verify(&password, &hash);
            }
            password::verify_nobody(&password);
            false
        })
        .await
    }

    /// Runs a computation of argon2 on a thread of its own; at most as many at once as the policy says.
    ///
    /// # Errors
    /// [`Rejection::TooMany`]: so many are waiting already that it would take more than a second or two.
    pub(crate) async fn hashing<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let Ok(_seat) = self.0.hashing_seats.try_acquire() else { return Err(Rejection::TooMany(2).into()) };
        let Ok(_place) = self.0.hashing.acquire().await else {
            return Err(Error::internal("passwords are not checked any more"));
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }

    /// Writes what a user did into the audit log of each organisation that the user belongs to.
    pub(crate) async fn audit_user(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        action: Action,
        details: &serde_json::Value,
    ) -> Result<()> {
        let user = transaction.user().clone();
        let mut chains: Vec<String> = transaction
            .organisations_of(&user.id)
            .await?
            .into_iter()
            .map(|organisation| organisation.as_str().to_owned())
            .collect();
        if chains.is_empty() {
            chains.push(crate::audit::SYSTEM.to_owned());
        }
        for chain in chains {
            let entry = Entry {
                action,
                object_id: user.id.as_str(),
                object_name: user.email.as_str(),
                details: details.clone(),
            };
            let actor = crate::principal::user(&user.id, &user.email);
            self.0.append(transaction, ctx, &chain, actor, entry).await?;
        }
        Ok(())
    }
}

/// What attempts are counted by: the address as it is stored, or what was typed instead of one, cut off.
fn name_of(email: &str) -> String {
    match Email::parse(email) {
        Ok(email) => email.as_str().to_owned(),
        Err(_) => email.trim().to_lowercase().chars().take(64).collect(),
    }
}
