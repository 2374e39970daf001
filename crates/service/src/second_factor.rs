//! The second factor: a TOTP secret (RFC 6238) with recovery codes.

use crate::{Ctx, Failure, Reject, Service, Visitor, passwords::find, sign_in::SignInRefusal};
use domain::{Invalid, UserId, audit::Action};
use jose::totp::TotpSecret;
use serde_json::json;
use store::Session;
use zeroize::Zeroizing;

/// How long a secret that is not confirmed is shown again, in seconds: later, somebody else may have seen it.
const SETTING_UP_SECONDS: i64 = 3600;

/// A secret that is being set up: the only time that it is shown.
#[derive(Debug)]
pub struct Enrolment {
    /// In base32, for typing.
    pub secret: Zeroizing<String>,
    /// As `otpauth://…`, for the QR code.
    pub uri: Zeroizing<String>,
}

/// What a person's account page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorStatus {
    /// Since when there is one.
    pub since: Option<domain::Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
}

fn seal_context(person: &UserId) -> String {
    format!("second-factor:{person}")
}

impl Service {
    /// Whether the visitor has a second factor.
    ///
    /// # Errors
    /// The store fails.
    pub async fn second_factor_status(&self, visitor: &Visitor) -> Result<SecondFactorStatus, Failure> {
        let person = &visitor.session.user_id;
        let mut session = self.0.store.reader().await?;
        let factor = session.find_second_factor(person).await?;
        Ok(SecondFactorStatus {
            since: factor.and_then(|factor| factor.confirmed_at),
            recovery_codes: session.count_recovery_codes(person).await?,
        })
    }

    /// Makes a secret for the visitor, which counts once it is confirmed. One that was begun just now and not
    /// confirmed is shown again.
    ///
    /// # Errors
    /// The visitor has a second factor already, or the store fails.
    pub async fn begin_second_factor(&self, ctx: &Ctx, visitor: &Visitor) -> Result<Enrolment, Failure> {
        let person = &visitor.session.user_id;
        let mut session = self.0.store.begin().await?;
        let sealed = self.seal_secret(person, &TotpSecret::generate(self.entropy()))?;
        let oldest = ctx.now.plus_seconds(-SETTING_UP_SECONDS);
        session.begin_second_factor(person, &sealed, ctx.now, oldest).await?;
        // What is there now: two pages that were opened at once show the same secret.
        let found = session.find_second_factor(person).await?;
        let found =
            found.filter(|found| found.confirmed_at.is_none()).ok_or_else(|| Failure::from(enrolled()))?;
        let secret = self.open_secret(person, &found.sealed_secret)?;
        session.commit().await?;
        Ok(Enrolment {
            secret: Zeroizing::new(secret.base32().to_string()),
            uri: secret.otpauth_uri("Duku", visitor.email.as_str()),
        })
    }

    /// Confirms the secret by a code of it. Answers with the recovery codes, the only time that they are shown.
    ///
    /// # Errors
    /// The code is wrong, there were too many attempts, nothing is being set up, or the store fails.
    pub async fn confirm_second_factor(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        code: &str,
    ) -> Result<Vec<String>, Failure> {
        let id = &visitor.session.user_id;
        self.limit_codes(id)?;
        let mut session = self.0.store.begin().await?;
        let found = session.find_second_factor(id).await?;
        let found = found
            .filter(|found| found.confirmed_at.is_none())
            .ok_or_else(|| Reject::Conflict("nothing is being set up: begin again".into()))?;
        let secret = self.open_secret(id, &found.sealed_secret)?;
        let step = secret.verify(code, ctx.now, Some(found.last_step));
        let step = step.ok_or_else(|| {
            Invalid::new(
                "code",
                "this is not the code of just now: check the clock of your phone, and type the newest one",
            )
        })?;
        session.use_second_factor_step(id, step).await?;
        if !session.confirm_second_factor(id, ctx.now).await? {
            return Err(enrolled().into());
        }
        session.note_second_factor(&visitor.session, ctx.now).await?;
        let codes = self.replace_codes(&mut session, id).await?;
        let person = find(&mut session, visitor).await?;
        self.audit_person(&mut session, ctx, &person, Action::SecondFactorEnabled, &json!({})).await?;
        session.commit().await?;
        Ok(codes)
    }

    /// Takes the visitor's second factor away.
    ///
    /// # Errors
    /// The password is wrong, the second factor was not given in this session, an organisation of the person requires one,
    /// or the store fails.
    pub async fn remove_second_factor(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        password: &str,
    ) -> Result<(), SignInRefusal> {
        self.prove_password(ctx, visitor, password).await?;
        let mut session = self.0.store.begin().await?;
        let person = find(&mut session, visitor).await?;
        require_proof(&mut session, ctx, visitor).await?;
        for organisation in session.organisations_of(&person.id).await? {
            let requiring =
                session.find_organisation(&organisation).await?.filter(|found| found.require_second_factor);
            if let Some(organisation) = requiring {
                let message = format!("{} requires a second factor of its people", organisation.name);
                return Err(Failure::from(Reject::Conflict(message)).into());
            }
        }
        session.remove_second_factor(&person.id).await?;
        session.forget_second_factor_proofs(&person.id).await?;
        self.audit_person(&mut session, ctx, &person, Action::SecondFactorDisabled, &json!({})).await?;
        Ok(session.commit().await?)
    }

    /// Gives the visitor new recovery codes; the former ones work no more.
    ///
    /// # Errors
    /// The password is wrong, there is no second factor or it was not given in this session, or the store fails.
    pub async fn replace_recovery_codes(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        password: &str,
    ) -> Result<Vec<String>, SignInRefusal> {
        self.prove_password(ctx, visitor, password).await?;
        let mut session = self.0.store.begin().await?;
        let person = find(&mut session, visitor).await?;
        let factor = session.find_second_factor(&person.id).await?;
        if factor.and_then(|factor| factor.confirmed_at).is_none() {
            let message = "recovery codes belong to a second factor: set one up first";
            return Err(Failure::from(Reject::Conflict(message.into())).into());
        }
        require_proof(&mut session, ctx, visitor).await?;
        let codes = self.replace_codes(&mut session, &person.id).await?;
        self.audit_person(&mut session, ctx, &person, Action::RecoveryCodesReplaced, &json!({})).await?;
        session.commit().await?;
        Ok(codes)
    }

    /// Takes a person's second factor away on an operator's word, for who lost the phone and the recovery codes. Passkeys
    /// go, too, because the lost phone may hold one; so they do in builds that cannot use them.
    ///
    /// # Errors
    /// There is no such person, or the store fails.
    pub async fn remove_second_factor_of(
        &self,
        ctx: &Ctx,
        operator: &str,
        email: &str,
    ) -> Result<bool, Failure> {
        let email = domain::Email::parse(email)?;
        let mut session = self.0.store.begin().await?;
        let person = session.find_person(&email).await?;
        let person =
            person.ok_or_else(|| Reject::NotFound { kind: "person", id: email.as_str().to_owned() })?;
        let details = json!({ "by": "operator", "operator": operator });
        let removed = session.remove_second_factor(&person.id).await?;
        if removed {
            self.audit_person(&mut session, ctx, &person, Action::SecondFactorDisabled, &details).await?;
        }
        let passkeys = session.remove_passkeys_of(&person.id).await?;
        if passkeys > 0 {
            self.audit_person(&mut session, ctx, &person, Action::PasskeyRemoved, &details).await?;
        }
        if removed || passkeys > 0 {
            session.end_sessions_of(&person.id, None).await?;
        }
        session.commit().await?;
        Ok(removed || passkeys > 0)
    }

    /// Uses up a TOTP code or a recovery code of the person, in the caller's transaction.
    pub(crate) async fn use_second_factor(
        &self,
        session: &mut Session,
        ctx: &Ctx,
        id: &UserId,
        code: &str,
    ) -> Result<bool, Failure> {
        let factor = session.find_second_factor(id).await?.filter(|factor| factor.confirmed_at.is_some());
        let Some(factor) = factor else { return Ok(false) };
        let secret = self.open_secret(id, &factor.sealed_secret)?;
        if let Some(step) = secret.verify(code, ctx.now, Some(factor.last_step)) {
            return Ok(session.use_second_factor_step(id, step).await?);
        }
        let digest = jose::digest(&jose::recovery::normalise(code));
        if !session.use_recovery_code(id, digest, ctx.now).await? {
            return Ok(false);
        }
        let left = session.count_recovery_codes(id).await?;
        if let Some(person) = session.find_person_by_id(id).await? {
            let details = json!({ "left": left });
            self.audit_person(session, ctx, &person, Action::RecoveryCodeUsed, &details).await?;
        }
        Ok(true)
    }

    async fn replace_codes(&self, session: &mut Session, id: &UserId) -> Result<Vec<String>, Failure> {
        let codes = jose::recovery::generate(self.entropy());
        let digests: Vec<_> =
            codes.iter().map(|code| jose::digest(&jose::recovery::normalise(code))).collect();
        session.replace_recovery_codes(id, &digests).await?;
        Ok(codes)
    }

    fn limit_codes(&self, id: &UserId) -> Result<(), Reject> {
        match self.0.limits.second_factor(id) {
            None => Ok(()),
            Some(seconds) => Err(Reject::TooMany(seconds)),
        }
    }

    fn seal_secret(&self, person: &UserId, secret: &TotpSecret) -> Result<Vec<u8>, Failure> {
        let context = seal_context(person);
        self.0.master_key.seal(&context, secret.as_bytes(), self.entropy()).map_err(Failure::internal)
    }

    fn open_secret(&self, person: &UserId, sealed: &[u8]) -> Result<TotpSecret, Failure> {
        let bytes = self.0.master_key.open(&seal_context(person), sealed).map_err(Failure::internal)?;
        TotpSecret::from_bytes(&bytes).ok_or_else(|| Failure::internal("a second factor of the wrong size"))
    }
}

/// A session that began before the second factor was set up does not decide about it: a password alone would be enough.
pub(crate) async fn require_proof(
    session: &mut Session,
    ctx: &Ctx,
    visitor: &Visitor,
) -> Result<(), Failure> {
    if session
        .find_second_factor(&visitor.session.user_id)
        .await?
        .is_none_or(|found| found.confirmed_at.is_none())
    {
        return Ok(());
    }
    let current = session.find_session_by_id(&visitor.session.id, ctx.now).await?;
    match current.and_then(|current| current.second_factor_at) {
        Some(_) => Ok(()),
        None => Err(Reject::Forbidden("sign in again with your second factor first".into()).into()),
    }
}

fn enrolled() -> Reject {
    Reject::Conflict("you have a second factor already: take it away before you set up another".into())
}
