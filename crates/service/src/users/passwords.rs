//! A person's password: choosing, changing, and setting a new one by a link.

use crate::{
    CurrentUser, Error, OpaqueToken, Rejection, RequestContext, Result, Service, Users,
    operations::mail::Mail, users::sign_in::SignInRejection,
};
use domain::{Email, Invalid, LinkPurpose, LinkState, UserId, audit::Action, users::session::device_name};
use serde_json::json;
use store::{UserProof, UserTransaction};
use zeroize::Zeroizing;

impl Users<'_> {
    /// Makes a hash of a new password after checking it against the policy.
    pub(crate) async fn hash_password(self, password: &str, email: Option<&Email>) -> Result<String> {
        domain::check_password(password, self.0.policy.password_minimum, email)?;
        let salt = domain::entropy::random::<16>(self.0.entropy());
        let password = Zeroizing::new(password.to_owned());
        let hashed = self.hashing(move || jose::password::hash(&password, salt)).await?;
        hashed.map_err(Error::internal)
    }

    /// Changes the current user's password. Every other session of the person ends, and every access token.
    ///
    /// # Errors
    /// The current password is wrong, there were too many attempts, the new one is rejected, or the store fails.
    pub async fn change_password(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        current: &str,
        new: &str,
    ) -> Result<(), SignInRejection> {
        let hash = self.hash_password(new, Some(&user.email)).await?;
        let mut transaction = self.begin_with_password_of(ctx, user, current).await?;
        transaction.set_password(&hash).await?;
        // Whoever was signed in with the former password may have seen it.
        transaction.abandon_second_factor().await?;
        transaction.consume_reset_links(ctx.now).await?;
        transaction.end_sessions(Some(user.root())).await?;
        transaction.note_reauthentication(&user.session, ctx.now).await?;
        let details = json!({ "by": "change" });
        self.audit_user(&mut transaction, ctx, Action::PasswordSet, &details).await?;
        self.tell_of_new_password(&mut transaction, ctx).await?;
        Ok(transaction.commit().await?)
    }

    /// Proves the current user's password again, so that what needs a fresh sign-in can go on.
    ///
    /// # Errors
    /// The password is wrong, there were too many attempts, or the store fails.
    pub async fn reauthenticate(
        self,
        ctx: &RequestContext,
        user: &mut CurrentUser,
        password: &str,
    ) -> Result<(), SignInRejection> {
        let mut transaction = self.begin_with_password_of(ctx, user, password).await?;
        transaction.note_reauthentication(&user.session, ctx.now).await?;
        transaction.commit().await?;
        user.refresh(ctx.now, self.0.policy.sign_in_fresh_seconds);
        Ok(())
    }

    /// Begins a transaction on the current user's own access once the password was found right. One that changes between the check and
    /// the transaction counts as wrong.
    pub(crate) async fn begin_with_password_of(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        password: &str,
    ) -> Result<UserTransaction, SignInRejection> {
        if let Some(seconds) = self.limit_sign_ins(ctx, user.email.as_str()).await? {
            return Err(SignInRejection::TooManyAttempts(seconds));
        }
        let person = self.0.store.reader().await?.find_user_by_id(&user.session.user_id).await?;
        let hash = person.and_then(|person| person.password_hash);
        let right = self.check_password(password, hash.clone()).await?;
        let hash = hash.filter(|_| right).ok_or(SignInRejection::Wrong)?;
        let transaction = self.0.begin_as_current_user(ctx, user).await?;
        if transaction.user().has_password(&hash) { Ok(transaction) } else { Err(SignInRejection::Wrong) }
    }

    /// Whether a link may be asked for, for which address. The store is not asked: how long the answer takes must not tell
    /// whether there is such a person, so the link is made by [`Self::mail_reset_link_later`].
    ///
    /// # Errors
    /// This installation sends no mail, what was typed is no address, or there were too many requests.
    pub fn request_password_reset(self, ctx: &RequestContext, email: &str) -> Result<Email, ResetRejection> {
        if !self.0.operations().sends_mail() {
            return Err(ResetRejection::NoMail);
        }
        let email = Email::parse(email).map_err(ResetRejection::Invalid)?;
        if let Some(seconds) = self.0.limits.reset(email.as_str(), ctx.address) {
            return Err(ResetRejection::TooMany(seconds));
        }
        Ok(email)
    }

    /// Mails a link that sets a new password, if there is such a person.
    pub async fn mail_reset_link(self, ctx: &RequestContext, email: Email) -> Result<()> {
        let Some(person) = self.0.store.reader().await?.find_user(&email).await? else { return Ok(()) };
        let mut transaction = self.0.begin_for_user(ctx, &person.id, UserProof::Mail).await?;
        let link = self.insert_reset_link(&mut transaction, ctx).await?;
        let details = json!({ "by": "mail" });
        self.audit_user(&mut transaction, ctx, Action::ResetLinkMade, &details).await?;
        let url = self.0.link("reset", &link);
        let minutes = self.0.policy.reset_lifetime_seconds / 60;
        let mail = Mail {
            to: email,
            subject: "Set a new password for Duku".to_owned(),
            text: format!(
                "Somebody, most likely you, asked for a new password for this address.\n\n\
                 Set it here, within {minutes} minutes:\n{}\n\n\
                 The link works once. If you did not ask for it, do nothing: your password stays as it is.\n",
                *url
            ),
        };
        self.0.queue_mail(&mut transaction, ctx, &mail).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes a link that sets a person's password, on an operator's word. Answers with the whole link.
    ///
    /// # Errors
    /// There is no such person, or the store fails.
    pub async fn make_reset_link(
        self,
        ctx: &RequestContext,
        operator: &str,
        email: &str,
    ) -> Result<Zeroizing<String>> {
        let email = Email::parse(email)?;
        let person = self.0.store.reader().await?.find_user(&email).await?;
        let person =
            person.ok_or_else(|| Rejection::NotFound { kind: "person", id: email.as_str().to_owned() })?;
        let mut transaction = self.0.begin_for_user(ctx, &person.id, UserProof::Operator).await?;
        let link = self.insert_reset_link(&mut transaction, ctx).await?;
        let details = json!({ "by": "operator", "operator": device_name(operator) });
        self.audit_user(&mut transaction, ctx, Action::ResetLinkMade, &details).await?;
        transaction.commit().await?;
        Ok(self.0.link("reset", &link))
    }

    async fn insert_reset_link(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
    ) -> Result<OpaqueToken> {
        let link = OpaqueToken::generate(self.0.entropy());
        let expires_at = ctx.now.plus_seconds(self.0.policy.reset_lifetime_seconds);
        transaction.insert_reset_link(link.digest(), ctx.now, expires_at).await?;
        Ok(link)
    }

    /// Whose password a link sets.
    pub async fn find_reset_link(
        self,
        ctx: &RequestContext,
        link: &str,
    ) -> Result<LinkState<(UserId, Email)>> {
        let mut reader = self.0.store.reader().await?;
        let found = reader.find_link(jose::digest(link), LinkPurpose::Reset).await?;
        Ok(found.map_or(LinkState::Unknown, |found| found.reset(ctx.now)))
    }

    /// Sets a new password by a link, which works once. Every session of the person ends, and every access token.
    ///
    /// # Errors
    /// The link does not work (any more), the password is rejected, or the store fails.
    pub async fn reset_password(self, ctx: &RequestContext, link: &str, new: &str) -> Result<Email> {
        let over = || Rejection::Conflict("this link has been used or is too old: ask for a new one".into());
        let digest = jose::digest(link);
        let found = self.0.store.reader().await?.find_link(digest, LinkPurpose::Reset).await?;
        let open = found.and_then(|found| found.reset(ctx.now).open());
        let (user, email) = open.ok_or_else(over)?;
        let hash = self.hash_password(new, Some(&email)).await?;
        let proof = UserProof::ResetLink(digest);
        let begun = self.0.store.begin_for_user(&user, proof, ctx.now).await?;
        let mut transaction = begun.map_err(|_| over())?;
        // Two requests at once may have made two links.
        transaction.consume_reset_links(ctx.now).await?;
        transaction.set_password(&hash).await?;
        // Whoever was signed in with the former password may have seen it.
        transaction.abandon_second_factor().await?;
        transaction.end_sessions(None).await?;
        let details = json!({ "by": "link" });
        self.audit_user(&mut transaction, ctx, Action::PasswordSet, &details).await?;
        self.tell_of_new_password(&mut transaction, ctx).await?;
        transaction.commit().await?;
        Ok(email)
    }

    async fn tell_of_new_password(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
    ) -> Result<()> {
        let email = transaction.user().email.clone();
        let mail = Mail {
            subject: "Your password for Duku was changed".to_owned(),
            text: format!(
                "The password of {email} was changed, and every other session was signed out.\n\n\
                 If it was not you, set a new password at once: {}/forgot\n",
                self.0.policy.viewport
            ),
            to: email,
        };
        self.0.queue_mail(transaction, ctx, &mail).await
    }

    /// Mails a person that the way the person signs in was changed, in the caller's transaction.
    pub(crate) async fn tell_of_account_change(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        what: &str,
    ) -> Result<()> {
        let email = transaction.user().email.clone();
        let from = ctx.address.map_or_else(String::new, |address| format!(" from {address}"));
        let mail = Mail {
            subject: format!("Your account on Duku: {what}"),
            text: format!(
                "At {}{from}, this was changed for {email}: {what}.\n\n\
                 If it was not you, set a new password at once: {}/forgot\n",
                ctx.now, self.0.policy.viewport
            ),
            to: email,
        };
        self.0.queue_mail(transaction, ctx, &mail).await
    }
}

impl Service {
    /// Mails a link that sets a new password, if there is such a person, while the answer is on its way already.
    pub fn mail_reset_link_later(&self, ctx: &RequestContext, email: Email) {
        let (service, ctx) = (self.clone(), ctx.clone());
        tokio::spawn(async move {
            if let Err(error) = service.users().mail_reset_link(&ctx, email).await {
                tracing::error!(request_id = %ctx.request_id, %error, "a link to set a new password could not be mailed");
            }
        });
    }
}

/// Why no link is on its way.
#[derive(Debug)]
pub enum ResetRejection {
    /// This installation sends no mail: an operator can make a link.
    NoMail,
    /// What was typed is no address.
    Invalid(Invalid),
    /// There were too many requests; wait so many seconds.
    TooMany(u64),
}
