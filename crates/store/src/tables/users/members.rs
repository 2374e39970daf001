//! People and their roles.

use crate::{
    FoundOrganisation, MayAddMembers, OrganisationTransaction, Reader, Result, StoreError, UserTransaction,
    engine::{Row, only_column, params, read, statements},
};
use domain::{
    Email, Invitation, Member, OrganisationId, Role, SessionId, Timestamp, User, UserForTokenCheck, UserId,
    authority::{ManageMembers, SessionFacts, TokenClaims, UserFacts},
};

statements! {
    INSERT_USER = "INSERT INTO users (id, email, password_hash, token_epoch, created_at_ms) VALUES ($1, $2, $3, 0, $4) \
        ON CONFLICT (email) DO NOTHING";
    SET_FIRST_PASSWORD = "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash IS NULL";
    SET_PASSWORD = "UPDATE users SET password_hash = $2, token_epoch = token_epoch + 1 WHERE id = $1";
    FIND_USER = "SELECT id, email, password_hash, token_epoch, created_at_ms FROM users WHERE email = $1";
    FIND_USER_BY_ID = "SELECT id, email, password_hash, token_epoch, created_at_ms FROM users WHERE id = $1";
    BEGIN_MEMBERSHIP = "UPDATE users SET memberships_begun = memberships_begun + 1 WHERE id = $1";
    ADD = "INSERT INTO memberships (organisation_id, user_id, role, created_at_ms, epoch) \
        SELECT $1, id, $3, $4, memberships_begun FROM users WHERE id = $2";
    SET_ROLE = "UPDATE memberships SET role = $3 WHERE organisation_id = $1 AND user_id = $2";
    REMOVE = "DELETE FROM memberships WHERE organisation_id = $1 AND user_id = $2";
    END_COMMAND_LINES = "DELETE FROM sessions WHERE user_id = $1 AND organisation_id = $2 AND kind = 'command_line'";
    REJECT_DEVICES_IN = "UPDATE device_authorizations SET decision = 'denied' \
        WHERE user_id = $1 AND organisation_id = $2 AND consumed_at_ms IS NULL";
    INVITER_IS_ADMIN = "SELECT COUNT(*) FROM memberships \
        WHERE organisation_id = $1 AND user_id = $2 AND role = 'admin'";
    LIST = "SELECT u.id, u.email, m.role, m.created_at_ms, \
        (SELECT COUNT(*) FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at_ms IS NOT NULL) FROM memberships m JOIN users u ON u.id = m.user_id \
        WHERE m.organisation_id = $1 ORDER BY u.id";
    ORGANISATIONS_OF = "SELECT organisation_id FROM memberships WHERE user_id = $1 ORDER BY organisation_id";
    COUNT_MEMBERS = "SELECT COUNT(*) FROM memberships WHERE organisation_id = $1";
    COUNT_ADMINS = "SELECT COUNT(*) FROM memberships WHERE organisation_id = $1 AND role = 'admin'";
    // The columns that `user_facts` reads come first, in both.
    AT_DOOR = "SELECT m.role, o.require_second_factor, u.token_epoch + m.epoch, \
        (SELECT COUNT(*) FROM revoked_tokens WHERE token_id = $3 OR (token_id = '' AND expires_at_ms >= $7)), \
        (SELECT COUNT(*) FROM signing_keys WHERE kid = $4), s.authenticated_at_ms, s.second_factor_at_ms, \
        u.email, o.name \
        FROM memberships m JOIN users u ON u.id = m.user_id JOIN organisations o ON o.id = m.organisation_id \
        LEFT JOIN sessions s ON s.id = $5 AND s.user_id = m.user_id AND s.expires_at_ms > $6 \
        WHERE m.organisation_id = $1 AND m.user_id = $2";
    SESSION_IN_ORGANISATION = "SELECT m.role, o.require_second_factor, u.token_epoch + m.epoch, \
        CAST(0 AS BIGINT), CAST(1 AS BIGINT), s.authenticated_at_ms, s.second_factor_at_ms \
        FROM memberships m JOIN users u ON u.id = m.user_id JOIN organisations o ON o.id = m.organisation_id \
        LEFT JOIN sessions s ON s.id = $3 AND s.user_id = m.user_id AND s.expires_at_ms > $4 \
        AND (s.parent_id IS NULL OR EXISTS (SELECT 1 FROM sessions p WHERE p.id = s.parent_id AND p.expires_at_ms > $4)) \
        WHERE m.organisation_id = $1 AND m.user_id = $2";
    TOKEN_EPOCH = "SELECT u.token_epoch + m.epoch FROM memberships m JOIN users u ON u.id = m.user_id \
        WHERE m.organisation_id = $1 AND m.user_id = $2";
}

/// Reads what decides about a user's session or token: the next seven columns.
pub(crate) fn user_facts(row: &Row<'_>) -> Result<UserFacts> {
    read!(row => UserFacts {
        role, second_factor_required, token_epoch, token_revoked, signing_key_published,
        session: session_facts(row.next()?, row.next()?),
    })
}

fn session_facts(
    authenticated_at: Option<Timestamp>,
    second_factor_at: Option<Timestamp>,
) -> Option<SessionFacts> {
    let second_factor_proved = second_factor_at.is_some();
    authenticated_at.map(|authenticated_at| SessionFacts { authenticated_at, second_factor_proved })
}

fn user(row: &Row<'_>) -> Result<User> {
    read!(row => User { id, email, password_hash, token_epoch, created_at })
}

impl Reader {
    /// The user with this address.
    pub async fn find_user(&mut self, email: &Email) -> Result<Option<User>> {
        self.find(FIND_USER, params![email.as_str()], user).await
    }

    /// The user with this id.
    pub async fn find_user_by_id(&mut self, id: &UserId) -> Result<Option<User>> {
        self.find(FIND_USER_BY_ID, params![id.as_str()], user).await
    }

    /// The organisation's people in the order in which they were added.
    pub async fn members(&mut self, organisation: &OrganisationId) -> Result<Vec<Member>> {
        self.query(
            LIST,
            params![organisation.as_str()],
            |row| read!(row => Member { id, email, role, since, second_factor }),
        )
        .await
    }

    /// The organisations that the user belongs to.
    pub async fn organisations_of(&mut self, user: &UserId) -> Result<Vec<OrganisationId>> {
        self.query(ORGANISATIONS_OF, params![user.as_str()], only_column).await
    }

    /// How many people the organisation has.
    pub async fn count_members(&mut self, organisation: &OrganisationId) -> Result<i64> {
        let params = params![organisation.as_str()];
        Ok(self.find(COUNT_MEMBERS, params, only_column).await?.unwrap_or(0))
    }

    /// How many Admins the organisation has.
    pub async fn count_admins(&mut self, organisation: &OrganisationId) -> Result<i64> {
        Ok(self.find(COUNT_ADMINS, params![organisation.as_str()], only_column).await?.unwrap_or(0))
    }

    /// A user in an organisation and what decides about one of the user's tokens: the one read of an API call.
    pub async fn find_user_for_token_check(
        &mut self,
        id: &UserId,
        claims: &TokenClaims,
        now: Timestamp,
    ) -> Result<Option<UserForTokenCheck>> {
        let params = params![
            claims.organisation_id.as_str(),
            id.as_str(),
            &claims.token_id,
            &claims.kid,
            claims.session_id.as_ref().map_or("", SessionId::as_str),
            now,
            Timestamp::from_seconds(claims.expires_at),
        ];
        self.find(AT_DOOR, params, |row| {
            Ok(UserForTokenCheck {
                facts: user_facts(row)?,
                email: row.next()?,
                organisation_name: row.next()?,
            })
        })
        .await
    }

    /// The number that a user's tokens for an organisation carry: what is ended raises it. None for no member.
    pub async fn token_epoch_of(
        &mut self,
        organisation: &OrganisationId,
        user: &UserId,
    ) -> Result<Option<i64>> {
        self.find(TOKEN_EPOCH, params![organisation.as_str(), user.as_str()], only_column).await
    }

    /// Whether whoever made an invitation may still do so. One that was made on an operator's word stands by itself.
    pub async fn inviter_is_admin(&mut self, invitation: &Invitation) -> Result<bool> {
        let Some(inviter) = &invitation.inviter else { return Ok(true) };
        let params = params![invitation.organisation_id.as_str(), inviter.as_str()];
        Ok(self.find(INVITER_IS_ADMIN, params, only_column).await? == Some(true))
    }
}

impl UserTransaction {
    /// Replaces the user's password and ends the user's access tokens.
    pub async fn set_password(&mut self, hash: &str) -> Result<()> {
        let params = params![self.id().as_str(), hash];
        self.execute(SET_PASSWORD, params).await.map(drop)
    }
}

impl OrganisationTransaction<FoundOrganisation> {
    /// Gives a password to a user who has none. False if the user has one, or is not there.
    pub async fn set_first_password(&mut self, user: &UserId, hash: &str) -> Result<bool> {
        Ok(self.execute(SET_FIRST_PASSWORD, params![user.as_str(), hash]).await? == 1)
    }
}

impl<P: MayAddMembers> OrganisationTransaction<P> {
    /// Adds a user. [`StoreError::Taken`] if the address is, which leaves the transaction good: the other user
    /// with this address can be found in it.
    pub async fn insert_user(&mut self, user: &User) -> Result<()> {
        let params =
            params![user.id.as_str(), user.email.as_str(), user.password_hash.as_deref(), user.created_at];
        match self.execute(INSERT_USER, params).await? {
            1 => Ok(()),
            _ => Err(StoreError::Taken),
        }
    }

    /// Makes a user a member. [`StoreError::Taken`] if the user is one. Tokens of an earlier membership stay ended: each
    /// membership of a user has a number of its own.
    pub async fn add_member(&mut self, user: &UserId, role: Role, now: Timestamp) -> Result<()> {
        self.execute(BEGIN_MEMBERSHIP, params![user.as_str()]).await?;
        let params = params![self.id().as_str(), user.as_str(), role.as_str(), now];
        self.execute(ADD, params).await.map(drop)
    }
}

impl OrganisationTransaction<ManageMembers> {
    /// Changes a member's role. False if the user is none. Whoever is no Admin any more has no open invitations.
    pub async fn set_role(&mut self, user: &UserId, role: Role, now: Timestamp) -> Result<bool> {
        let params = params![self.id().as_str(), user.as_str(), role.as_str()];
        if role != Role::Admin {
            self.end_invitations_by(user, now).await?;
        }
        Ok(self.execute(SET_ROLE, params).await? == 1)
    }

    /// Removes a member, with what the user could still use to come back: command lines, approved devices, and the
    /// invitations that the user made. False if the user is none.
    pub async fn remove_member(&mut self, user: &UserId, now: Timestamp) -> Result<bool> {
        let organisation = self.id().clone();
        let both = || params![user.as_str(), organisation.as_str()];
        let removed = self.execute(REMOVE, params![organisation.as_str(), user.as_str()]).await? == 1;
        self.execute(END_COMMAND_LINES, both()).await?;
        self.execute(REJECT_DEVICES_IN, both()).await?;
        self.end_invitations_by(user, now).await?;
        Ok(removed)
    }
}
