//! A person's password: choosing, changing, and setting a new one by a link.

use crate::{
    Ctx, Failure, Handle, Reject, Service, Visitor,
    mail::Mail,
    sign_in::{SignInRefusal, device_name},
};
use domain::{Email, Invalid, audit::Action};
use serde_json::json;
use store::{LinkPurpose, Person, Session};
use zeroize::Zeroizing;

/// What a link's page has to say.
#[derive(Debug)]
pub enum LinkState<T> {
    /// It can be used, for this.
    Open(T),
    /// Its time is over.
    Expired,
    /// It was used, or something newer took its place.
    Used,
    /// There is no such link: mistyped, cut off, or forgotten long ago.
    Unknown,
}

impl Service {
    /// Makes a hash of a new password after checking it against the policy.
    pub(crate) async fn hash_password(
        &self,
        password: &str,
        email: Option<&Email>,
    ) -> Result<String, Failure> {
        domain::check_password(password, self.0.policy.password_minimum, email)?;
        let salt = domain::environment::random::<16>(self.entropy());
        let password = Zeroizing::new(password.to_owned());
        let hashed = self.hashing(move || jose::password::hash(&password, salt)).await?;
        hashed.map_err(Failure::internal)
    }

    /// Changes the visitor's password. Every other session of the person ends, and every access token.
    ///
    /// # Errors
    /// The current password is wrong, there were too many attempts, the new one is refused, or the store fails.
    pub async fn change_password(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        current: &str,
        new: &str,
    ) -> Result<(), SignInRefusal> {
        let hash = self.hash_password(new, Some(&visitor.email)).await?;
        self.prove_password(ctx, visitor, current).await?;
        let mut session = self.0.store.begin().await?;
        let person = find(&mut session, visitor).await?;
        session.set_password(&person.id, &hash).await?;
        // Whoever was signed in with the former password may have seen it.
        session.abandon_second_factor(&person.id).await?;
        session.consume_links_of(&person.id, ctx.now).await?;
        session.end_sessions_of(&person.id, Some(visitor.root())).await?;
        session.note_reauthentication(&visitor.session, ctx.now).await?;
        self.audit_person(&mut session, ctx, &person, Action::PasswordSet, &json!({ "by": "change" }))
            .await?;
        self.tell_of_new_password(&mut session, ctx, &person.email).await?;
        Ok(session.commit().await?)
    }

    /// Proves the visitor's password again, so that what needs a fresh sign-in can go on.
    ///
    /// # Errors
    /// The password is wrong, there were too many attempts, or the store fails.
    pub async fn reauthenticate(
        &self,
        ctx: &Ctx,
        visitor: &mut Visitor,
        password: &str,
    ) -> Result<(), SignInRefusal> {
        self.prove_password(ctx, visitor, password).await?;
        let mut session = self.0.store.begin().await?;
        session.note_reauthentication(&visitor.session, ctx.now).await?;
        session.commit().await?;
        visitor.refresh(ctx.now, self.0.policy.sign_in_fresh_seconds);
        Ok(())
    }

    pub(crate) async fn prove_password(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        password: &str,
    ) -> Result<(), SignInRefusal> {
        if let Some(seconds) = self.0.limits.sign_in(visitor.email.as_str(), ctx.address) {
            return Err(SignInRefusal::TooManyAttempts(seconds));
        }
        let person = self.0.store.reader().await?.find_person_by_id(&visitor.session.user_id).await?;
        let hash = person.and_then(|person| person.password_hash);
        if self.check_password(password, hash).await? { Ok(()) } else { Err(SignInRefusal::Wrong) }
    }

    /// Whether a link may be asked for, for which address. The store is not asked: how long the answer takes must not tell
    /// whether there is such a person, so the link is made by [`Self::mail_reset_link_later`].
    ///
    /// # Errors
    /// This installation sends no mail, what was typed is no address, or there were too many requests.
    pub fn request_password_reset(&self, ctx: &Ctx, email: &str) -> Result<Email, ResetRefusal> {
        if !self.sends_mail() {
            return Err(ResetRefusal::NoMail);
        }
        let email = Email::parse(email).map_err(ResetRefusal::Invalid)?;
        if let Some(seconds) = self.0.limits.reset(email.as_str(), ctx.address) {
            return Err(ResetRefusal::TooMany(seconds));
        }
        Ok(email)
    }

    /// Mails a link that sets a new password, if there is such a person, while the answer is on its way already.
    pub fn mail_reset_link_later(&self, ctx: &Ctx, email: Email) {
        let (service, ctx) = (self.clone(), ctx.clone());
        tokio::spawn(async move {
            if let Err(error) = service.mail_reset_link(&ctx, email).await {
                tracing::error!(request_id = %ctx.request_id, %error, "a link to set a new password could not be mailed");
            }
        });
    }

    /// Mails a link that sets a new password, if there is such a person.
    ///
    /// # Errors
    /// The store fails.
    pub async fn mail_reset_link(&self, ctx: &Ctx, email: Email) -> Result<(), Failure> {
        let mut session = self.0.store.begin().await?;
        let Some(person) = session.find_person(&email).await? else { return Ok(()) };
        let link = self.insert_reset_link(&mut session, ctx, &person).await?;
        let details = json!({ "by": "mail" });
        self.audit_person(&mut session, ctx, &person, Action::ResetLinkMade, &details).await?;
        let url = self.link("reset", &link);
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
        self.queue_mail(&mut session, ctx, &mail).await?;
        Ok(session.commit().await?)
    }

    /// Makes a link that sets a person's password, on an operator's word. Answers with the whole link.
    ///
    /// # Errors
    /// There is no such person, or the store fails.
    pub async fn make_reset_link(
        &self,
        ctx: &Ctx,
        operator: &str,
        email: &str,
    ) -> Result<Zeroizing<String>, Failure> {
        let email = Email::parse(email)?;
        let mut session = self.0.store.begin().await?;
        let person = session.find_person(&email).await?;
        let person =
            person.ok_or_else(|| Reject::NotFound { kind: "person", id: email.as_str().to_owned() })?;
        let link = self.insert_reset_link(&mut session, ctx, &person).await?;
        let details = json!({ "by": "operator", "operator": device_name(operator) });
        self.audit_person(&mut session, ctx, &person, Action::ResetLinkMade, &details).await?;
        session.commit().await?;
        Ok(self.link("reset", &link))
    }

    async fn insert_reset_link(
        &self,
        session: &mut Session,
        ctx: &Ctx,
        person: &Person,
    ) -> Result<Handle, Failure> {
        let link = Handle::generate(self.entropy());
        session.consume_links_of(&person.id, ctx.now).await?;
        let expires_at = ctx.now.plus_seconds(self.0.policy.reset_lifetime_seconds);
        session.insert_link(link.digest(), LinkPurpose::Reset, Some(&person.id), ctx.now, expires_at).await?;
        Ok(link)
    }

    /// Whose password a link sets.
    ///
    /// # Errors
    /// The store fails.
    pub async fn find_reset_link(&self, ctx: &Ctx, link: &str) -> Result<LinkState<Email>, Failure> {
        let mut session = self.0.store.reader().await?;
        let found = session.find_link(jose::digest(link), LinkPurpose::Reset).await?;
        Ok(match found {
            None => LinkState::Unknown,
            Some(found) if found.consumed_at.is_some() => LinkState::Used,
            Some(found) if found.expires_at <= ctx.now => LinkState::Expired,
            Some(found) => found.person.map_or(LinkState::Unknown, |(_, email)| LinkState::Open(email)),
        })
    }

    /// Sets a new password by a link, which works once. Every session of the person ends, and every access token.
    ///
    /// # Errors
    /// The link does not work (any more), the password is refused, or the store fails.
    pub async fn reset_password(&self, ctx: &Ctx, link: &str, new: &str) -> Result<Email, Failure> {
        let over = || Reject::Conflict("this link has been used or is too old: ask for a new one".into());
        let LinkState::Open(email) = self.find_reset_link(ctx, link).await? else {
            return Err(over().into());
        };
        let hash = self.hash_password(new, Some(&email)).await?;
        let mut session = self.0.store.begin().await?;
        if !session.consume_link(jose::digest(link), ctx.now).await? {
            return Err(over().into());
        }
        let person = session.find_person(&email).await?.ok_or_else(over)?;
        // Two requests at once may have made two links.
        session.consume_links_of(&person.id, ctx.now).await?;
        session.set_password(&person.id, &hash).await?;
        // Whoever was signed in with the former password may have seen it.
        session.abandon_second_factor(&person.id).await?;
        session.end_sessions_of(&person.id, None).await?;
        self.audit_person(&mut session, ctx, &person, Action::PasswordSet, &json!({ "by": "link" })).await?;
        self.tell_of_new_password(&mut session, ctx, &person.email).await?;
        session.commit().await?;
        Ok(person.email)
    }

    async fn tell_of_new_password(
        &self,
        session: &mut Session,
        ctx: &Ctx,
        email: &Email,
    ) -> Result<(), Failure> {
        let mail = Mail {
            to: email.clone(),
            subject: "Your password for Duku was changed".to_owned(),
            text: format!(
                "The password of {email} was changed, and every other session was signed out.\n\n\
                 If it was not you, set a new password at once: {}/forgot\n",
                self.0.policy.viewport
            ),
        };
        self.queue_mail(session, ctx, &mail).await
    }
}

/// Why no link is on its way.
#[derive(Debug)]
pub enum ResetRefusal {
    /// This installation sends no mail: an operator can make a link.
    NoMail,
    /// What was typed is no address.
    Invalid(Invalid),
    /// There were too many requests; wait so many seconds.
    TooMany(u64),
}

pub(crate) async fn find(session: &mut Session, visitor: &Visitor) -> Result<Person, Failure> {
    let person = session.find_person_by_id(&visitor.session.user_id).await?;
    person.ok_or_else(|| Failure::internal("a session without a person"))
}
