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

    /// Where the store finds it.
    pub fn location(&self) -> Location {
        Location::parse(&self.url).unwrap()
    }

    /// The store on it, for tests of rooms that may not name the store.
    pub async fn store(&self) -> Store {
        Store::open(&Options::new(self.location())).await.unwrap()
    }
}

async fn create_postgres(dir: &TempDir) -> String {
    let server = std::env::var("DUKU_TEST_POSTGRES_URL").expect(
        "DUKU_TEST_POSTGRES_URL is not set: run `cargo xtask test`, it starts a PostgreSQL for the tests",
    );
    // The folder's random name is unique on this machine, and so is the database's.
    let name: String = dir
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            b'-' => "_".to_owned(),
            other => format!("x{other:x}"),
        })
        .collect();
    connect(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

/// A connection that lives as long as the client.
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
