//! Fresh databases: a SQLite file in a folder of its own, or a new database on the PostgreSQL of the test run.

use store::{Location, Options, Store};
use tempfile::TempDir;

/// The two kinds of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file.
    Sqlite,
    /// The server that `cargo xtask test` starts.
    Postgres,
}

impl Engine {
    /// Both, for tests that hold on either.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// A database that no other test sees.
#[derive(Debug)]
pub struct Database {
    /// A folder of the test's own; SQLite's file is in it.
    pub dir: TempDir,
    /// The URL to open it with.
    pub url: String,
}

/// A transaction of [`Database::hold`]; it is rolled back when the value is dropped.
#[expect(missing_debug_implementations, reason = "connections have none")]
pub enum HeldTransaction {
    /// In the file.
    Sqlite {
        /// Ends the transaction when it is closed.
        _connection: rusqlite::Connection,
    },
    /// On the server.
    Postgres {
        /// Ends the transaction when it is closed.
        _client: tokio_postgres::Client,
    },
}

impl Database {
    /// Makes one.
    pub async fn fresh(engine: Engine) -> Self {
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}", dir.path().join("duku.db").display()),
            Engine::Postgres => create_postgres(&dir).await,
        };
        Self { dir, url }
    }

    /// Another database with the same content, made while nobody uses this one. It has a copy of the folder, too, so a server
    /// that is started on it has the same master key.
    pub async fn copy(&self) -> Self {
        let dir = TempDir::with_prefix("duku-test-").unwrap();
        for entry in std::fs::read_dir(self.dir.path()).unwrap().map(Result::unwrap) {
            let name = entry.file_name();
            if entry.path().is_file() && !name.to_string_lossy().starts_with("duku.db") {
                std::fs::copy(entry.path(), dir.path().join(name)).unwrap();
            }
        }
        let url = match self.location() {
            Location::Sqlite(path) => {
                let copy = dir.path().join("duku.db");
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
                format!("sqlite://{}", copy.display())
            }
            Location::Postgres(_) => {
                let (server, template) = self.url.rsplit_once('/').unwrap();
                let (name, client) = (database_name(&dir), connect(&format!("{server}/postgres")).await);
                client
                    .batch_execute(&format!(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"
                    ))
                    .await
                    .unwrap();
                client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
                format!("{server}/{name}")
            }
        };
        Self { dir, url }
    }

    /// Deletes it, whoever is connected.
    pub async fn remove(self) {
        if let Location::Postgres(_) = self.location() {
            let (server, name) = self.url.rsplit_once('/').unwrap();
            let client = connect(&format!("{server}/postgres")).await;
            client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
        }
    }

    /// Begins a transaction that writes, runs `sql` in it and keeps it open until the value is dropped. On SQLite every
    /// other writer waits for it.
    pub async fn hold(&self, sql: &str) -> HeldTransaction {
        match self.location() {
            Location::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                connection.execute_batch("BEGIN IMMEDIATE").unwrap();
                HeldTransaction::Sqlite { _connection: connection }
            }
            Location::Postgres(url) => {
                let client = connect(&url).await;
                client.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
                HeldTransaction::Postgres { _client: client }
            }
        }
    }

    /// Reads from a SQLite file and keeps that moment until the value is dropped, as a backup or a forgotten shell does.
    pub fn hold_snapshot(&self) -> HeldTransaction {
        let Location::Sqlite(path) = self.location() else { panic!("a snapshot of a file") };
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_master").unwrap();
        HeldTransaction::Sqlite { _connection: connection }
    }

    /// Where the store finds it.
    pub fn location(&self) -> Location {
        Location::parse(&self.url).unwrap()
    }

    /// The store on it, for tests of crates that may not name the store.
    pub async fn store(&self) -> Store {
        Store::open(&Options::new(self.location())).await.unwrap()
    }
}

async fn create_postgres(dir: &TempDir) -> String {
    let server = std::env::var("DUKU_TEST_POSTGRES_URL").expect(
        "DUKU_TEST_POSTGRES_URL is not set: run `cargo xtask test`, it starts a PostgreSQL for the tests",
    );
    // The folder's random name is unique on this machine, and so is the database's.
    let name = database_name(dir);
    connect(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

fn database_name(dir: &TempDir) -> String {
    dir.path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            b'-' => "_".to_owned(),
            other => format!("x{other:x}"),
        })
        .collect()
}

/// A connection that lives as long as the client.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
