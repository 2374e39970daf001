//! Devices that a user approves: device authorization (RFC 8628) and refresh tokens that change at each use
//! (RFC 9700 §4.14.2).

use crate::{
    CurrentUser, Error, OpaqueToken, Rejection, RequestContext, Result, Users,
    audit::Entry,
    tokens::{
        opaque_token::family_of,
        user_tokens::{UserGrant, UserTokens},
    },
};
use domain::{
    DeviceGrant, DeviceState, Ended, ScopeSet, Session, SessionId, SessionKind, Timestamp,
    audit::Action,
    authority::check_user_session,
    scope::UnknownScope,
    users::device_grant::{
        Approval, ApprovedDevice, DeviceDecision, DeviceEnd, INTERVAL_SECONDS, shown_user_code,
        typed_user_code,
    },
};
use serde_json::json;
use store::{StoreError, UserProof};

/// The device authorization response (RFC 8628 §3.2).
#[derive(Debug)]
pub struct DeviceStart {
    /// The device's own secret.
    pub device_code: OpaqueToken,
    /// What the person types, like `WDJB-MJHT`.
    pub user_code: String,
    /// How long there is time, in seconds.
    pub expires_in: i64,
    /// How long to wait between two polls, in seconds.
    pub interval: i64,
}

/// Why a device cannot ask.
#[derive(Debug)]
pub enum DeviceRejection {
    /// The scope is not known.
    Scope(UnknownScope),
    /// There were too many requests; wait so many seconds.
    TooMany(u64),
    /// The store failed.
    Error(Error),
}

/// Why a device, or a device that a user approved, gets no token.
#[derive(Debug)]
pub enum PollRejection {
    /// Nobody has decided yet (RFC 8628 §3.5).
    Pending,
    /// It asked too soon, and must wait 5 seconds longer from now on.
    SlowDown,
    /// The person said no.
    Denied,
    /// It took too long.
    Expired,
    /// `invalid_grant`; one sentence says why.
    Invalid(&'static str),
    /// There were too many failures from the address; wait so many seconds.
    TooManyFailures(u64),
    /// The store failed.
    Error(Error),
}

impl From<StoreError> for PollRejection {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Error> for PollRejection {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Users<'_> {
    /// Takes in a device authorization request.
    ///
    /// # Errors
    /// The scope is not known, there were too many requests from the address, or the store fails.
    pub async fn start_device(
        self,
        ctx: &RequestContext,
        client_id: &str,
        scope: &str,
        device: &str,
    ) -> Result<DeviceStart, DeviceRejection> {
        let scopes = ScopeSet::parse(scope).map_err(DeviceRejection::Scope)?;
        if scopes != ScopeSet::DEFAULT {
            // Sessions do not remember a scope: a refresh would widen what a person had approved as narrower.
            return Err(DeviceRejection::Scope(UnknownScope(scope.to_owned())));
        }
        if let Some(seconds) = self.0.limits.device(ctx.address) {
            return Err(DeviceRejection::TooMany(seconds));
        }
        let expires_in = self.0.policy.device_lifetime_seconds;
        let device_code = OpaqueToken::generate(self.0.entropy());
        let failed = |error: StoreError| DeviceRejection::Error(error.into());
        let mut transaction = self.0.store.begin().await.map_err(failed)?;
        loop {
            let scope = scopes.to_string();
            let new = DeviceGrant::begin(self.0.entropy(), client_id, scope, device, ctx, expires_in);
            match transaction.insert_device(&new, device_code.digest()).await {
                Ok(()) => {
                    transaction.commit().await.map_err(failed)?;
                    let user_code = shown_user_code(&new.user_code);
                    return Ok(DeviceStart {
                        device_code,
                        user_code,
                        expires_in,
                        interval: INTERVAL_SECONDS,
                    });
                }
                Err(StoreError::Taken) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// The device that shows this code and waits for a decision.
    ///
    /// # Errors
    /// There were too many guesses, there is none, or the store fails.
    pub async fn find_device(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        user_code: &str,
    ) -> Result<DeviceGrant> {
        if let Some(seconds) = self.0.limits.user_code(&user.session.user_id) {
            return Err(Rejection::TooMany(seconds).into());
        }
        let code = typed_user_code(user_code);
        let found = self.0.store.reader().await?.find_device_by_user_code(&code).await?;
        let found = found.filter(|device| device.is_waiting(ctx.now));
        Ok(found.ok_or_else(|| {
            Rejection::Conflict(
                "no device waits with this code: compare it with the one in your terminal, or run `duku login` again"
                    .into(),
            )
        })?)
    }

    /// Approves a device as the current user, in the organisation that the user is in, or rejects it.
    ///
    /// # Errors
    /// The device was decided on already or waits no more, the user has no organisation or has signed out, the password
    /// was not proved lately, or the store fails.
    pub async fn decide_device(
        self,
        ctx: &RequestContext,
        user: &CurrentUser,
        user_code: &str,
        approved: bool,
    ) -> Result<()> {
        let principal = user.principal.as_ref().ok_or_else(|| {
            Rejection::Forbidden("you belong to no organisation that the command line could work in".into())
        })?;
        let organisation = &principal.organisation_id;
        let mut transaction = self.0.begin_as_current_user_in(ctx, user, organisation).await?;
        if approved {
            // A command line may do what an unattended browser must not.
            transaction = self.0.require_fresh_proof(ctx, transaction).await?;
        }
        let facts = transaction.in_organisation(organisation, ctx.now).await?;
        check_user_session(facts.as_ref())?;
        let session = transaction.proved_session().cloned().ok_or(Ended::SessionEnded)?;
        let code = typed_user_code(user_code);
        if !transaction.decide_device(&code, approved, organisation, &session, ctx.now).await? {
            let message = "this code was used or is too old: run `duku login` again";
            return Err(Rejection::Conflict(message.into()).into());
        }
        Ok(transaction.commit().await?)
    }

    /// Answers a device that asks whether a person has approved it.
    ///
    /// # Errors
    /// Nobody has, or not yet, or not any more.
    pub async fn poll_device(
        self,
        ctx: &RequestContext,
        client_id: &str,
        device_code: &str,
    ) -> Result<UserTokens, PollRejection> {
        let digest = jose::digest(device_code);
        let known = self.0.store.reader().await?.find_device(digest).await?;
        if known.is_none_or(|device| device.client_id != client_id) {
            // Whoever guesses makes nobody wait for a lock.
            return Err(self.failed_grant(ctx, "the device_code is unknown: begin again"));
        }
        let mut transaction = self.0.store.begin().await?;
        let device = transaction.find_device(digest).await?;
        let device = device.ok_or(PollRejection::Invalid("the device_code is unknown: begin again"))?;
        let next = device.next_poll(ctx.now);
        let state = device.at(ctx.now).map_err(|end| match end {
            DeviceEnd::Used => PollRejection::Invalid("the device_code was used already: begin again"),
            DeviceEnd::Expired => PollRejection::Expired,
        })?;
        let in_time = transaction.note_device_poll(digest, ctx.now, next).await?;
        transaction.commit().await?;
        match state {
            _ if !in_time => Err(PollRejection::SlowDown),
            DeviceState::Waiting => Err(PollRejection::Pending),
            DeviceState::Denied => Err(PollRejection::Denied),
            DeviceState::Approved(device) => self.redeem_device_code(ctx, digest, &device).await,
        }
    }

    async fn redeem_device_code(
        self,
        ctx: &RequestContext,
        digest: domain::SecretDigest,
        device: &ApprovedDevice,
    ) -> Result<UserTokens, PollRejection> {
        let Approval { user_id, organisation_id: organisation, .. } = &device.approval;
        let proof = UserProof::DeviceCode(digest);
        let begun = self.0.store.begin_for_user(user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else {
            // It was used by another poll, or what approved it has ended since it was read.
            let now = self.0.store.reader().await?.find_device(digest).await?;
            return Err(match now.and_then(|now| now.decision) {
                Some(DeviceDecision::Denied) => PollRejection::Denied,
                _ => PollRejection::Invalid("the device_code was used already: begin again"),
            });
        };
        let refresh = OpaqueToken::generate_refresh(self.0.entropy(), None);
        let id = SessionId::generate(ctx.now, self.0.entropy());
        let new = device.session(id, ctx, self.0.policy.command_line_limits());
        let grant =
            UserGrant { organisation, client_id: &device.grant.client_id, scope: &device.grant.scope };
        let tokens = match self.0.tokens().issue_user_token(&mut transaction, ctx, &new, grant).await? {
            Ok(tokens) => tokens,
            Err(ended) => {
                // The code is used up all the same.
                transaction.commit().await?;
                return Err(PollRejection::Invalid(why_no_token(ended)));
            }
        };
        let family = family_of(refresh.expose()).map(jose::digest);
        transaction.insert_session(&new, refresh.digest(), family).await?;
        let entry = Entry {
            action: Action::DeviceApproved,
            object_id: new.id.as_str(),
            object_name: &new.device,
            details: json!({}),
        };
        let actor = crate::principal::user(&new.user_id, &tokens.email);
        self.0.append(&mut transaction, ctx, organisation.as_str(), actor, entry).await?;
        transaction.commit().await?;
        Ok(UserTokens { refresh: Some((refresh, seconds_until(new.expires_at, ctx.now))), ..tokens })
    }

    /// Counts a grant that nobody can have been given.
    fn failed_grant(self, ctx: &RequestContext, why: &'static str) -> PollRejection {
        let limited = self.0.limits.failed(None, ctx.address);
        limited.map_or(PollRejection::Invalid(why), PollRejection::TooManyFailures)
    }

    /// Exchanges a refresh token for an access token and the next refresh token.
    ///
    /// # Errors
    /// The token is not good any more. One that was exchanged before has leaked: its session ends, however the two uses
    /// race.
    pub async fn refresh(
        self,
        ctx: &RequestContext,
        client_id: &str,
        refresh_token: &str,
    ) -> Result<UserTokens, PollRejection> {
        const OVER: &str = "this session is over: sign in again";
        let Some(family) = family_of(refresh_token) else { return Err(self.failed_grant(ctx, OVER)) };
        let found = self.0.store.reader().await?.find_session_by_family(jose::digest(family)).await?;
        let found = found.filter(|found| found.kind == SessionKind::CommandLine);
        let Some(found) = found else { return Err(self.failed_grant(ctx, OVER)) };
        let digest = jose::digest(refresh_token);
        let proof = UserProof::SessionSecret(digest);
        let begun = self.0.store.begin_for_user(&found.user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else {
            self.end_reused(ctx, &found).await?;
            return Err(self.failed_grant(ctx, OVER));
        };
        let found = transaction.proved_session().cloned().ok_or(PollRejection::Invalid(OVER))?;
        let next = OpaqueToken::generate_refresh(self.0.entropy(), Some(family));
        let renewed = found.refresh(ctx, self.0.policy.command_line_limits());
        if !transaction.replace_session_digest(&renewed, digest, next.digest()).await? {
            return Err(PollRejection::Invalid(OVER));
        }
        let organisation =
            renewed.organisation_id.clone().ok_or_else(|| Error::internal("a command line nowhere"))?;
        let scope = ScopeSet::DEFAULT.to_string();
        let grant = UserGrant { organisation: &organisation, client_id, scope: &scope };
        match self.0.tokens().issue_user_token(&mut transaction, ctx, &renewed, grant).await? {
            Ok(tokens) => {
                transaction.commit().await?;
                let refresh = Some((next, seconds_until(renewed.expires_at, ctx.now)));
                Ok(UserTokens { refresh, ..tokens })
            }
            Err(ended) => {
                transaction.end_session(&renewed.id).await?;
                transaction.commit().await?;
                Err(PollRejection::Invalid(why_no_token(ended)))
            }
        }
    }

    /// Ends the session of a refresh token that was exchanged before, if the session lives.
    async fn end_reused(self, ctx: &RequestContext, leaked: &Session) -> Result<()> {
        let proof = UserProof::Session(&leaked.id);
        let begun = self.0.store.begin_for_user(&leaked.user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else { return Ok(()) };
        transaction.end_session(&leaked.id).await?;
        let details = json!({ "session": leaked.id.as_str(), "device": leaked.device });
        self.audit_user(&mut transaction, ctx, Action::RefreshTokenReused, &details).await?;
        transaction.commit().await?;
        tracing::warn!(session = %leaked.id, "a refresh token was used a second time; its session has ended");
        Ok(())
    }

    /// Ends the session of a refresh token, if it is one.
    pub async fn end_command_line(self, ctx: &RequestContext, refresh_token: &str) -> Result<()> {
        let digest = jose::digest(refresh_token);
        let found = self.0.store.reader().await?.find_session(digest, ctx.now).await?;
        let found = found.filter(|found| found.kind == SessionKind::CommandLine);
        let Some(found) = found else { return Ok(()) };
        let proof = UserProof::SessionSecret(digest);
        let begun = self.0.store.begin_for_user(&found.user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else { return Ok(()) };
        transaction.end_session(&found.id).await?;
        Ok(transaction.commit().await?)
    }
}

const fn seconds_until(end: Timestamp, now: Timestamp) -> i64 {
    end.seconds().saturating_sub(now.seconds())
}

const fn why_no_token(ended: Ended) -> &'static str {
    match ended {
        Ended::SecondFactorRequired => {
            "the organisation requires a second factor now: sign in again with one"
        }
        _ => "you are no member of this organisation any more: sign in again",
    }
}
