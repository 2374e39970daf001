//! Users' sessions: browsers at the authorization server and in Viewport, and approved devices.

use crate::{Email, OrganisationId, RequestContext, Role, SessionId, Timestamp, UserId};

/// How long a browser may take to give the second factor, in seconds.
const PENDING_SECONDS: i64 = 600;
/// "Last seen" is written at most so often, in seconds.
const TOUCH_SECONDS: i64 = 60;
/// The longest name of a browser or client that is kept, in characters.
const DEVICE_CHARACTERS: usize = 200;

words! {
    /// What a session is for.
    pub enum SessionKind {
        /// The password was right, the second factor is awaited.
        Pending = "pending",
        /// A browser at the authorization server.
        SignIn = "sign_in",
        /// A browser in Viewport; the child of its sign-in.
        Viewport = "viewport",
        /// A device that a user approved.
        CommandLine = "command_line",
    }
}

/// One session of a user.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id, `ses_…`.
    pub id: SessionId,
    /// What it is for.
    pub kind: SessionKind,
    /// The sign-in that it belongs to, if it is Viewport's.
    pub parent_id: Option<SessionId>,
    /// Whose it is.
    pub user_id: UserId,
    /// The organisation that it works in.
    pub organisation_id: Option<OrganisationId>,
    /// What the browser or the client calls itself.
    pub device: String,
    /// Where it was last seen.
    pub address: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When the user last proved the password.
    pub authenticated_at: Timestamp,
    /// When the user proved a second factor in it.
    pub second_factor_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// From this instant on it is over.
    pub expires_at: Timestamp,
}

/// What a user has proved who begins a session in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInProof {
    /// The password; the second factor is awaited.
    FirstFactor,
    /// The password, where no second factor is set up.
    Password,
    /// A passkey, which is two factors at once.
    Passkey,
}

/// How long a command line stays signed in, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct CommandLineLimits {
    /// Unused.
    pub unused: i64,
    /// At most, however much it is used.
    pub maximum: i64,
}

impl CommandLineLimits {
    /// How long a command line that began at `since` goes on if it is used `now`.
    pub fn end(self, since: Timestamp, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.unused).min(since.plus_seconds(self.maximum))
    }
}

/// A sign-in that awaits its second factor. Only [`Session::pending`] makes one.
#[derive(Debug)]
pub struct PendingSignIn(Session);

impl PendingSignIn {
    /// Whose it is.
    pub const fn user_id(&self) -> &UserId {
        &self.0.user_id
    }

    /// The sign-in, now that the second factor was proved.
    pub fn complete(self, now: Timestamp, lifetime_seconds: i64) -> Session {
        Session {
            kind: SessionKind::SignIn,
            second_factor_at: Some(now),
            expires_at: now.plus_seconds(lifetime_seconds),
            ..self.0
        }
    }
}

impl Session {
    /// Begins a session in a browser.
    pub fn sign_in(
        id: SessionId,
        user_id: UserId,
        proof: SignInProof,
        device: &str,
        ctx: &RequestContext,
        lifetime_seconds: i64,
    ) -> Self {
        let (kind, lifetime) = match proof {
            SignInProof::FirstFactor => (SessionKind::Pending, PENDING_SECONDS),
            SignInProof::Password | SignInProof::Passkey => (SessionKind::SignIn, lifetime_seconds),
        };
        Self {
            id,
            kind,
            parent_id: None,
            user_id,
            organisation_id: None,
            device: device_name(device),
            address: ctx.address_text(),
            created_at: ctx.now,
            authenticated_at: ctx.now,
            second_factor_at: (proof == SignInProof::Passkey).then_some(ctx.now),
            last_seen_at: ctx.now,
            expires_at: ctx.now.plus_seconds(lifetime),
        }
    }

    /// Begins a session in Viewport, the child of this sign-in: it stands on the same proofs and ends no later.
    #[must_use]
    pub fn in_viewport(
        self,
        id: SessionId,
        organisation: Option<OrganisationId>,
        device: &str,
        ctx: &RequestContext,
        idle_seconds: i64,
    ) -> Self {
        Self {
            id,
            kind: SessionKind::Viewport,
            parent_id: Some(self.id),
            organisation_id: organisation,
            device: device_name(device),
            address: ctx.address_text(),
            created_at: ctx.now,
            last_seen_at: ctx.now,
            expires_at: ctx.now.plus_seconds(idle_seconds).min(self.expires_at),
            ..self
        }
    }

    /// The command line after its refresh token was exchanged.
    #[must_use]
    pub fn refresh(self, ctx: &RequestContext, limits: CommandLineLimits) -> Self {
        Self {
            last_seen_at: ctx.now,
            address: ctx.address_text().or(self.address),
            expires_at: limits.end(self.created_at, ctx.now),
            ..self
        }
    }

    /// The session as a sign-in that awaits its second factor, if it is one.
    pub fn pending(self) -> Option<PendingSignIn> {
        (self.kind == SessionKind::Pending).then_some(PendingSignIn(self))
    }

    /// The sign-in at the root of the session: what "this browser" means to a user.
    pub fn root(&self) -> &SessionId {
        self.parent_id.as_ref().unwrap_or(&self.id)
    }

    /// Whether the password was proved less than `seconds` ago.
    pub fn is_fresh(&self, now: Timestamp, seconds: i64) -> bool {
        now < self.authenticated_at.plus_seconds(seconds)
    }

    /// Whether it was unused for so long that it is over.
    pub fn is_idle(&self, now: Timestamp, idle_seconds: i64) -> bool {
        self.last_seen_at.plus_seconds(idle_seconds) <= now
    }

    /// Whether it is to be noted that it was used at `now`.
    pub fn needs_touch(&self, now: Timestamp) -> bool {
        self.is_idle(now, TOUCH_SECONDS)
    }
}

/// A browser in Viewport, as one read tells it.
#[derive(Debug, Clone)]
pub struct SignedInUser {
    /// The session.
    pub session: Session,
    /// The user's address.
    pub email: Email,
    /// The role in the session's organisation; none if the user is no member of it (any more).
    pub role: Option<Role>,
    /// That organisation's name.
    pub organisation_name: Option<String>,
    /// Whether that organisation requires a second factor.
    pub second_factor_required: bool,
    /// Whether the user has one.
    pub second_factor_enrolled: bool,
}

/// What a browser or a client calls itself, short enough to keep and free of control characters.
pub fn device_name(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).take(DEVICE_CHARACTERS).collect();
    let plain = plain.trim();
    if plain.is_empty() { "unknown".to_owned() } else { plain.to_owned() }
}
