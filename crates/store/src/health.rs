//! What an operator asks of a database's health. Nothing here is on the way of a request.

use crate::{
    Reader, Result, Store, StoreError, all_statements, dialects,
    engine::{only_column, params, read, statements},
};
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
    HAS_TRIGGER = "SELECT CAST(tgname AS TEXT) FROM pg_trigger \
     WHERE tgrelid = CAST('audit_events' AS regclass) AND CAST(tgname AS TEXT) = $1 AND tgenabled <> 'D'";
}

/// What SQLite is asked instead.
pub(crate) mod on_sqlite {
    use crate::engine::statements::statements;

    statements! {
        HAS_TRIGGER = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name = $1";
    }
}

/// The tables that nobody may change behind the product's back have triggers that reject it.
const TRIGGERS_OF_SQLITE: [&str; 3] =
    ["audit_events_never_change", "audit_events_never_go", "audit_events_never_replaced"];
const TRIGGERS_OF_POSTGRES: [&str; 1] = ["audit_events_never_change"];

impl Reader {
    /// What the server's clock says; nothing with SQLite, which has none of its own.
    pub async fn server_time(&mut self) -> Result<Option<Timestamp>> {
        if !self.is_postgres() {
            return Ok(None);
        }
        self.find(SERVER_TIME, params![], only_column).await
    }

    /// The first thing that the schema lacks, in words; nothing if every statement of the program fits it.
    async fn schema_error(&mut self) -> Result<Option<String>> {
        let postgres = self.is_postgres();
        let (on_postgres, on_sqlite) = dialects();
        let mut statements = all_statements();
        statements.retain(|(name, _)| !(postgres && on_sqlite.contains(name)));
        if postgres {
            statements.extend(on_postgres);
        }
        for (_, sql) in statements {
            match self.prepare(sql).await {
                Ok(()) => {}
                Err(StoreError::Rejected(why)) => return Ok(Some(why)),
                Err(error) => return Err(error),
            }
        }
        let (triggers, has): (&[&str], _) = if postgres {
            (&TRIGGERS_OF_POSTGRES, HAS_TRIGGER)
        } else {
            (&TRIGGERS_OF_SQLITE, on_sqlite::HAS_TRIGGER)
        };
        for trigger in triggers {
            if self.find(has, params![*trigger], only_column::<String>).await?.is_none() {
                return Ok(Some(format!("the trigger {trigger} is missing")));
            }
        }
        Ok(None)
    }

    /// What the server says of itself; nothing with SQLite, which has none.
    pub async fn server_facts(&mut self) -> Result<Option<ServerFacts>> {
        if !self.is_postgres() {
            return Ok(None);
        }
        self.find(SERVER_FACTS, params![], |row| {
            read!(row => ServerFacts {
                version, now, connections, bytes, synchronous_commit, fsync, archive_mode,
            })
        })
        .await
    }
}

impl Store {
    /// The first thing that the schema of data of this binary's version lacks, in words: a table, a column, a trigger.
    ///
    /// # Errors
    /// The data cannot be read.
    pub async fn schema_error(&self) -> Result<Option<String>> {
        self.reader().await?.schema_error().await
    }

    /// Whether some tables of Duku are there, also if `schema_migrations`, which counts them, is not.
    ///
    /// # Errors
    /// The data cannot be read.
    pub async fn has_tables(&self) -> Result<bool> {
        match self.reader().await?.meta("schema").await {
            Ok(_) => Ok(true),
            Err(StoreError::Rejected(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// As [`Reader::server_facts`].
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn server_facts(&self) -> Result<Option<ServerFacts>> {
        self.reader().await?.server_facts().await
    }
}
