//! What was changed between a backup and the data that it replaces.

use crate::engine::sqlite::replace::SoleUse;
use crate::{Result, engine::sqlite::open};
use domain::Timestamp;
use rusqlite::Connection;
use std::path::Path;

/// The most rows that one list of [`Differences`] holds.
pub const MOST_DIFFERENCES: usize = 500;

/// A key, or a user: what it is called, and in which organisation.
pub type Named = (String, String, String);

/// A key whose previous secret still works.
#[derive(Debug, Clone)]
pub struct RunningGrace {
    /// The key's id.
    pub id: String,
    /// The id of its organisation.
    pub organisation_id: String,
    /// The name of its organisation.
    pub organisation: String,
    /// Its label.
    pub label: String,
}

/// What was changed in one file's data and not in the other's.
#[derive(Debug, Default)]
pub struct Differences {
    /// Keys that are good in the new data and gone from the former: id, organisation, label.
    pub revoked: Vec<Named>,
    /// Keys with another secret in the former data.
    pub rotated: Vec<Named>,
    /// Keys that only the former data have.
    pub lost: Vec<Named>,
    /// People who were members in the new data and are not, or with another role, in the former: e-mail, organisation, role.
    pub members: Vec<Named>,
    /// People who had another password in the former data: e-mail, empty, empty.
    pub passwords: Vec<Named>,
    /// Keys whose previous secret works in the new data and does not in the former: its grace was ended by hand, or by another
    /// rotation. All of them, so that they can be ended again.
    pub graces: Vec<RunningGrace>,
}

const RUNNING: &str = "SELECT k.id, k.organisation_id, k.organisation_name, k.label FROM main.api_keys k \
     WHERE k.grace_digest IS NOT NULL AND k.grace_until_ms > ?1 AND k.expires_at_ms > ?1 ORDER BY k.id";
/// A revoked key is in a list of its own, and to revoke it again ends its grace, too.
const ENDED_SINCE: &str = "SELECT k.id, k.organisation_id, k.organisation_name, k.label FROM main.api_keys k \
     JOIN former.api_keys f ON f.id = k.id \
     WHERE k.grace_digest IS NOT NULL AND k.grace_until_ms > ?1 AND k.expires_at_ms > ?1 \
     AND f.secret_digest <> k.grace_digest \
     AND NOT (f.grace_digest IS k.grace_digest AND COALESCE(f.grace_until_ms, 0) > ?1) ORDER BY k.id";

impl SoleUse {
    /// Compares the data in the staged file with those that it will replace; nothing if there are none to compare with.
    ///
    /// # Errors
    /// The former data cannot be read.
    pub fn differences(&self, staged: &Path, now: Timestamp) -> Result<Option<Differences>> {
        if open::is_empty(&self.place) {
            return Ok(None);
        }
        let connection = Connection::open(staged)?;
        connection.execute("ATTACH ?1 AS former", [self.place.to_string_lossy()])?;
        let installation = "SELECT (SELECT value FROM main.meta WHERE name = 'master_key_fingerprint') \
             IS (SELECT value FROM former.meta WHERE name = 'master_key_fingerprint')";
        if !connection.query_row(installation, [], |row| row.get::<_, bool>(0))? {
            return Ok(None);
        }
        let list = |sql: &str| named(&connection, sql, now);
        Ok(Some(Differences {
            revoked: list(
                "SELECT k.id, k.organisation_name, k.label FROM main.api_keys k LEFT JOIN former.api_keys f ON f.id = k.id \
                 WHERE f.id IS NULL AND k.expires_at_ms > ?1 ORDER BY k.id LIMIT ?2",
            )?,
            rotated: list(
                "SELECT k.id, k.organisation_name, k.label FROM main.api_keys k JOIN former.api_keys f ON f.id = k.id \
                 WHERE f.secret_digest <> k.secret_digest AND k.expires_at_ms > ?1 ORDER BY k.id LIMIT ?2",
            )?,
            lost: list(
                "SELECT f.id, f.organisation_name, f.label FROM former.api_keys f LEFT JOIN main.api_keys k ON k.id = f.id \
                 WHERE k.id IS NULL AND f.expires_at_ms > ?1 ORDER BY f.id LIMIT ?2",
            )?,
            members: list(
                "SELECT u.email, o.name, m.role FROM main.memberships m JOIN main.users u ON u.id = m.user_id \
                 JOIN main.organisations o ON o.id = m.organisation_id LEFT JOIN former.memberships f \
                 ON f.organisation_id = m.organisation_id AND f.user_id = m.user_id \
                 WHERE (f.role IS NULL OR f.role <> m.role) AND ?1 = ?1 ORDER BY u.email, o.name LIMIT ?2",
            )?,
            passwords: list(
                "SELECT u.email, '', '' FROM main.users u JOIN former.users f ON f.id = u.id \
                 WHERE f.password_hash IS NOT u.password_hash AND ?1 = ?1 ORDER BY u.email LIMIT ?2",
            )?,
            graces: graces(&connection, ENDED_SINCE, now)?,
        }))
    }

    /// Every key in the staged file whose previous secret works.
    pub fn running_graces(&self, staged: &Path, now: Timestamp) -> Result<Vec<RunningGrace>> {
        graces(&Connection::open(staged)?, RUNNING, now)
    }
}

fn named(connection: &Connection, sql: &str, now: Timestamp) -> Result<Vec<Named>> {
    let limit = i64::try_from(MOST_DIFFERENCES).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([now.ms(), limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn graces(connection: &Connection, sql: &'static str, now: Timestamp) -> Result<Vec<RunningGrace>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([now.ms()], |row| {
        Ok(RunningGrace {
            id: row.get(0)?,
            organisation_id: row.get(1)?,
            organisation: row.get(2)?,
            label: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
