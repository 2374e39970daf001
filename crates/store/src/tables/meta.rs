//! Named values of the installation, and rows that exist to be locked.

use crate::{
    Reader, Result, Transaction,
    engine::{only_column, params, statements},
};

statements! {
    FIND = "SELECT value FROM meta WHERE name = $1";
    INSERT = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    UPSERT = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    LOCK = "UPDATE meta SET value = value WHERE name = $1";
}

impl Reader {
    /// The value called `name`.
    pub async fn meta(&mut self, name: &str) -> Result<Option<String>> {
        self.find(FIND, params![name], only_column).await
    }
}

impl Transaction {
    /// Sets `name` unless it is set; whoever comes first decides.
    pub async fn set_meta_once(&mut self, name: &str, value: &str) -> Result<()> {
        self.execute(INSERT, params![name, value]).await.map(drop)
    }

    /// Sets `name`.
    pub async fn set_meta(&mut self, name: &str, value: &str) -> Result<()> {
        self.execute(UPSERT, params![name, value]).await.map(drop)
    }

    /// Lets only one transaction at a time, of all nodes, work on the signing keys.
    pub async fn lock_signing_keys(&mut self) -> Result<()> {
        self.execute(LOCK, params!["lock.signing_keys"]).await.map(drop)
    }

    /// Lets only one transaction at a time, of all nodes, make setup links or the first organisation.
    pub async fn lock_setup(&mut self) -> Result<()> {
        self.execute(LOCK, params!["lock.setup"]).await.map(drop)
    }
}
