//! Codes that the authorization server gives out: authorization codes (RFC 6749 §4.1.2) and device codes (RFC 8628).

use crate::{
    Reader, Result, StoreError, Transaction, UserTransaction,
    engine::{Row, params, read, statements},
};
use domain::{
    AuthorizationCode, DeviceGrant, OrganisationId, SecretDigest, Session, Timestamp, UserId,
    users::device_grant::{Approval, DeviceDecision},
};

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

fn device(row: &Row<'_>) -> Result<DeviceGrant> {
    read!(row => DeviceGrant {
        user_code, client_id, scope, device, address, created_at, expires_at, interval_seconds,
        decision: decision(row)?, consumed_at,
    })
}

fn decision(row: &Row<'_>) -> Result<Option<DeviceDecision>> {
    let word: Option<String> = row.next()?;
    let by: Option<(UserId, OrganisationId)> = row.next::<Option<_>>()?.zip(row.next()?);
    let (authenticated_at, second_factor_at) = (row.next()?, row.next()?);
    Ok(match (word.as_deref(), by) {
        (None, _) => None,
        (Some("approved"), Some((user_id, organisation_id))) => {
            let approval = Approval { user_id, organisation_id, authenticated_at, second_factor_at };
            Some(DeviceDecision::Approved(approval))
        }
        (Some("approved"), None) => return Err(StoreError::corrupt("a device that nobody approved")),
        (Some(_), _) => Some(DeviceDecision::Denied),
    })
}

impl Reader {
    /// The authorization code with this digest, used or not.
    pub async fn find_code(&mut self, digest: SecretDigest) -> Result<Option<AuthorizationCode>> {
        self.find(FIND_CODE, params![digest], |row| {
            read!(row => AuthorizationCode {
                client_id, redirect_uri, challenge, scope, nonce, session_id, user_id, expires_at,
                consumed_at,
            })
        })
        .await
    }

    /// The device with this digest.
    pub async fn find_device(&mut self, digest: SecretDigest) -> Result<Option<DeviceGrant>> {
        self.find(FIND_DEVICE, params![digest], device).await
    }

    /// The device that shows this user code.
    pub async fn find_device_by_user_code(&mut self, user_code: &str) -> Result<Option<DeviceGrant>> {
        self.find(FIND_DEVICE_BY_USER_CODE, params![user_code], device).await
    }
}

impl Transaction {
    /// Uses an authorization code up. False if it was used already.
    pub(crate) async fn consume_code(&mut self, digest: SecretDigest, now: Timestamp) -> Result<bool> {
        Ok(self.execute(CONSUME_CODE, params![digest, now]).await? == 1)
    }

    /// Adds a device that waits. [`StoreError::Taken`] if its user code is, which leaves the transaction good.
    pub async fn insert_device(&mut self, new: &DeviceGrant, digest: SecretDigest) -> Result<()> {
        let params = params![new =>
            (digest), user_code, client_id, scope, device, address, created_at, expires_at, created_at,
            interval_seconds,
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
    ) -> Result<bool> {
        if self.execute(POLL_DEVICE, params![digest, next, now]).await? == 1 {
            return Ok(true);
        }
        self.execute(SLOW_DEVICE, params![digest, next.plus_seconds(5)]).await?;
        Ok(false)
    }

    /// Uses a device code up that the user approved. False if it was used, not approved, or is over.
    pub(crate) async fn consume_device(
        &mut self,
        digest: SecretDigest,
        user: &UserId,
        now: Timestamp,
    ) -> Result<bool> {
        Ok(self.execute(CONSUME_DEVICE, params![digest, user.as_str(), now]).await? == 1)
    }
}

impl UserTransaction {
    /// Adds an authorization code.
    pub async fn insert_code(&mut self, new: &AuthorizationCode, digest: SecretDigest) -> Result<()> {
        let params = params![new =>
            (digest), client_id, redirect_uri, challenge, scope, nonce, session_id, (self.id().as_str()),
            expires_at,
        ];
        self.execute(INSERT_CODE, params).await.map(drop)
    }

    /// Approves a device in the user's name, or not, from the session that the user decides in. False if that was decided
    /// before, or it is too late.
    pub async fn decide_device(
        &mut self,
        user_code: &str,
        approved: bool,
        organisation: &OrganisationId,
        session: &Session,
        now: Timestamp,
    ) -> Result<bool> {
        let params = params![
            user_code,
            if approved { "approved" } else { "denied" },
            self.id().as_str(),
            organisation.as_str(),
            session.authenticated_at,
            session.second_factor_at,
            now,
            session.root().as_str(),
        ];
        Ok(self.execute(DECIDE_DEVICE, params).await? == 1)
    }
}
