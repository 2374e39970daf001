//! Codes that the authorization server gives out: authorization codes (RFC 6749 §4.1.2) and device codes (RFC 8628).

use crate::{
    PersonSession, Reader, StoreError, Transaction, UserTransaction,
    engine::{
        statements::statements,
        value::{Row, params},
    },
};
use domain::{OrganisationId, SecretDigest, SessionId, Timestamp, UserId};

macro_rules! device_columns {
    () => {
        "user_code, client_id, scope, device, address, created_at_ms, expires_at_ms, interval_seconds, decision, \
         user_id, organisation_id, authenticated_at_ms, second_factor_at_ms, consumed_at_ms FROM device_authorizations"
    };
}

statements! {
    INSERT_CODE = "INSERT INTO authorization_codes (digest, client_id, redirect_uri, challenge, scope, nonce, session_id, \
        user_id, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    FIND_CODE = "SELECT client_id, redirect_uri, challenge, scope, nonce, session_id, user_id, expires_at_ms, \
        consumed_at_ms FROM authorization_codes WHERE digest = $1";
    CONSUME_CODE = "UPDATE authorization_codes SET consumed_at_ms = $2 WHERE digest = $1 AND consumed_at_ms IS NULL";
    INSERT_DEVICE = "INSERT INTO device_authorizations (digest, user_code, client_id, scope, device, address, \
        created_at_ms, expires_at_ms, next_poll_at_ms, interval_seconds) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (user_code) DO NOTHING";
    FIND_DEVICE = concat!("SELECT ", device_columns!(), " WHERE digest = $1");
    FIND_DEVICE_BY_USER_CODE = concat!("SELECT ", device_columns!(), " WHERE user_code = $1");
    POLL_DEVICE = "UPDATE device_authorizations SET next_poll_at_ms = $2 WHERE digest = $1 AND next_poll_at_ms <= $3";
    SLOW_DEVICE = "UPDATE device_authorizations SET interval_seconds = interval_seconds + 5, next_poll_at_ms = $2 \
        WHERE digest = $1";
    DECIDE_DEVICE = "UPDATE device_authorizations SET decision = $2, user_id = $3, organisation_id = $4, \
        authenticated_at_ms = $5, second_factor_at_ms = $6, session_id = $8 \
        WHERE user_code = $1 AND decision IS NULL AND expires_at_ms > $7";
    CONSUME_DEVICE = "UPDATE device_authorizations SET consumed_at_ms = $3 \
        WHERE digest = $1 AND user_id = $2 AND consumed_at_ms IS NULL AND decision = 'approved' AND expires_at_ms > $3";
}

/// An authorization code, by its digest.
#[derive(Debug, Clone)]
pub struct StoredCode {
    /// The client that it was given to.
    pub client_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The PKCE challenge, S256 (RFC 7636 §4.2).
    pub challenge: String,
    /// What was asked for.
    pub scope: String,
    /// The client's `nonce`, for an ID token.
    pub nonce: Option<String>,
    /// The sign-in that it came from.
    pub session_id: SessionId,
    /// Who signed in.
    pub user_id: UserId,
    /// From this instant on it works no more.
    pub expires_at: Timestamp,
    /// When it was exchanged, if it was.
    pub consumed_at: Option<Timestamp>,
}

/// A device that waits for approval.
#[derive(Debug, Clone)]
pub struct StoredDevice {
    /// What the person types.
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
    /// What became of it: approved (true) or not; none while nobody has decided.
    pub approved: Option<bool>,
    /// Who approved it, and for which organisation.
    pub person: Option<(UserId, OrganisationId)>,
    /// When that person had last proved the password.
    pub authenticated_at: Option<Timestamp>,
    /// When that person had proved a second factor.
    pub second_factor_at: Option<Timestamp>,
    /// When it fetched its tokens.
    pub consumed_at: Option<Timestamp>,
}

/// What a person decides about a device.
#[derive(Debug, Clone)]
pub struct DeviceDecision<'a> {
    /// Whether it is approved.
    pub approved: bool,
    /// Into which organisation.
    pub organisation: &'a OrganisationId,
    /// The session that the person decides in: when it ends before the device has its tokens, the approval does.
    pub session: &'a PersonSession,
}

fn device(row: &Row<'_>) -> Result<StoredDevice, StoreError> {
    Ok(StoredDevice {
        user_code: row.next()?,
        client_id: row.next()?,
        scope: row.next()?,
        device: row.next()?,
        address: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        interval_seconds: row.next()?,
        approved: row.next::<Option<String>>()?.map(|decision| decision == "approved"),
        person: row.next::<Option<UserId>>()?.zip(row.next()?),
        authenticated_at: row.next()?,
        second_factor_at: row.next()?,
        consumed_at: row.next()?,
    })
}

impl Reader {
    /// The authorization code with this digest, used or not.
    pub async fn find_code(&mut self, digest: SecretDigest) -> Result<Option<StoredCode>, StoreError> {
        self.find(FIND_CODE, params![digest], |row| {
            Ok(StoredCode {
                client_id: row.next()?,
                redirect_uri: row.next()?,
                challenge: row.next()?,
                scope: row.next()?,
                nonce: row.next()?,
                session_id: row.next()?,
                user_id: row.next()?,
                expires_at: row.next()?,
                consumed_at: row.next()?,
            })
        })
        .await
    }

    /// The device with this digest.
    pub async fn find_device(&mut self, digest: SecretDigest) -> Result<Option<StoredDevice>, StoreError> {
        self.find(FIND_DEVICE, params![digest], device).await
    }

    /// The device that shows this user code.
    pub async fn find_device_by_user_code(
        &mut self,
        user_code: &str,
    ) -> Result<Option<StoredDevice>, StoreError> {
        self.find(FIND_DEVICE_BY_USER_CODE, params![user_code], device).await
    }
}

impl Transaction {
    /// Uses an authorization code up. False if it was used already.
    pub(crate) async fn consume_code(
        &mut self,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(CONSUME_CODE, params![digest, now]).await? == 1)
    }

    /// Adds a device that waits. [`StoreError::Taken`] if its user code is, which leaves the transaction good.
    pub async fn insert_device(
        &mut self,
        new: &StoredDevice,
        digest: SecretDigest,
    ) -> Result<(), StoreError> {
        let params = params![
            digest,
            &new.user_code,
            &new.client_id,
            &new.scope,
            &new.device,
            new.address.as_deref(),
            new.created_at,
            new.expires_at,
            new.created_at,
            new.interval_seconds,
        ];
        match self.execute(INSERT_DEVICE, params).await? {
            1 => Ok(()),
            _ => Err(StoreError::Taken),
        }
    }

    /// Notes a poll at `now`; the next may come at `next`. False if this one came too early, for which the device has to
    /// be slower from then on.
    pub async fn note_device_poll(
        &mut self,
        digest: SecretDigest,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.execute(POLL_DEVICE, params![digest, next, now]).await? == 1 {
            return Ok(true);
        }
        self.execute(SLOW_DEVICE, params![digest, next.plus_seconds(5)]).await?;
        Ok(false)
    }

    /// Uses a device code up that the person approved. False if it was used, not approved, or is over.
    pub(crate) async fn consume_device(
        &mut self,
        digest: SecretDigest,
        person: &UserId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(CONSUME_DEVICE, params![digest, person.as_str(), now]).await? == 1)
    }
}

impl UserTransaction {
    /// Adds an authorization code.
    pub async fn insert_code(&mut self, new: &StoredCode, digest: SecretDigest) -> Result<(), StoreError> {
        let params = params![
            digest,
            &new.client_id,
            &new.redirect_uri,
            &new.challenge,
            &new.scope,
            new.nonce.as_deref(),
            new.session_id.as_str(),
            self.id().as_str(),
            new.expires_at,
        ];
        self.execute(INSERT_CODE, params).await.map(drop)
    }

    /// Approves a device in the person's name, or not, from the session that the person decides in. False if that was decided
    /// before, or it is too late.
    pub async fn decide_device(
        &mut self,
        user_code: &str,
        decision: &DeviceDecision<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let params = params![
            user_code,
            if decision.approved { "approved" } else { "denied" },
            self.id().as_str(),
            decision.organisation.as_str(),
            decision.session.authenticated_at,
            decision.session.second_factor_at,
            now,
            decision.session.parent_id.as_ref().unwrap_or(&decision.session.id).as_str(),
        ];
        Ok(self.execute(DECIDE_DEVICE, params).await? == 1)
    }
}
