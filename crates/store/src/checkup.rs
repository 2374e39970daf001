//! What an operator asks of a database's health. Nothing here is on the way of a request.

use crate::{Session, Store, StoreError, statements::statements, value::params};
use domain::Timestamp;

/// What a PostgreSQL server says of itself.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// Like 170002 for 17.2.
    pub version: i64,
    /// Its clock.
    pub now: Timestamp,
    /// The most connections that it takes, of all its clients.
    pub connections: i64,
    /// How much the database takes on its disk.
    pub bytes: i64,
    /// `synchronous_commit`: off forgets the last moments after a crash.
    pub synchronous_commit: String,
    /// `fsync`: off can lose everything.
    pub fsync: String,
    /// `archive_mode`: whether each change is kept for a recovery to any moment.
    pub archive_mode: String,
}

statements! {
    SERVER_TIME = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
    SERVER_FACTS = "SELECT CAST(current_setting('server_version_num') AS BIGINT), \
     CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT), \
     CAST(current_setting('max_connections') AS BIGINT), pg_database_size(current_database()), \
     current_setting('synchronous_commit'), current_setting('fsync'), current_setting('archive_mode')";
}

impl Session {
    /// What the server's clock says; nothing with SQLite, which has none of its own.
    pub async fn server_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        if !self.is_postgres() {
            return Ok(None);
        }
        self.find(SERVER_TIME, params![], |row| row.time(0)).await
    }

    /// What the server says of itself; nothing with SQLite, which has none.
    pub async fn server_facts(&mut self) -> Result<Option<ServerFacts>, StoreError> {
        if !self.is_postgres() {
            return Ok(None);
        }
        self.find(SERVER_FACTS, params![], |row| {
            Ok(ServerFacts {
                version: row.int(0)?,
                now: row.time(1)?,
                connections: row.int(2)?,
                bytes: row.int(3)?,
                synchronous_commit: row.text(4)?,
                fsync: row.text(5)?,
                archive_mode: row.text(6)?,
            })
        })
        .await
    }
}

impl Store {
    /// As [`Session::server_facts`].
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn server_facts(&self) -> Result<Option<ServerFacts>, StoreError> {
        self.reader().await?.server_facts().await
    }
}
