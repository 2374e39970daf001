//! Devices that a user approves: device authorization (RFC 8628) and refresh tokens that change at each use
//! (RFC 9700 §4.14.2).

use crate::{
    CurrentUser, Failure, OpaqueToken, Rejection, RequestContext, Users,
    audit::Entry,
    tokens::{
        opaque_token::family_of,
        user_tokens::{PersonTokens, UserGrant},
    },
    users::sign_in::device_name,
};
use domain::{
    Ended, Entropy, ScopeSet, SessionId, Timestamp, audit::Action, authority::check_user_session, entropy,
    scope::UnknownScope,
};
use serde_json::json;
use store::{DeviceDecision, PersonSession, SessionKind, StoreError, StoredDevice, UserProof};

/// How long a device waits between two polls at first, in seconds (RFC 8628 §3.2).
const INTERVAL_SECONDS: i64 = 5;
/// Consonants without those that look or sound alike: no word can come of them (RFC 8628 §6.1).
const USER_CODE_ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LENGTH: usize = 8;

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
    Failure(Failure),
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
    Failure(Failure),
}

impl From<StoreError> for PollRejection {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Failure> for PollRejection {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

fn user_code(entropy: &dyn Entropy) -> String {
    let mut code = String::with_capacity(USER_CODE_LENGTH);
    while code.len() < USER_CODE_LENGTH {
        let [byte] = entropy::random::<1>(entropy);
        // Bytes beyond the last whole multiple of 20 would favour some letters.
        let letter = (byte < 240).then(|| USER_CODE_ALPHABET.get(usize::from(byte % 20))).flatten();
        code.extend(letter.map(|letter| char::from(*letter)));
    }
    code
}

/// A user code as it is shown: four letters, a dash, four letters.
pub fn shown_user_code(code: &str) -> String {
    match code.split_at_checked(USER_CODE_LENGTH / 2) {
        Some((front, back)) => format!("{front}-{back}"),
        None => code.to_owned(),
    }
}

/// A user code as somebody typed it, without what is not a letter.
fn typed_user_code(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).take(20).collect()
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
        let failed = |error: StoreError| DeviceRejection::Failure(error.into());
        let mut transaction = self.0.store.begin().await.map_err(failed)?;
        loop {
            let new = StoredDevice {
                user_code: user_code(self.0.entropy()),
                client_id: client_id.to_owned(),
                scope: scopes.to_string(),
                device: device_name(device),
                address: ctx.address.map(|address| address.to_string()),
                created_at: ctx.now,
                expires_at: ctx.now.plus_seconds(expires_in),
                interval_seconds: INTERVAL_SECONDS,
                approved: None,
                person: None,
                authenticated_at: None,
                second_factor_at: None,
                consumed_at: None,
            };
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
    ) -> Result<StoredDevice, Failure> {
        if let Some(seconds) = self.0.limits.user_code(&user.session.user_id) {
            return Err(Rejection::TooMany(seconds).into());
        }
        let code = typed_user_code(user_code);
        let found = self.0.store.reader().await?.find_device_by_user_code(&code).await?;
        let found = found.filter(|device| device.expires_at > ctx.now && device.approved.is_none());
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
    ) -> Result<(), Failure> {
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
        let decision = DeviceDecision { approved, organisation, session: &session };
        if !transaction.decide_device(&typed_user_code(user_code), &decision, ctx.now).await? {
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
    ) -> Result<PersonTokens, PollRejection> {
        let digest = jose::digest(device_code);
        let known = self.0.store.reader().await?.find_device(digest).await?;
        if known.is_none_or(|device| device.client_id != client_id) {
            // Whoever guesses makes nobody wait for a lock.
            return Err(self.failed_grant(ctx, "the device_code is unknown: begin again"));
        }
        let mut transaction = self.0.store.begin().await?;
        let device = transaction.find_device(digest).await?;
        let device = device.ok_or(PollRejection::Invalid("the device_code is unknown: begin again"))?;
        if device.consumed_at.is_some() {
            return Err(PollRejection::Invalid("the device_code was used already: begin again"));
        }
        if device.expires_at <= ctx.now {
            return Err(PollRejection::Expired);
        }
        let next = ctx.now.plus_seconds(device.interval_seconds);
        let in_time = transaction.note_device_poll(digest, ctx.now, next).await?;
        transaction.commit().await?;
        match device.approved {
            _ if !in_time => Err(PollRejection::SlowDown),
            None => Err(PollRejection::Pending),
            Some(false) => Err(PollRejection::Denied),
            Some(true) => self.redeem_device_code(ctx, digest, &device).await,
        }
    }

    async fn redeem_device_code(
        self,
        ctx: &RequestContext,
        digest: domain::SecretDigest,
        device: &StoredDevice,
    ) -> Result<PersonTokens, PollRejection> {
        let (person, organisation) =
            device.person.clone().ok_or_else(|| Failure::internal("a device approved by nobody"))?;
        let proof = UserProof::DeviceCode(digest);
        let begun = self.0.store.begin_for_user(&person, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else {
            // It was used by another poll, or what approved it has ended since it was read.
            let now = self.0.store.reader().await?.find_device(digest).await?;
            return Err(match now.and_then(|now| now.approved) {
                Some(false) => PollRejection::Denied,
                _ => PollRejection::Invalid("the device_code was used already: begin again"),
            });
        };
        let refresh = OpaqueToken::generate_refresh(self.0.entropy(), None);
        let expires_at = self.command_line_end(ctx.now, ctx.now);
        let new = PersonSession {
            id: SessionId::generate(ctx.now, self.0.entropy()),
            kind: SessionKind::CommandLine,
            parent_id: None,
            user_id: person,
            organisation_id: Some(organisation.clone()),
            device: device.device.clone(),
            address: ctx.address.map(|address| address.to_string()),
            created_at: ctx.now,
            authenticated_at: device.authenticated_at.unwrap_or(ctx.now),
            second_factor_at: device.second_factor_at,
            last_seen_at: ctx.now,
            expires_at,
        };
        let grant =
            UserGrant { organisation: &organisation, client_id: &device.client_id, scope: &device.scope };
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
        let actor = crate::principal::person(&new.user_id, &tokens.email);
        self.0.append(&mut transaction, ctx, organisation.as_str(), actor, entry).await?;
        transaction.commit().await?;
        Ok(PersonTokens { refresh: Some((refresh, seconds_until(expires_at, ctx.now))), ..tokens })
    }

    /// How long a command line that began at `since` goes on if it is used `now`.
    fn command_line_end(self, since: Timestamp, now: Timestamp) -> Timestamp {
        let unused = now.plus_seconds(self.0.policy.command_line_lifetime_seconds);
        unused.min(since.plus_seconds(self.0.policy.command_line_maximum_seconds))
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
    ) -> Result<PersonTokens, PollRejection> {
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
        let expires_at = self.command_line_end(found.created_at, ctx.now);
        let renewed = PersonSession {
            last_seen_at: ctx.now,
            address: ctx.address.map(|address| address.to_string()).or(found.address),
            expires_at,
            ..found
        };
        if !transaction.replace_session_digest(&renewed, digest, next.digest()).await? {
            return Err(PollRejection::Invalid(OVER));
        }
        let organisation =
            renewed.organisation_id.clone().ok_or_else(|| Failure::internal("a command line nowhere"))?;
        let scope = ScopeSet::DEFAULT.to_string();
        let grant = UserGrant { organisation: &organisation, client_id, scope: &scope };
        match self.0.tokens().issue_user_token(&mut transaction, ctx, &renewed, grant).await? {
            Ok(tokens) => {
                transaction.commit().await?;
                let refresh = Some((next, seconds_until(expires_at, ctx.now)));
                Ok(PersonTokens { refresh, ..tokens })
            }
            Err(ended) => {
                transaction.end_session(&renewed.id).await?;
                transaction.commit().await?;
                Err(PollRejection::Invalid(why_no_token(ended)))
            }
        }
    }

    /// Ends the session of a refresh token that was exchanged before, if the session lives.
    async fn end_reused(self, ctx: &RequestContext, leaked: &PersonSession) -> Result<(), Failure> {
        let proof = UserProof::Session(&leaked.id);
        let begun = self.0.store.begin_for_user(&leaked.user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else { return Ok(()) };
        transaction.end_session(&leaked.id).await?;
        let person = transaction.user().clone();
        let details = json!({ "session": leaked.id.as_str(), "device": leaked.device });
        self.audit_person(&mut transaction, ctx, &person, Action::RefreshTokenReused, &details).await?;
        transaction.commit().await?;
        tracing::warn!(session = %leaked.id, "a refresh token was used a second time; its session has ended");
        Ok(())
    }

    /// Ends the session of a refresh token, if it is one.
    ///
    /// # Errors
    /// The store fails.
    pub async fn end_command_line(self, ctx: &RequestContext, refresh_token: &str) -> Result<(), Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(31, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn user_codes_are_read_however_they_are_typed() {
        let code = user_code(&Counting(0.into()));
        assert_eq!(code.len(), 8);
        assert!(code.bytes().all(|letter| USER_CODE_ALPHABET.contains(&letter)));
        let shown = shown_user_code(&code);
        assert_eq!(typed_user_code(&shown.to_lowercase()), code);
        assert_eq!(typed_user_code(&format!(" {} {} ", &code[..4], &code[4..])), code);
    }
}
