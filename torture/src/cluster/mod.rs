//! What the scenarios torture: nodes of the product on one database.

pub(crate) mod faketime;
pub(crate) mod node;
pub(crate) mod patroni;
pub(crate) mod pgbouncer;
pub(crate) mod ports;
pub(crate) mod postgres;

use crate::{
    Bench,
    outcome::{During, Outcome},
    process,
};
use node::Node;
use postgres::Postgres;
use serde_json::Value;
use std::{path::PathBuf, process::Command};

/// Where the data live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file.
    Sqlite,
    /// A server of our own.
    Postgres,
}

/// Any 32 bytes do: all nodes need the same.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Nodes on one database.
#[derive(Debug)]
pub(crate) struct Cluster {
    // Fields are dropped in this order: nodes before the database, the folder last.
    pub(crate) nodes: Vec<Node>,
    pub(crate) postgres: Option<Postgres>,
    database: Option<String>,
    environment: Vec<(String, String)>,
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts a database and this many nodes on it.
    pub(crate) async fn start(
        bench: &Bench,
        engine: Engine,
        nodes: usize,
        settings: &[(&str, &str)],
    ) -> Outcome<Self> {
        let postgres = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Postgres::start().await?),
        };
        let database = postgres.as_ref().map(Postgres::url);
        let mut cluster = Self::prepare(bench, database, nodes, settings)?;
        cluster.postgres = postgres;
        for node in &mut cluster.nodes {
            node.start().await?;
        }
        Ok(cluster)
    }

    /// Nodes that do not run yet, on SQLite or on the PostgreSQL at this URL.
    pub(crate) fn prepare(
        bench: &Bench,
        database: Option<String>,
        nodes: usize,
        settings: &[(&str, &str)],
    ) -> Outcome<Self> {
        let folder = tempfile::TempDir::with_prefix("duku-torture-").during("a temporary folder")?;
        let data_dir = folder.path().join("data");
        let mut environment = vec![
            ("DUKU_DATA_DIR".to_owned(), data_dir.display().to_string()),
            ("DUKU_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()),
            ("DUKU_PUBLIC_URL".to_owned(), "http://duku.test".to_owned()),
            ("DUKU_RATE_LIMIT".to_owned(), "off".to_owned()),
            // Tokens that live long stay to be found out for long.
            ("DUKU_TOKEN_LIFETIME_SECONDS".to_owned(), "7200".to_owned()),
            ("DUKU_LOG_FORMAT".to_owned(), "json".to_owned()),
            ("DUKU_LOG".to_owned(), "warn".to_owned()),
        ];
        environment.extend(database.iter().map(|url| ("DUKU_DATABASE_URL".to_owned(), url.clone())));
        for (name, value) in settings {
            environment.retain(|(known, _)| known != name);
            environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        let nodes = (1..=nodes)
            .map(|number| Node::new(&format!("node-{number}"), &bench.binary, folder.path(), &environment))
            .collect::<Outcome<_>>()?;
        let program = bench.binary.clone();
        Ok(Self { nodes, postgres: None, database, environment, program, folder })
    }

    /// A folder that goes with the cluster.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The URL of PostgreSQL, if the data live there.
    pub(crate) fn database(&self) -> Outcome<&str> {
        self.database.as_deref().ok_or_else(|| "the data are not in PostgreSQL".to_owned())
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The node of this number, from 0.
    pub(crate) fn node(&mut self, number: usize) -> Outcome<&mut Node> {
        self.nodes.get_mut(number).ok_or_else(|| format!("there is no node {number}"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        node::clean(&mut command)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `duku …` on the data to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome<String> {
        process::read(&mut self.command(arguments))
    }

    /// Runs `duku … --json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Outcome<Value> {
        let text = self.run(&[arguments, &["--json"]].concat())?;
        serde_json::from_str(&text).during(arguments.join(" "))
    }

    /// Makes an organisation with the Admin who all organisations have.
    pub(crate) fn organisation(&self, name: &str) -> Outcome {
        self.json(&["admin", "org", "create", name, "--admin-email", ADMIN]).map(drop)
    }

    /// An access token of an organisation's Admin.
    pub(crate) fn admin_token(&self, organisation: &str) -> Outcome<String> {
        let token = self.run(&["admin", "token", "--user", ADMIN, "--org", organisation])?;
        Ok(token.trim().to_owned())
    }

    /// Fails unless every chain of the audit log is whole.
    pub(crate) fn verify_audit(&self) -> Outcome {
        self.run(&["audit", "verify"]).map(drop)
    }
}

const ADMIN: &str = "ada@example.org";
