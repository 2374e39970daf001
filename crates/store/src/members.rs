//! People and their roles.

use crate::{
    Session, StoreError,
    statements::statements,
    value::{Row, params},
};
use domain::{Email, OrganisationId, Role, Timestamp, UserId};

statements! {
    INSERT_USER = "INSERT INTO users (id, email, password_hash, token_epoch, created_at_ms) VALUES ($1, $2, $3, 0, $4) \
        ON CONFLICT (email) DO NOTHING";
    SET_FIRST_PASSWORD = "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash IS NULL";
    SET_PASSWORD = "UPDATE users SET password_hash = $2, token_epoch = token_epoch + 1 WHERE id = $1";
    FIND_USER = "SELECT id, email, password_hash, token_epoch, created_at_ms FROM users WHERE email = $1";
    FIND_USER_BY_ID = "SELECT id, email, password_hash, token_epoch, created_at_ms FROM users WHERE id = $1";
    ADD = "INSERT INTO memberships (organisation_id, user_id, role, created_at_ms) VALUES ($1, $2, $3, $4)";
    SET_ROLE = "UPDATE memberships SET role = $3 WHERE organisation_id = $1 AND user_id = $2";
    REMOVE = "DELETE FROM memberships WHERE organisation_id = $1 AND user_id = $2";
    END_TOKENS = "UPDATE users SET token_epoch = token_epoch + 1 WHERE id = $1";
    LIST = "SELECT u.id, u.email, m.role, m.created_at_ms, \
        (SELECT COUNT(*) FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at_ms IS NOT NULL) FROM memberships m JOIN users u ON u.id = m.user_id \
        WHERE m.organisation_id = $1 ORDER BY u.id";
    ORGANISATIONS_OF = "SELECT organisation_id FROM memberships WHERE user_id = $1 ORDER BY organisation_id";
    COUNT_ADMINS = "SELECT COUNT(*) FROM memberships WHERE organisation_id = $1 AND role = 'admin'";
    AT_DOOR = "SELECT u.id, u.email, u.token_epoch, m.role, o.id, o.name, \
        (SELECT COUNT(*) FROM revoked_tokens WHERE token_id = $3), \
        (SELECT COUNT(*) FROM signing_keys WHERE kid = $4), o.require_second_factor, \
        (SELECT COUNT(*) FROM sessions WHERE id = $5 AND expires_at_ms > $6), \
        (SELECT COUNT(*) FROM sessions WHERE id = $5 AND second_factor_at_ms IS NOT NULL) \
        FROM memberships m JOIN users u ON u.id = m.user_id JOIN organisations o ON o.id = m.organisation_id \
        WHERE m.organisation_id = $1 AND m.user_id = $2";
}

/// A person.
#[derive(Debug, Clone)]
pub struct Person {
    /// The person's id, `usr_…`.
    pub id: UserId,
    /// The address that identifies the person.
    pub email: Email,
    /// The password as an argon2id string; none until the person has chosen one.
    pub password_hash: Option<String>,
    /// Tokens that carry a lower number have been ended.
    pub token_epoch: i64,
    /// When the person was first added.
    pub created_at: Timestamp,
}

/// A person in one organisation.
#[derive(Debug, Clone)]
pub struct Member {
    /// The person's id.
    pub id: UserId,
    /// The person's address.
    pub email: Email,
    /// What the person may do there.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
    /// Whether the person has a second factor.
    pub second_factor: bool,
}

/// What a person's access token is checked against at each request.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is the answer to one question of one statement")]
pub struct PersonAtDoor {
    /// The person in the token's organisation.
    pub id: UserId,
    /// The person's address.
    pub email: Email,
    /// The person's current number for tokens.
    pub token_epoch: i64,
    /// The person's role now.
    pub role: Role,
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub organisation_name: String,
    /// Whether this very token was revoked.
    pub token_revoked: bool,
    /// Whether the key that signed the token is still published.
    pub signing_key_alive: bool,
    /// Whether the organisation requires a second factor.
    pub second_factor_required: bool,
    /// Whether the session that the token came from lives.
    pub session_alive: bool,
    /// Whether a second factor was proved in it.
    pub session_has_second_factor: bool,
}

/// One access token of a person, as its claims describe it.
#[derive(Debug, Clone, Copy)]
pub struct PersonToken<'a> {
    /// `jti`
    pub token_id: &'a str,
    /// The key that signed it.
    pub kid: &'a str,
    /// `sid`: the session that it came from; empty for none.
    pub session_id: &'a str,
}

pub(crate) fn role(row: &Row<'_>, column: usize) -> Result<Role, StoreError> {
    let text = row.text(column)?;
    Role::parse(&text).ok_or_else(|| StoreError::corrupt(format!("the role {text}")))
}

fn person(row: &Row<'_>) -> Result<Person, StoreError> {
    Ok(Person {
        id: row.parsed(0, UserId::parse)?,
        email: row.parsed(1, Email::parse)?,
        password_hash: row.optional_text(2)?,
        token_epoch: row.int(3)?,
        created_at: row.time(4)?,
    })
}

impl Session {
    /// Adds a person. [`StoreError::Taken`] if the address is, which leaves the transaction good: the other person
    /// with this address can be found in it.
    pub async fn insert_person(&mut self, person: &Person) -> Result<(), StoreError> {
        let params = params![
            person.id.as_str(),
            person.email.as_str(),
            person.password_hash.as_deref(),
            person.created_at
        ];
        match self.execute(INSERT_USER, params).await? {
            1 => Ok(()),
            _ => Err(StoreError::Taken),
        }
    }

    /// Gives a password to a person who has none. False if the person has one, or is not there.
    pub async fn set_first_password(&mut self, person: &UserId, hash: &str) -> Result<bool, StoreError> {
        Ok(self.execute(SET_FIRST_PASSWORD, params![person.as_str(), hash]).await? == 1)
    }

    /// Replaces the person's password and ends the person's access tokens.
    pub async fn set_password(&mut self, person: &UserId, hash: &str) -> Result<(), StoreError> {
        self.execute(SET_PASSWORD, params![person.as_str(), hash]).await.map(drop)
    }

    /// The person with this address.
    pub async fn find_person(&mut self, email: &Email) -> Result<Option<Person>, StoreError> {
        self.find(FIND_USER, params![email.as_str()], person).await
    }

    /// The person with this id.
    pub async fn find_person_by_id(&mut self, id: &UserId) -> Result<Option<Person>, StoreError> {
        self.find(FIND_USER_BY_ID, params![id.as_str()], person).await
    }

    /// Makes a person a member. [`StoreError::Taken`] if the person is one.
    pub async fn add_member(
        &mut self,
        organisation: &OrganisationId,
        person: &UserId,
        role: Role,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(ADD, params![organisation.as_str(), person.as_str(), role.as_str(), now]).await.map(drop)
    }

    /// Changes a member's role. False if the person is none.
    pub async fn set_role(
        &mut self,
        organisation: &OrganisationId,
        person: &UserId,
        role: Role,
    ) -> Result<bool, StoreError> {
        let params = params![organisation.as_str(), person.as_str(), role.as_str()];
        Ok(self.execute(SET_ROLE, params).await? == 1)
    }

    /// Removes a member. False if the person is none.
    pub async fn remove_member(
        &mut self,
        organisation: &OrganisationId,
        person: &UserId,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(REMOVE, params![organisation.as_str(), person.as_str()]).await? == 1)
    }

    /// Ends every access token that the person has.
    pub async fn end_tokens_of_person(&mut self, person: &UserId) -> Result<(), StoreError> {
        self.execute(END_TOKENS, params![person.as_str()]).await.map(drop)
    }

    /// The organisation's people in the order in which they were added.
    pub async fn members(&mut self, organisation: &OrganisationId) -> Result<Vec<Member>, StoreError> {
        self.query(LIST, params![organisation.as_str()], |row| {
            Ok(Member {
                id: row.parsed(0, UserId::parse)?,
                email: row.parsed(1, Email::parse)?,
                role: role(row, 2)?,
                since: row.time(3)?,
                second_factor: row.flag(4)?,
            })
        })
        .await
    }

    /// The organisations that the person belongs to.
    pub async fn organisations_of(&mut self, person: &UserId) -> Result<Vec<OrganisationId>, StoreError> {
        self.query(ORGANISATIONS_OF, params![person.as_str()], |row| row.parsed(0, OrganisationId::parse))
            .await
    }

    /// How many Admins the organisation has.
    pub async fn count_admins(&mut self, organisation: &OrganisationId) -> Result<i64, StoreError> {
        Ok(self.find(COUNT_ADMINS, params![organisation.as_str()], |row| row.int(0)).await?.unwrap_or(0))
    }

    /// A person in an organisation and the standing of one of the person's tokens: the one read of an API call.
    pub async fn find_person_at_door(
        &mut self,
        organisation: &OrganisationId,
        person: &UserId,
        token: PersonToken<'_>,
        now: Timestamp,
    ) -> Result<Option<PersonAtDoor>, StoreError> {
        let PersonToken { token_id, kid, session_id } = token;
        let params = params![organisation.as_str(), person.as_str(), token_id, kid, session_id, now];
        self.find(AT_DOOR, params, |row| {
            Ok(PersonAtDoor {
                id: row.parsed(0, UserId::parse)?,
                email: row.parsed(1, Email::parse)?,
                token_epoch: row.int(2)?,
                role: role(row, 3)?,
                organisation_id: row.parsed(4, OrganisationId::parse)?,
                organisation_name: row.text(5)?,
                token_revoked: row.flag(6)?,
                signing_key_alive: row.flag(7)?,
                second_factor_required: row.flag(8)?,
                session_alive: row.flag(9)?,
                session_has_second_factor: row.flag(10)?,
            })
        })
        .await
    }
}
