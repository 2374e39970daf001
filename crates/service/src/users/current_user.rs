//! People in Viewport: who a browser's cookie stands for, in which organisation, and which other sessions the person has.

use crate::{
    Failure, OpaqueToken, Principal, PrincipalKind, Rejection, RequestContext, Users,
    audit::Entry,
    users::{
        authorization_codes::CodeRejection,
        sign_in::{device_name, is_fresh},
    },
};
use domain::{Claim, Email, OrganisationId, ScopeSet, SessionClaim, SessionId, Timestamp, audit::Action};
use serde_json::json;
use store::{CurrentUserRow, Membership, PersonSession, Reader, SessionKind, UserProof, UserTransaction};

/// "Last seen" is written at most so often, in seconds.
const TOUCH_SECONDS: i64 = 60;

/// A person in Viewport, as one request sees them.
#[derive(Debug, Clone)]
pub struct CurrentUser {
    /// The session.
    pub session: PersonSession,
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
        self.session.parent_id.as_ref().unwrap_or(&self.session.id)
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
        let expires_at = self.idle_end(ctx.now).min(sign_in.expires_at);
        let new = PersonSession {
            id: SessionId::generate(ctx.now, self.0.entropy()),
            kind: SessionKind::Viewport,
            parent_id: Some(sign_in.id.clone()),
            user_id: code.user_id.clone(),
            organisation_id: organisation.clone(),
            device: device_name(device),
            address: ctx.address.map(|address| address.to_string()),
            created_at: ctx.now,
            last_seen_at: ctx.now,
            expires_at,
            ..sign_in
        };
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
        signed_in: &PersonSession,
        organisation: Option<&OrganisationId>,
    ) -> Result<(), Failure> {
        let person = transaction.user().clone();
        let chain = organisation.map_or(crate::audit::SYSTEM, OrganisationId::as_str);
        let entry = Entry {
            action: Action::PersonSignedIn,
            object_id: person.id.as_str(),
            object_name: person.email.as_str(),
            details: json!({ "second_factor": signed_in.second_factor_at.is_some() }),
        };
        let actor = crate::principal::person(&person.id, &person.email);
        self.0.append(transaction, ctx, chain, actor, entry).await
    }

    /// The organisation that a person enters: the one of the last time, or the first.
    pub(crate) async fn organisation_to_enter(
        self,
        reader: &mut Reader,
        person: &domain::UserId,
    ) -> Result<Option<OrganisationId>, Failure> {
        let last = reader.last_organisation_of(person).await?;
        let memberships = reader.memberships_of(person).await?;
        let known = |id: &OrganisationId| memberships.iter().any(|one| one.organisation_id == *id);
        Ok(last.filter(known).or_else(|| memberships.first().map(|first| first.organisation_id.clone())))
    }

    fn idle_end(self, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.0.policy.session_idle_seconds)
    }

    /// Who a browser in Viewport is. A person who was removed from the session's organisation goes on in another one, if
    /// there is one.
    ///
    /// # Errors
    /// The store fails.
    pub async fn find_current_user(
        self,
        ctx: &RequestContext,
        cookie: &str,
    ) -> Result<Option<CurrentUser>, Failure> {
        let digest = jose::digest(cookie);
        let Some(found) = self.0.store.reader().await?.find_current_user(digest, ctx.now).await? else {
            return Ok(None);
        };
        let moved = match found.role {
            Some(_) => None,
            None => self.move_on(ctx, &found.session, digest).await?,
        };
        if moved.is_none() && found.session.last_seen_at.plus_seconds(TOUCH_SECONDS) <= ctx.now {
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
        stranded: &PersonSession,
        digest: domain::SecretDigest,
    ) -> Result<Option<CurrentUserRow>, Failure> {
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

    async fn touch(self, ctx: &RequestContext, used: &PersonSession) -> Result<(), Failure> {
        let address = ctx.address.map(|address| address.to_string());
        let mut transaction = self.0.store.begin().await?;
        transaction.touch_session(&used.id, ctx.now, address.as_deref(), self.idle_end(ctx.now)).await?;
        if let Some(parent) = &used.parent_id {
            transaction.see_session(parent, ctx.now, address.as_deref()).await?;
        }
        Ok(transaction.commit().await?)
    }

    fn user(self, row: CurrentUserRow) -> CurrentUser {
        let CurrentUserRow { session, email, role, organisation_name, .. } = row;
        let organisation = session.organisation_id.clone().zip(organisation_name);
        let principal =
            organisation.zip(role).map(|((organisation_id, organisation_name), role)| Principal {
                claim: Claim::Session(
                    SessionClaim { session_id: session.id.clone(), user_id: session.user_id.clone() },
                    organisation_id.clone(),
                ),
                organisation_id,
                organisation_name,
                holder: PrincipalKind::Person { id: session.user_id.clone(), email: email.clone(), role },
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
    ///
    /// # Errors
    /// The store fails.
    pub async fn memberships(self, user: &CurrentUser) -> Result<Vec<Membership>, Failure> {
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
    ) -> Result<(), Failure> {
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
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_sessions(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
    ) -> Result<Vec<PersonSession>, Failure> {
        let mut sessions = self.0.store.reader().await?.sessions_of(&user.session.user_id, ctx.now).await?;
        // A sign-in that was unused for too long is over, though its row is still there.
        sessions.retain(|one| one.kind != SessionKind::SignIn || self.idle_end(one.last_seen_at) > ctx.now);
        Ok(sessions)
    }

    /// Ends one of the current user's sessions, at once and everywhere.
    ///
    /// # Errors
    /// The person has no such session, or the store fails.
    pub async fn end_session(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        id: &str,
    ) -> Result<(), Failure> {
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
    ///
    /// # Errors
    /// The store fails.
    pub async fn end_other_sessions(self, ctx: &RequestContext, user: &CurrentUser) -> Result<u64, Failure> {
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
    ) -> Result<(), Failure> {
        let person = transaction.user().clone();
        self.audit_person(transaction, ctx, &person, Action::SessionEnded, &details).await
    }

    /// Whether a proof of `authenticated_at` is young enough for a client that asked for `max_age` seconds at most.
    pub fn is_young_enough(
        self,
        ctx: &RequestContext,
        authenticated_at: Timestamp,
        max_age: Option<i64>,
    ) -> bool {
        max_age.is_none_or(|seconds| is_fresh(authenticated_at, ctx.now, seconds))
    }
}
