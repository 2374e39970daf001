//! People's sessions: browsers at the authorization server and in Viewport, and approved devices.

use crate::{
    Reader, Result, Transaction, UserTransaction,
    engine::{Row, only_column, params, read, statements},
};
use domain::{Membership, OrganisationId, SecretDigest, Session, SessionId, SignedInUser, Timestamp, UserId};

macro_rules! session_columns {
    () => {
        "s.id, s.kind, s.parent_id, s.user_id, s.organisation_id, s.device, s.address, s.created_at_ms, \
         s.authenticated_at_ms, s.second_factor_at_ms, s.last_seen_at_ms, s.expires_at_ms"
    };
}

statements! {
    INSERT = "INSERT INTO sessions (id, digest, kind, parent_id, user_id, organisation_id, device, address, created_at_ms, \
        authenticated_at_ms, second_factor_at_ms, last_seen_at_ms, expires_at_ms, family_digest) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    FIND = concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.digest = $1 AND s.expires_at_ms > $2");
    FIND_BY_ID = concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.id = $1 AND s.expires_at_ms > $2");
    FIND_BY_FAMILY = concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.family_digest = $1");
    CURRENT_USER = concat!(
        "SELECT ", session_columns!(), ", u.email, m.role, o.name, o.require_second_factor, \
         (SELECT COUNT(*) FROM second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at_ms IS NOT NULL) \
         FROM sessions s JOIN users u ON u.id = s.user_id \
         LEFT JOIN memberships m ON m.organisation_id = s.organisation_id AND m.user_id = s.user_id \
         LEFT JOIN organisations o ON o.id = m.organisation_id \
         WHERE s.digest = $1 AND s.expires_at_ms > $2 AND s.kind = 'viewport' \
         AND EXISTS (SELECT 1 FROM sessions p WHERE p.id = s.parent_id AND p.expires_at_ms > $2)"
    );
    OF_USER = concat!(
        "SELECT ", session_columns!(), ", \
         (SELECT MAX(c.last_seen_at_ms) FROM sessions c WHERE c.parent_id = s.id) FROM sessions s \
         WHERE s.user_id = $1 AND s.expires_at_ms > $2 AND s.kind IN ('sign_in', 'command_line') ORDER BY s.id"
    );
    REPLACE_DIGEST = "UPDATE sessions SET digest = $3, last_seen_at_ms = $4, address = $5, \
        expires_at_ms = $6 WHERE id = $1 AND digest = $2";
    COMPLETE = "UPDATE sessions SET kind = 'sign_in', digest = $2, second_factor_at_ms = $3, expires_at_ms = $4 \
        WHERE id = $1 AND kind = 'pending'";
    TOUCH = "UPDATE sessions SET last_seen_at_ms = $2, address = $3, expires_at_ms = $4 WHERE id = $1 AND last_seen_at_ms < $2";
    SEE = "UPDATE sessions SET last_seen_at_ms = $2, address = $3 WHERE id = $1 AND last_seen_at_ms < $2";
    SWITCH = "UPDATE sessions SET organisation_id = $3 WHERE user_id = $1 AND id = $2";
    REAUTHENTICATED = "UPDATE sessions SET authenticated_at_ms = $2 WHERE id = $1 OR id = $3";
    PASSED_SECOND_FACTOR = "UPDATE sessions SET second_factor_at_ms = $2 WHERE id = $1 OR id = $3";
    WITHOUT_SECOND_FACTOR = "UPDATE sessions SET second_factor_at_ms = NULL WHERE user_id = $1";
    END = "DELETE FROM sessions WHERE (id = $2 OR parent_id = $2) AND user_id = $1";
    END_CHILDREN = "DELETE FROM sessions WHERE parent_id = $1";
    REJECT_DEVICES_OF = "UPDATE device_authorizations SET decision = 'denied' \
        WHERE user_id = $1 AND session_id = $2 AND consumed_at_ms IS NULL";
    REJECT_DEVICES = "UPDATE device_authorizations SET decision = 'denied' WHERE user_id = $1 AND consumed_at_ms IS NULL";
    END_OTHERS = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 AND (parent_id IS NULL OR parent_id <> $2)";
    MEMBERSHIPS = "SELECT o.id, o.name, m.role FROM memberships m JOIN organisations o ON o.id = m.organisation_id \
        WHERE m.user_id = $1 ORDER BY o.name";
    REMEMBER_ORGANISATION = "UPDATE users SET last_organisation_id = $2 WHERE id = $1";
    LAST_ORGANISATION = "SELECT last_organisation_id FROM users WHERE id = $1";
}

fn session(row: &Row<'_>) -> Result<Session> {
    read!(row => Session {
        id, kind, parent_id, user_id, organisation_id, device, address, created_at, authenticated_at,
        second_factor_at, last_seen_at, expires_at,
    })
}

impl Reader {
    /// The session with this digest, unless it is over.
    pub async fn find_session(&mut self, digest: SecretDigest, now: Timestamp) -> Result<Option<Session>> {
        self.find(FIND, params![digest, now], session).await
    }

    /// The session with this id, unless it is over.
    pub async fn find_session_by_id(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Session>> {
        self.find(FIND_BY_ID, params![id.as_str(), now], session).await
    }

    /// The command line whose refresh tokens begin with what this is the digest of.
    pub async fn find_session_by_family(&mut self, digest: SecretDigest) -> Result<Option<Session>> {
        self.find(FIND_BY_FAMILY, params![digest], session).await
    }

    /// A browser in Viewport with all that a page needs to know of it: the one read of a page.
    pub async fn find_current_user(
        &mut self,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<Option<SignedInUser>> {
        self.find(CURRENT_USER, params![digest, now], |row| {
            read!(row => SignedInUser {
                session: session(row)?, email, role, organisation_name,
                second_factor_required: row.next::<Option<bool>>()?.unwrap_or(false),
                second_factor_enrolled,
            })
        })
        .await
    }

    /// The user's sign-ins and command lines, oldest first; a sign-in was last seen when its Viewport was.
    pub async fn sessions_of(&mut self, user: &UserId, now: Timestamp) -> Result<Vec<Session>> {
        self.query(OF_USER, params![user.as_str(), now], |row| {
            let found = session(row)?;
            let child_seen: Option<Timestamp> = row.next()?;
            let last_seen_at = child_seen.map_or(found.last_seen_at, |seen| seen.max(found.last_seen_at));
            Ok(Session { last_seen_at, ..found })
        })
        .await
    }

    /// The organisations that the user belongs to, by name.
    pub async fn memberships_of(&mut self, user: &UserId) -> Result<Vec<Membership>> {
        self.query(
            MEMBERSHIPS,
            params![user.as_str()],
            |row| read!(row => Membership { organisation_id, organisation_name, role }),
        )
        .await
    }

    /// The organisation that the user last worked in.
    pub async fn last_organisation_of(&mut self, user: &UserId) -> Result<Option<OrganisationId>> {
        let found = self.find(LAST_ORGANISATION, params![user.as_str()], only_column).await?;
        Ok(found.flatten())
    }
}

impl Transaction {
    /// Notes that a session is used, from where, and until when it lives on for that.
    pub async fn touch_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
        address: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<()> {
        self.execute(TOUCH, params![id.as_str(), now, address, expires_at]).await.map(drop)
    }

    /// Notes that a sign-in is used through its Viewport; how long it lives does not change.
    pub async fn see_session(&mut self, id: &SessionId, now: Timestamp, address: Option<&str>) -> Result<()> {
        self.execute(SEE, params![id.as_str(), now, address]).await.map(drop)
    }
}

impl UserTransaction {
    /// Adds a session that is known by the digest of its cookie or refresh token; a command line also by the `family` of
    /// its refresh tokens.
    pub async fn insert_session(
        &mut self,
        new: &Session,
        digest: SecretDigest,
        family: Option<SecretDigest>,
    ) -> Result<()> {
        let params = params![new =>
            id, (digest), kind, parent_id, (self.id().as_str()), organisation_id, device, address,
            created_at, authenticated_at, second_factor_at, last_seen_at, expires_at, (family),
        ];
        self.execute(INSERT, params).await.map(drop)
    }

    /// Gives a session a new digest in place of the one that it has, from where it is used now. False if it has
    /// another one already: whoever comes second with the same refresh token is told so.
    pub async fn replace_session_digest(
        &mut self,
        session: &Session,
        before: SecretDigest,
        after: SecretDigest,
    ) -> Result<bool> {
        let params = params![session => id, (before), (after), last_seen_at, address, expires_at];
        Ok(self.execute(REPLACE_DIGEST, params).await? == 1)
    }

    /// Turns a pending session into the sign-in that it has become, with a new digest. False if it is none, or no longer.
    pub async fn complete_sign_in(&mut self, completed: &Session, digest: SecretDigest) -> Result<bool> {
        let Session { id, second_factor_at, expires_at, .. } = completed;
        Ok(self.execute(COMPLETE, params![id.as_str(), digest, *second_factor_at, *expires_at]).await? == 1)
    }

    /// Lets one of the user's sessions work in another organisation, which is remembered for the next sign-in.
    pub async fn switch_session(&mut self, session: &SessionId, organisation: &OrganisationId) -> Result<()> {
        let both = || params![session.as_str(), organisation.as_str()];
        self.execute_own(SWITCH, both()).await?;
        self.execute_own(REMEMBER_ORGANISATION, params![organisation.as_str()]).await.map(drop)
    }

    /// Notes that the user proved the password again, in a session and in the sign-in that it belongs to.
    pub async fn note_reauthentication(&mut self, session: &Session, now: Timestamp) -> Result<()> {
        let parent = session.parent_id.as_ref().map(SessionId::as_str);
        self.execute(REAUTHENTICATED, params![session.id.as_str(), now, parent]).await.map(drop)
    }

    /// Notes that the user proved a second factor, in a session and in the sign-in that it belongs to.
    pub async fn note_second_factor(&mut self, session: &Session, now: Timestamp) -> Result<()> {
        let parent = session.parent_id.as_ref().map(SessionId::as_str);
        self.execute(PASSED_SECOND_FACTOR, params![session.id.as_str(), now, parent]).await.map(drop)
    }

    /// Forgets in every session of the user that a second factor was proved.
    pub async fn forget_second_factor_proofs(&mut self) -> Result<()> {
        self.execute_own(WITHOUT_SECOND_FACTOR, params![]).await.map(drop)
    }

    /// Ends one of the user's sessions with its children, and rejects the devices that it approved; answers how many
    /// sessions went.
    pub async fn end_session(&mut self, id: &SessionId) -> Result<u64> {
        self.execute_own(REJECT_DEVICES_OF, params![id.as_str()]).await?;
        self.execute_own(END, params![id.as_str()]).await
    }

    /// Ends the Viewport sessions of a sign-in.
    pub async fn end_children(&mut self, sign_in: &SessionId) -> Result<u64> {
        self.execute(END_CHILDREN, params![sign_in.as_str()]).await
    }

    /// Ends every session of the user but `kept` and its children; without `kept`, all. A device that the user approved
    /// and that has not fetched its tokens yet would begin another one: it is rejected.
    pub async fn end_sessions(&mut self, kept: Option<&SessionId>) -> Result<u64> {
        self.execute_own(REJECT_DEVICES, params![]).await?;
        self.execute_own(END_OTHERS, params![kept.map_or("", SessionId::as_str)]).await
    }
}
