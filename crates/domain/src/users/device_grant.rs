//! Devices that a user approves (RFC 8628).

use crate::{
    Entropy, OrganisationId, RequestContext, Session, SessionId, SessionKind, Timestamp, UserId, entropy,
    users::session::{CommandLineLimits, device_name},
};

/// How long a device waits between two polls at first, in seconds (RFC 8628 §3.2).
pub const INTERVAL_SECONDS: i64 = 5;
/// Consonants without those that look or sound alike: no word can come of them (RFC 8628 §6.1).
const USER_CODE_ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LENGTH: usize = 8;

/// A device that waits for approval, or has it.
#[derive(Debug, Clone)]
pub struct DeviceGrant {
    /// What the user types.
    pub user_code: String,
    /// The client that asks.
    pub client_id: String,
    /// What it asks for.
    pub scope: String,
    /// What it calls itself.
    pub device: String,
    /// Where it asks from.
    pub address: Option<String>,
    /// When it asked.
    pub created_at: Timestamp,
    /// From this instant on it is too late.
    pub expires_at: Timestamp,
    /// How long it must wait between two polls, in seconds.
    pub interval_seconds: i64,
    /// What became of it; none while nobody has decided.
    pub decision: Option<DeviceDecision>,
    /// When it fetched its tokens.
    pub consumed_at: Option<Timestamp>,
}

/// What was decided about a device.
#[derive(Debug, Clone)]
pub enum DeviceDecision {
    /// It gets no tokens.
    Denied,
    /// It may work in a user's name.
    Approved(Approval),
}

/// A user's approval of a device.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Who approved it.
    pub user_id: UserId,
    /// For which organisation.
    pub organisation_id: OrganisationId,
    /// When that user had last proved the password.
    pub authenticated_at: Option<Timestamp>,
    /// When that user had proved a second factor.
    pub second_factor_at: Option<Timestamp>,
}

/// Why a device has nothing to wait for any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceEnd {
    /// It has fetched its tokens.
    Used,
    /// It took too long.
    Expired,
}

/// A device seen at one instant.
#[derive(Debug)]
pub enum DeviceState {
    /// Nobody has decided yet.
    Waiting,
    /// The user said no.
    Denied,
    /// It may fetch its tokens.
    Approved(Box<ApprovedDevice>),
}

/// A device that may fetch its tokens. Only [`DeviceGrant::at`] makes one.
#[derive(Debug)]
#[non_exhaustive]
pub struct ApprovedDevice {
    /// What it asked for.
    pub grant: DeviceGrant,
    /// Who approved it, and for which organisation.
    pub approval: Approval,
}

impl DeviceGrant {
    /// A device that begins to wait.
    pub fn begin(
        entropy: &dyn Entropy,
        client_id: &str,
        scope: String,
        device: &str,
        ctx: &RequestContext,
        lifetime_seconds: i64,
    ) -> Self {
        Self {
            user_code: generate_user_code(entropy),
            client_id: client_id.to_owned(),
            scope,
            device: device_name(device),
            address: ctx.address_text(),
            created_at: ctx.now,
            expires_at: ctx.now.plus_seconds(lifetime_seconds),
            interval_seconds: INTERVAL_SECONDS,
            decision: None,
            consumed_at: None,
        }
    }

    /// What the device is at `now`.
    ///
    /// # Errors
    /// It has nothing to wait for any more.
    pub fn at(self, now: Timestamp) -> Result<DeviceState, DeviceEnd> {
        if self.consumed_at.is_some() {
            return Err(DeviceEnd::Used);
        }
        if self.expires_at <= now {
            return Err(DeviceEnd::Expired);
        }
        Ok(match self.decision.clone() {
            None => DeviceState::Waiting,
            Some(DeviceDecision::Denied) => DeviceState::Denied,
            Some(DeviceDecision::Approved(approval)) => {
                DeviceState::Approved(Box::new(ApprovedDevice { grant: self, approval }))
            }
        })
    }

    /// Whether a user may decide about it at `now`.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        self.expires_at > now && self.decision.is_none()
    }

    /// When it may poll again that polls at `now`.
    pub const fn next_poll(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.interval_seconds)
    }
}

impl ApprovedDevice {
    /// The session of the command line, which stands on what the user had proved who approved it.
    pub fn session(&self, id: SessionId, ctx: &RequestContext, limits: CommandLineLimits) -> Session {
        let Approval { user_id, organisation_id, authenticated_at, second_factor_at } = self.approval.clone();
        Session {
            id,
            kind: SessionKind::CommandLine,
            parent_id: None,
            user_id,
            organisation_id: Some(organisation_id),
            device: self.grant.device.clone(),
            address: ctx.address_text(),
            created_at: ctx.now,
            authenticated_at: authenticated_at.unwrap_or(ctx.now),
            second_factor_at,
            last_seen_at: ctx.now,
            expires_at: limits.end(ctx.now, ctx.now),
        }
    }
}

fn generate_user_code(entropy: &dyn Entropy) -> String {
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
pub fn typed_user_code(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).take(20).collect()
}
