//! People in Viewport: who a browser's cookie stands for, in which organisation, and which other sessions the person has.

use crate::{
    OpaqueToken, Principal, PrincipalKind, Rejection, RequestContext, Result, Users, audit::Entry,
    users::authorization_codes::CodeRejection,
};
use domain::{
    Claim, Email, Membership, OrganisationId, ScopeSet, Session, SessionClaim, SessionId, SessionKind,
    SignedInUser, Timestamp, audit::Action, users::membership::organisation_to_enter,
};
use serde_json::json;
use store::{Reader, UserProof, UserTransaction};

/// A person in Viewport, as one request sees them.
#[derive(Debug, Clone)]
pub struct CurrentUser {
    /// The session.
    pub session: Session,
    /// The person's address.
    pub email: Email,
    /// The person in the session's organisation; none if the person belongs to no organisation (any more).
    pub principal: Option<Principal>,
    /// Whether the person has a second factor.
    pub has_second_factor: bool,
    /// Whether the organisation requires a second factor that was not proved in this session: nothing of it is shown then.
    pub must_give_second_factor: bool,
}

impl CurrentUser {
    /// The sign-in at the root of the session: what "this browser" means to a person.
    pub fn root(&self) -> &SessionId {
        self.session.root()
    }

    /// Whether the password was proved so lately that keys may be changed.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.principal.as_ref().and_then(|principal| principal.fresh_until).is_none_or(|until| now < until)
    }

    pub(crate) fn refresh(&mut self, now: Timestamp, fresh_seconds: i64) {
        self.session.authenticated_at = now;
        if let Some(principal) = &mut self.principal {
            principal.fresh_until = Some(now.plus_seconds(fresh_seconds));
        }
    }
}

/// A browser that is signed in to Viewport.
#[derive(Debug)]
pub struct ViewportSession {
    /// The secret that Viewport's cookie holds from now on.
    pub cookie: OpaqueToken,
}

impl Users<'_> {
    /// Exchanges Viewport's authorization code for a session in Viewport. Former ones of the same sign-in end.
    ///
    /// # Errors
    /// The code is not good (any more), or the store fails.
    pub async fn sign_in_to_viewport(
        self,
        ctx: &RequestContext,
        code: &str,
        verifier: &str,
        device: &str,
    ) -> Result<ViewportSession, CodeRejection> {
        let redirect_uri = self.viewport_redirect_uri();
        let (mut transaction, code, sign_in) = self
            .redeem_code(ctx, code, crate::users::authorization_codes::VIEWPORT, &redirect_uri, verifier)
            .await?;
        transaction.end_children(&sign_in.id).await?;
        let organisation = self.organisation_to_enter(&mut transaction, &code.user_id).await?;
        let cookie = OpaqueToken::generate(self.0.entropy());
        let id = SessionId::generate(ctx.now, self.0.entropy());
        let idle = self.0.policy.session_idle_seconds;
        let new = sign_in.in_viewport(id, organisation.clone(), device, ctx, idle);
        transaction.insert_session(&new, cookie.digest(), None).await?;
        self.audit_sign_in(&mut transaction, ctx, &new, organisation.as_ref()).await?;
        transaction.commit().await?;
        Ok(ViewportSession { cookie })
    }

    /// Writes down that a person signed in, in the log of the organisation that the person enters: others have no business
    /// knowing when and from where.
    pub(crate) async fn audit_sign_in(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        signed_in: &Session,
        organisation: Option<&OrganisationId>,
    ) -> Result<()> {
        let person = transaction.user().clone();
        let chain = organisation.map_or(crate::audit::SYSTEM, OrganisationId::as_str);
        let entry = Entry {
            action: Action::PersonSignedIn,
            object_id: person.id.as_str(),
            object_name: person.email.as_str(),
            details: json!({ "second_factor": signed_in.second_factor_at.is_some() }),
        };
        let actor = crate::principal::user(&person.id, &person.email);
        self.0.append(transaction, ctx, chain, actor, entry).await
    }

    /// The organisation that a person enters: the one of the last time, or the first.
    pub(crate) async fn organisation_to_enter(
        self,
        reader: &mut Reader,
        person: &domain::UserId,
    ) -> Result<Option<OrganisationId>> {
        let last = reader.last_organisation_of(person).await?;
        Ok(organisation_to_enter(last, &reader.memberships_of(person).await?))
    }

    fn idle_end(self, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.0.policy.session_idle_seconds)
    }

    /// Who a browser in Viewport is. A person who was removed from the session's organisation goes on in another one, if
    /// there is one.
    pub async fn find_current_user(self, ctx: &RequestContext, cookie: &str) -> Result<Option<CurrentUser>> {
        let digest = jose::digest(cookie);
        let Some(found) = self.0.store.reader().await?.find_current_user(digest, ctx.now).await? else {
            return Ok(None);
        };
        let moved = match found.role {
            Some(_) => None,
            None => self.move_on(ctx, &found.session, digest).await?,
        };
        if moved.is_none() && found.session.needs_touch(ctx.now) {
            self.touch(ctx, &found.session).await?;
        }
        let user = self.user(moved.unwrap_or(found));
        // Not the organisation of a session whose person was removed from it.
        if let Some(principal) = &user.principal {
            store::attribute_work_to(&principal.organisation_id);
        }
        Ok(Some(user))
    }

    /// Moves a session into an organisation that its person belongs to.
    async fn move_on(
        self,
        ctx: &RequestContext,
        stranded: &Session,
        digest: domain::SecretDigest,
    ) -> Result<Option<SignedInUser>> {
        let memberships = self.0.store.reader().await?.memberships_of(&stranded.user_id).await?;
        let Some(first) = memberships.first() else { return Ok(None) };
        let proof = UserProof::Session(&stranded.id);
        let begun = self.0.store.begin_for_user(&stranded.user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else { return Ok(None) };
        transaction.switch_session(&stranded.id, &first.organisation_id).await?;
        self.audit_sign_in(&mut transaction, ctx, stranded, Some(&first.organisation_id)).await?;
        transaction.commit().await?;
        Ok(self.0.store.reader().await?.find_current_user(digest, ctx.now).await?)
    }

    async fn touch(self, ctx: &RequestContext, used: &Session) -> Result<()> {
        let address = ctx.address_text();
        let mut transaction = self.0.store.begin().await?;
        transaction.touch_session(&used.id, ctx.now, address.as_deref(), self.idle_end(ctx.now)).await?;
        if let Some(parent) = &used.parent_id {
            transaction.see_session(parent, ctx.now, address.as_deref()).await?;
        }
        Ok(transaction.commit().await?)
    }

    fn user(self, row: SignedInUser) -> CurrentUser {
        let SignedInUser { session, email, role, organisation_name, .. } = row;
        let organisation = session.organisation_id.clone().zip(organisation_name);
        let principal =
            organisation.zip(role).map(|((organisation_id, organisation_name), role)| Principal {
                claim: Claim::Session(
                    SessionClaim { session_id: session.id.clone(), user_id: session.user_id.clone() },
                    organisation_id.clone(),
                ),
                organisation_id,
                organisation_name,
                holder: PrincipalKind::User { id: session.user_id.clone(), email: email.clone(), role },
                scopes: ScopeSet::DEFAULT,
                fresh_until: Some(session.authenticated_at.plus_seconds(self.0.policy.sign_in_fresh_seconds)),
            });
        CurrentUser {
            must_give_second_factor: row.second_factor_required && session.second_factor_at.is_none(),
            has_second_factor: row.second_factor_enrolled,
            session,
            email,
            principal,
        }
    }

    /// The organisations that the current user belongs to, by name.
    pub async fn memberships(self, user: &CurrentUser) -> Result<Vec<Membership>> {
        Ok(self.0.store.reader().await?.memberships_of(&user.session.user_id).await?)
    }

    /// Lets the current user work in another of the person's organisations.
    ///
    /// # Errors
    /// The person does not belong to it, or the store fails.
    pub async fn switch_organisation(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        organisation: &str,
    ) -> Result<()> {
        let missing = || Rejection::NotFound { kind: "organisation", id: organisation.to_owned() };
        let id = OrganisationId::parse(organisation).map_err(|_| missing())?;
        let mut transaction = self.0.begin_as_current_user_in(ctx, user, &id).await?;
        if transaction.in_organisation(&id, ctx.now).await?.is_none() {
            return Err(missing().into());
        }
        transaction.switch_session(&user.session.id, &id).await?;
        if user.session.organisation_id.as_ref() != Some(&id) {
            self.audit_sign_in(&mut transaction, ctx, &user.session, Some(&id)).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The current user's sessions: browsers and command lines, oldest first.
    pub async fn list_sessions(self, ctx: &RequestContext, user: &CurrentUser) -> Result<Vec<Session>> {
        let mut sessions = self.0.store.reader().await?.sessions_of(&user.session.user_id, ctx.now).await?;
        // A sign-in that was unused for too long is over, though its row is still there.
        let idle = self.0.policy.session_idle_seconds;
        sessions.retain(|one| one.kind != SessionKind::SignIn || !one.is_idle(ctx.now, idle));
        Ok(sessions)
    }

    /// Ends one of the current user's sessions, at once and everywhere.
    ///
    /// # Errors
    /// The person has no such session, or the store fails.
    pub async fn end_session(self, ctx: &RequestContext, user: &CurrentUser, id: &str) -> Result<()> {
        let missing = || Rejection::NotFound { kind: "session", id: id.to_owned() };
        let id = SessionId::parse(id).map_err(|_| missing())?;
        let mut transaction = self.0.begin_as_current_user(ctx, user).await?;
        if transaction.end_session(&id).await? == 0 {
            return Err(missing().into());
        }
        self.audit_ended(&mut transaction, ctx, json!({ "session": id.as_str() })).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends all of the current user's sessions but this one. Answers how many rows went.
    pub async fn end_other_sessions(self, ctx: &RequestContext, user: &CurrentUser) -> Result<u64> {
        let mut transaction = self.0.begin_as_current_user(ctx, user).await?;
        let ended = transaction.end_sessions(Some(user.root())).await?;
        if ended > 0 {
            self.audit_ended(&mut transaction, ctx, json!({ "session": "all others" })).await?;
        }
        transaction.commit().await?;
        Ok(ended)
    }

    async fn audit_ended(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        details: serde_json::Value,
    ) -> Result<()> {
        self.audit_user(transaction, ctx, Action::SessionEnded, &details).await
    }
}
