//! The second factor: a TOTP secret (RFC 6238) with recovery codes.

use crate::{
    CurrentUser, Error, Rejection, RequestContext, Result, Users, authority::require_second_factor_proof,
    users::sign_in::SignInRejection,
};
use domain::{Invalid, SecondFactor, SecretDigest, UserId, audit::Action};
use jose::totp::TotpSecret;
use serde_json::json;
use store::{UserProof, UserTransaction};
use zeroize::Zeroizing;

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

/// What the key of the recovery codes' digests is derived for.
const RECOVERY_PURPOSE: &str = "recovery codes";

fn seal_context(person: &UserId) -> String {
    format!("second-factor:{person}")
}

impl Users<'_> {
    /// Whether the current user has a second factor.
    pub async fn second_factor_status(self, user: &CurrentUser) -> Result<SecondFactorStatus> {
        let person = &user.session.user_id;
        let mut reader = self.0.store.reader().await?;
        let factor = reader.find_second_factor(person).await?;
        Ok(SecondFactorStatus {
            since: factor.and_then(|factor| factor.confirmed_at),
            recovery_codes: reader.count_recovery_codes(person).await?,
        })
    }

    /// Makes a secret for the current user, which counts once it is confirmed. One that was begun just now and not
    /// confirmed is shown again.
    ///
    /// # Errors
    /// The current user has a second factor already, or the store fails.
    pub async fn begin_second_factor(self, ctx: &RequestContext, user: &CurrentUser) -> Result<Enrolment> {
        let person = &user.session.user_id;
        let mut transaction = self.0.begin_as_current_user(ctx, user).await?;
        let sealed = self.seal_secret(person, &TotpSecret::generate(self.0.entropy()))?;
        let oldest = SecondFactor::replaced_before(ctx.now);
        transaction.begin_second_factor(&sealed, ctx.now, oldest).await?;
        // What is there now: two pages that were opened at once show the same secret.
        let found = transaction.find_second_factor(person).await?;
        let found = found.filter(|found| !found.is_confirmed()).ok_or_else(|| Error::from(enrolled()))?;
        let secret = self.open_secret(person, &found.sealed_secret)?;
        transaction.commit().await?;
        Ok(Enrolment {
            secret: Zeroizing::new(secret.base32().to_string()),
            uri: secret.otpauth_uri("Duku", user.email.as_str()),
        })
    }

    /// Confirms the secret by a code of it. Answers with the recovery codes, the only time that they are shown.
    ///
    /// # Errors
    /// The code is wrong, there were too many attempts, nothing is being set up, or the store fails.
    pub async fn confirm_second_factor(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        code: &str,
    ) -> Result<Vec<String>> {
        let id = &user.session.user_id;
        self.limit_codes(id)?;
        let mut transaction = self.0.begin_with_fresh_proof(ctx, user).await?;
        let found = transaction.find_second_factor(id).await?;
        let found = found
            .filter(|found| !found.is_confirmed())
            .ok_or_else(|| Rejection::Conflict("nothing is being set up: begin again".into()))?;
        let secret = self.open_secret(id, &found.sealed_secret)?;
        let step = secret.verify(code, ctx.now, Some(found.last_step));
        let step = step.ok_or_else(|| {
            Invalid::new(
                "code",
                "this is not the code of just now: check the clock of your phone, and type the newest one",
            )
        })?;
        transaction.use_second_factor_step(step).await?;
        if !transaction.confirm_second_factor(ctx.now).await? {
            return Err(enrolled().into());
        }
        transaction.note_second_factor(&user.session, ctx.now).await?;
        let codes = self.replace_codes(&mut transaction).await?;
        self.audit_user(&mut transaction, ctx, Action::SecondFactorEnabled, &json!({})).await?;
        self.tell_of_account_change(&mut transaction, ctx, "a second factor was set up").await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Takes the current user's second factor away.
    ///
    /// # Errors
    /// The password is wrong, the second factor was not given in this session, an organisation of the person requires one,
    /// or the store fails.
    pub async fn remove_second_factor(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        password: &str,
    ) -> Result<(), SignInRejection> {
        let mut transaction = self.begin_with_password_of(ctx, user, password).await?;
        let person = transaction.user().clone();
        require_second_factor_proof(&mut transaction).await?;
        for organisation in transaction.organisations_of(&person.id).await? {
            let requiring = transaction
                .find_organisation(&organisation)
                .await?
                .filter(|found| found.require_second_factor);
            if let Some(organisation) = requiring {
                let message = format!("{} requires a second factor of its people", organisation.name);
                return Err(Error::from(Rejection::Conflict(message)).into());
            }
        }
        transaction.remove_second_factor().await?;
        transaction.forget_second_factor_proofs().await?;
        self.audit_user(&mut transaction, ctx, Action::SecondFactorDisabled, &json!({})).await?;
        self.tell_of_account_change(&mut transaction, ctx, "the second factor was removed").await?;
        Ok(transaction.commit().await?)
    }

    /// Gives the current user new recovery codes; the former ones work no more.
    ///
    /// # Errors
    /// The password is wrong, there is no second factor or it was not given in this session, or the store fails.
    pub async fn replace_recovery_codes(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        password: &str,
    ) -> Result<Vec<String>, SignInRejection> {
        let mut transaction = self.begin_with_password_of(ctx, user, password).await?;
        let person = transaction.user().clone();
        let factor = transaction.find_second_factor(&person.id).await?;
        if !factor.is_some_and(|factor| factor.is_confirmed()) {
            let message = "recovery codes belong to a second factor: set one up first";
            return Err(Error::from(Rejection::Conflict(message.into())).into());
        }
        require_second_factor_proof(&mut transaction).await?;
        let codes = self.replace_codes(&mut transaction).await?;
        self.audit_user(&mut transaction, ctx, Action::RecoveryCodesReplaced, &json!({})).await?;
        self.tell_of_account_change(&mut transaction, ctx, "new recovery codes were made").await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Takes a person's second factor away on an operator's word, for who lost the phone and the recovery codes. Passkeys
    /// go, too, because the lost phone may hold one; so they do in builds that cannot use them.
    ///
    /// # Errors
    /// There is no such person, or the store fails.
    pub async fn remove_second_factor_of(
        self,
        ctx: &RequestContext,
        operator: &str,
        email: &str,
    ) -> Result<bool> {
        let email = domain::Email::parse(email)?;
        let person = self.0.store.reader().await?.find_user(&email).await?;
        let person =
            person.ok_or_else(|| Rejection::NotFound { kind: "person", id: email.as_str().to_owned() })?;
        let mut transaction = self.0.begin_for_user(ctx, &person.id, UserProof::Operator).await?;
        let details = json!({ "by": "operator", "operator": operator });
        let removed = transaction.remove_second_factor().await?;
        if removed {
            self.audit_user(&mut transaction, ctx, Action::SecondFactorDisabled, &details).await?;
        }
        let passkeys = transaction.remove_passkeys().await?;
        if passkeys > 0 {
            self.audit_user(&mut transaction, ctx, Action::PasskeyRemoved, &details).await?;
        }
        if removed || passkeys > 0 {
            transaction.end_sessions(None).await?;
            let what = "an operator removed the second factor and the passkeys";
            self.tell_of_account_change(&mut transaction, ctx, what).await?;
        }
        transaction.commit().await?;
        Ok(removed || passkeys > 0)
    }

    /// Uses up a TOTP code or a recovery code of the person, in the caller's transaction.
    pub(crate) async fn use_second_factor(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        code: &str,
    ) -> Result<bool> {
        let person = transaction.user().clone();
        let factor = transaction.find_second_factor(&person.id).await?;
        let Some(factor) = factor.filter(SecondFactor::is_confirmed) else { return Ok(false) };
        let secret = self.open_secret(&person.id, &factor.sealed_secret)?;
        if let Some(step) = secret.verify(code, ctx.now, Some(factor.last_step)) {
            return Ok(transaction.use_second_factor_step(step).await?);
        }
        let normal = jose::recovery::normalise(code);
        let digest = self.recovery_digest(&person.id, &normal);
        let used = transaction.use_recovery_code(digest, ctx.now).await?
            // Codes of before version 0.2.0 are kept under their plain digest until new ones replace them.
            || transaction.use_recovery_code(jose::digest(&normal), ctx.now).await?;
        if !used {
            return Ok(false);
        }
        let left = transaction.count_recovery_codes(&person.id).await?;
        let details = json!({ "left": left });
        self.audit_user(transaction, ctx, Action::RecoveryCodeUsed, &details).await?;
        let what = format!("a recovery code was used to sign in; {left} are left");
        self.tell_of_account_change(transaction, ctx, &what).await?;
        Ok(true)
    }

    async fn replace_codes(self, transaction: &mut UserTransaction) -> Result<Vec<String>> {
        let codes = jose::recovery::generate(self.0.entropy());
        let user = transaction.user().id.clone();
        let digest = |code: &String| self.recovery_digest(&user, &jose::recovery::normalise(code));
        let digests: Vec<_> = codes.iter().map(digest).collect();
        transaction.replace_recovery_codes(&digests).await?;
        Ok(codes)
    }

    /// What a recovery code is kept as. A code has 60 bits, few enough to be tried one by one where the database alone is
    /// stolen: so the digest is keyed with the master key, which lies elsewhere, and with the person.
    fn recovery_digest(self, user: &UserId, normal: &str) -> SecretDigest {
        let key = self.0.master_key.derive(RECOVERY_PURPOSE);
        SecretDigest(jose::hmac_sha256(&key, format!("{user}\n{normal}").as_bytes()))
    }

    fn limit_codes(self, id: &UserId) -> Result<(), Rejection> {
        match self.0.limits.second_factor(id) {
            None => Ok(()),
            Some(seconds) => Err(Rejection::TooMany(seconds)),
        }
    }

    fn seal_secret(self, person: &UserId, secret: &TotpSecret) -> Result<Vec<u8>> {
        let context = seal_context(person);
        self.0.master_key.seal(&context, secret.as_bytes(), self.0.entropy()).map_err(Error::internal)
    }

    fn open_secret(self, person: &UserId, sealed: &[u8]) -> Result<TotpSecret> {
        let bytes = self.0.master_key.open(&seal_context(person), sealed).map_err(Error::internal)?;
        TotpSecret::from_bytes(&bytes).ok_or_else(|| Error::internal("a second factor of the wrong size"))
    }
}

fn enrolled() -> Rejection {
    Rejection::Conflict("you have a second factor already: take it away before you set up another".into())
}
