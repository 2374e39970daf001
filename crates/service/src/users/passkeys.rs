//! Passkeys: people add and remove their own, and sign in with one instead of password and second factor.
//!
//! An authenticator answers a challenge after it has verified its user, so the answer proves two factors at once. A
//! challenge waits in the store, for five minutes at most, and is taken by the first answer that names it, right or wrong.

use crate::{
    CurrentUser, Error, OpaqueToken, Rejection, RequestContext, Result, Users,
    users::sign_in::{SignInRejection, SignedIn},
};
use domain::{
    CeremonyPurpose, Invalid, Label, Passkey, PasskeyCeremony, PasskeyId,
    audit::Action,
    users::{passkey::PASSKEYS_MAXIMUM, session::SignInProof},
};
use jose::passkeys::{Assertion, CEREMONY_SECONDS, Challenge, PasskeyError, RelyingParty};
use serde_json::json;
use store::{Reader, Transaction, UserProof, UserTransaction};

/// A challenge for a browser.
#[derive(Debug)]
pub struct Ceremony {
    /// What the answer has to name.
    pub handle: OpaqueToken,
    /// The options for `navigator.credentials`, as JSON.
    pub options: String,
}

/// A browser's answer to a challenge, on its way into a session.
#[derive(Debug, Clone, Copy)]
pub struct PasskeyAttempt<'a> {
    /// The challenge's handle.
    pub ceremony: &'a str,
    /// What the authenticator answered, as JSON.
    pub answer: &'a str,
    /// What the browser calls itself.
    pub device: &'a str,
}

impl From<PasskeyError> for Error {
    fn from(error: PasskeyError) -> Self {
        Self::internal(error)
    }
}

impl Users<'_> {
    /// Whether browsers can use passkeys at this installation's URLs.
    pub fn offers_passkeys(self) -> bool {
        self.relying_party().is_some()
    }

    fn relying_party(self) -> Option<RelyingParty> {
        RelyingParty::new(&self.0.policy.issuer, &self.0.policy.viewport)
    }

    fn required_party(self) -> Result<RelyingParty, Rejection> {
        self.relying_party().ok_or_else(|| {
            Rejection::Conflict(
                "passkeys need HTTPS, and one domain for Viewport and the authorization server".into(),
            )
        })
    }

    /// The current user's passkeys, oldest first.
    pub async fn list_passkeys(self, user: &CurrentUser) -> Result<Vec<Passkey>> {
        Ok(self.0.store.reader().await?.passkeys_of(&user.session.user_id).await?)
    }

    /// Makes a challenge for a new passkey called `name`.
    ///
    /// # Errors
    /// The name is not usable, the current user has to prove who they are first, has too many already, or the store fails.
    pub async fn begin_passkey(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        name: &str,
    ) -> Result<Ceremony> {
        let name = Label::parse(name).map_err(|invalid| Invalid { field: "name", ..invalid })?;
        let party = self.required_party()?;
        let mut transaction = self.0.begin_with_fresh_proof(ctx, user).await?;
        let known = transaction.passkeys_of(&user.session.user_id).await?;
        require_room(&known)?;
        let known = known.into_iter().map(|passkey| passkey.credential_id).collect();
        let challenge = party.begin_adding(&user.session.user_id, user.email.as_str(), known)?;
        let kept = PasskeyCeremony {
            user_id: Some(user.session.user_id.clone()),
            name: Some(name.as_str().to_owned()),
            state: challenge.state.clone(),
        };
        let ceremony = self.keep(&mut transaction, ctx, CeremonyPurpose::Add, kept, challenge).await?;
        transaction.commit().await?;
        Ok(ceremony)
    }

    /// Adds the passkey with which an authenticator answered the current user's challenge.
    ///
    /// # Errors
    /// The challenge is over or somebody else's, the answer does not fit it, the passkey is known already, the current user has
    /// to prove who they are first, or the store fails.
    pub async fn add_passkey(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        ceremony: &str,
        answer: &str,
    ) -> Result<Passkey> {
        let user_id = &user.session.user_id;
        let taken = self.take(ctx, ceremony, CeremonyPurpose::Add).await?;
        let taken = taken.filter(|taken| taken.user_id.as_ref() == Some(user_id));
        let taken = taken.ok_or_else(|| Rejection::Conflict("that took too long: begin again".into()))?;
        let made = match self.required_party()?.finish_adding(&taken.state, answer) {
            Ok(made) => made,
            Err(PasskeyError::Rejected(why)) => {
                tracing::warn!(request_id = %ctx.request_id, why, "rejected a new passkey");
                return Err(
                    Rejection::Conflict("the device's answer was not right: begin again".into()).into()
                );
            }
            Err(broken) => return Err(broken.into()),
        };
        let mut transaction = self.0.begin_with_fresh_proof(ctx, user).await?;
        require_room(&transaction.passkeys_of(user_id).await?)?;
        let new = Passkey {
            id: PasskeyId::generate(ctx.now, self.0.entropy()),
            user_id: user_id.clone(),
            name: taken.name.unwrap_or_default(),
            credential_id: made.id,
            credential: made.credential,
            created_at: ctx.now,
            last_used_at: None,
        };
        if !transaction.add_passkey(&new).await? {
            return Err(Rejection::Conflict("this passkey is known already".into()).into());
        }
        self.audit_passkey(&mut transaction, ctx, Action::PasskeyAdded, &new).await?;
        transaction.commit().await?;
        Ok(new)
    }

    /// Removes one of the current user's passkeys: it signs nobody in from then on. Sessions that it opened go on.
    ///
    /// # Errors
    /// The current user has no such passkey, has to prove who they are first, or the store fails.
    pub async fn remove_passkey(self, ctx: &RequestContext, user: &CurrentUser, id: &str) -> Result<()> {
        let missing = || Rejection::NotFound { kind: "passkey", id: id.to_owned() };
        let mut transaction = self.0.begin_with_fresh_proof(ctx, user).await?;
        let found = transaction.passkeys_of(&user.session.user_id).await?;
        let found = found.into_iter().find(|passkey| passkey.id.as_str() == id).ok_or_else(missing)?;
        if !transaction.remove_passkey(&found.id).await? {
            return Err(missing().into());
        }
        self.audit_passkey(&mut transaction, ctx, Action::PasskeyRemoved, &found).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes a challenge for whoever wants to sign in.
    ///
    /// # Errors
    /// Passkeys cannot be used here, there were too many attempts, or the store fails.
    pub async fn begin_passkey_sign_in(self, ctx: &RequestContext) -> Result<Ceremony> {
        let party = self.required_party()?;
        if let Some(seconds) = self.0.limits.passkey(ctx.address) {
            return Err(Rejection::TooMany(seconds).into());
        }
        let challenge = party.begin_sign_in()?;
        let kept = PasskeyCeremony { user_id: None, name: None, state: challenge.state.clone() };
        let mut transaction = self.0.store.begin().await?;
        let ceremony = self.keep(&mut transaction, ctx, CeremonyPurpose::SignIn, kept, challenge).await?;
        transaction.commit().await?;
        Ok(ceremony)
    }

    /// Begins a session for whose passkey answered the challenge; the one that the browser's cookie `former` named ends.
    ///
    /// # Errors
    /// The challenge is over, the passkey is unknown or its answer does not fit, there were too many attempts, or the
    /// store fails.
    pub async fn sign_in_with_passkey(
        self,
        ctx: &RequestContext,
        attempt: PasskeyAttempt<'_>,
        former: Option<&str>,
    ) -> Result<SignedIn, SignInRejection> {
        if let Some(seconds) = self.0.limits.passkey(ctx.address) {
            return Err(SignInRejection::TooManyAttempts(seconds));
        }
        let Some(party) = self.relying_party() else { return Err(SignInRejection::Wrong) };
        let taken = self.take(ctx, attempt.ceremony, CeremonyPurpose::SignIn).await?;
        let taken = taken.ok_or(SignInRejection::Over)?;
        let mut reader = self.0.store.reader().await?;
        let Some((passkey, after)) = check(&mut reader, ctx, &party, &taken.state, attempt.answer).await?
        else {
            metrics::counter!("duku_sign_ins_total", "outcome" => "wrong").increment(1);
            return Err(SignInRejection::Wrong);
        };
        drop(reader);
        let proof = UserProof::Passkey(&passkey.id);
        let begun = self.0.store.begin_for_user(&passkey.user_id, proof, ctx.now).await?;
        let mut transaction = begun.map_err(|_| SignInRejection::Wrong)?;
        if !transaction.use_passkey(&passkey, &after, ctx.now).await? {
            return Err(SignInRejection::Wrong);
        }
        let signed_in =
            self.begin_session(&mut transaction, ctx, SignInProof::Passkey, attempt.device).await?;
        let details = json!({ "passkey": passkey.name });
        self.audit_user(&mut transaction, ctx, Action::PasskeyUsed, &details).await?;
        transaction.commit().await?;
        self.end_by_cookie(ctx, former).await?;
        metrics::counter!("duku_sign_ins_total", "outcome" => "right").increment(1);
        Ok(signed_in)
    }

    async fn keep(
        self,
        transaction: &mut Transaction,
        ctx: &RequestContext,
        purpose: CeremonyPurpose,
        kept: PasskeyCeremony,
        challenge: Challenge,
    ) -> Result<Ceremony> {
        let handle = OpaqueToken::generate(self.0.entropy());
        let expires_at = ctx.now.plus_seconds(CEREMONY_SECONDS);
        transaction.begin_ceremony(handle.digest(), purpose, &kept, expires_at).await?;
        Ok(Ceremony { handle, options: challenge.options })
    }

    /// Takes a challenge, for good: whatever comes of the answer, there is no second one.
    async fn take(
        self,
        ctx: &RequestContext,
        ceremony: &str,
        purpose: CeremonyPurpose,
    ) -> Result<Option<PasskeyCeremony>> {
        let mut transaction = self.0.store.begin().await?;
        let taken = transaction.take_ceremony(jose::digest(ceremony), purpose, ctx.now).await?;
        transaction.commit().await?;
        Ok(taken)
    }

    async fn audit_passkey(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        action: Action,
        passkey: &Passkey,
    ) -> Result<()> {
        let details = json!({ "passkey": passkey.name });
        self.audit_user(transaction, ctx, action, &details).await?;
        let done = if action == Action::PasskeyAdded { "added" } else { "removed" };
        let what = format!("the passkey {} was {done}", passkey.name);
        self.tell_of_account_change(transaction, ctx, &what).await
    }
}

/// The passkey that answered and its credential after that; none, with the reason in the log, if the answer is not right.
async fn check(
    reader: &mut Reader,
    ctx: &RequestContext,
    party: &RelyingParty,
    state: &str,
    answer: &str,
) -> Result<Option<(Passkey, String)>> {
    let rejected = |why: &str| {
        tracing::warn!(request_id = %ctx.request_id, why, "rejected a passkey");
        Ok(None)
    };
    let assertion = match Assertion::parse(answer) {
        Ok(assertion) => assertion,
        Err(error) => return rejected(&error.to_string()),
    };
    let Some(passkey) = reader.find_passkey(assertion.credential_id()).await? else {
        return rejected("it is unknown");
    };
    if !assertion.names(&passkey.user_id) {
        return rejected("it is another person's");
    }
    match party.finish_sign_in(state, &assertion, &passkey.credential) {
        Ok(after) => Ok(Some((passkey, after))),
        Err(PasskeyError::Rejected(why)) => rejected(&why),
        Err(broken) => Err(broken.into()),
    }
}

fn require_room(known: &[Passkey]) -> Result<(), Rejection> {
    if known.len() < PASSKEYS_MAXIMUM {
        return Ok(());
    }
    Err(Rejection::Conflict(format!(
        "you have {PASSKEYS_MAXIMUM} passkeys already: remove one that you do not use"
    )))
}
