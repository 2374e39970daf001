//! A PostgreSQL of our own, with every guarantee on: it is stopped, restarted and cut off by the scenarios.

use super::ports;
use crate::{
    outcome::{During, Outcome, ensure},
    process,
};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const START: Duration = Duration::from_mins(1);
/// Whom PostgreSQL runs as when we are root.
const USER: &str = "postgres";

/// A server, running or not.
#[derive(Debug)]
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Nobody is left to tell, and the data go anyway.
        let _ = self.stop_at_once();
    }
}

/// Debian keeps the binaries of each version in a folder of its own, and none of them in the PATH.
pub(crate) fn binaries() -> Outcome<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .max();
    newest.map(|(_, folder)| folder).ok_or_else(|| "no PostgreSQL server in /usr/lib/postgresql".to_owned())
}

/// A folder that PostgreSQL's user owns.
pub(crate) fn owned_folder(name: &str) -> Outcome<tempfile::TempDir> {
    let folder = tempfile::TempDir::with_prefix(name).during("a temporary folder")?;
    if process::is_root() {
        process::read(Command::new("chown").arg(format!("{USER}:")).arg(folder.path()))?;
    }
    Ok(folder)
}

/// A program that runs as PostgreSQL's user, and not for longer than we do.
pub(crate) fn as_server_user(program: &Path, signal: &str) -> Command {
    let mut command = process::bound(program, signal, process::is_root().then_some(USER));
    // PostgreSQL's programs want to come back to the folder that they were started in.
    command.current_dir(std::env::temp_dir());
    command
}

impl Postgres {
    /// Makes the data and starts the server.
    pub(crate) async fn start() -> Outcome<Self> {
        let folder = owned_folder("duku-torture-pg-")?;
        let arguments = ["--username=duku", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        let data = folder.path().join("data");
        process::read(
            as_server_user(&binaries()?.join("initdb"), "KILL").args(arguments).arg("--pgdata").arg(&data),
        )?;
        let mut postgres = Self { folder, port: ports::free()?, server: None };
        postgres.run().await?;
        Ok(postgres)
    }

    /// Starts the server on its data and waits until it answers.
    pub(crate) async fn run(&mut self) -> Outcome {
        let log = self.folder.path().join("log");
        let log = File::options().create(true).append(true).open(&log).during("PostgreSQL's log")?;
        let mut command = as_server_user(&binaries()?.join("postgres"), "INT");
        command.arg("-D").arg(self.folder.path().join("data")).arg("-k").arg(self.folder.path());
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-c", "max_connections=200"]);
        let errors = log.try_clone().during("PostgreSQL's log")?;
        self.server =
            Some(command.stdout(log).stderr(errors).stdin(Stdio::null()).spawn().during("PostgreSQL")?);
        let started = Instant::now();
        while let Err(error) = self.connect().await {
            ensure(started.elapsed() < START, || format!("PostgreSQL did not start: {error}"))?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// As an orderly restart does: connections are cut, transactions rolled back.
    pub(crate) async fn stop(&mut self) -> Outcome {
        self.end("INT").await
    }

    /// As a crash does: nothing is finished, and the next start recovers from the log.
    pub(crate) async fn crash(&mut self) -> Outcome {
        self.end("QUIT").await
    }

    /// Stops every process of the server where it stands: connections stay open, and nobody answers.
    pub(crate) fn freeze(&self) -> Outcome {
        self.signal_all("STOP")
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) -> Outcome {
        self.signal_all("CONT")
    }

    fn signal_all(&self, name: &str) -> Outcome {
        let Some(server) = &self.server else { return Ok(()) };
        let id = server.id();
        // A process that has ended meanwhile is no failure.
        let kill = |ids: &[&str]| {
            Command::new("kill").arg(format!("-{name}")).args(ids).output().during("kill").map(drop)
        };
        // The first process makes the others: stopped first, it makes none that would be missed.
        kill(&[&id.to_string()])?;
        let file = format!("/proc/{id}/task/{id}/children");
        let children = std::fs::read_to_string(&file).during(&file)?;
        kill(&children.split_whitespace().collect::<Vec<_>>())?;
        Ok(())
    }

    async fn end(&mut self, signal: &str) -> Outcome {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        process::signal(&server, signal)?;
        process::ended(&mut server, START).await.map(drop)
    }

    fn stop_at_once(&mut self) -> Outcome {
        // Who stands still hears of no other signal.
        self.thaw()?;
        let Some(mut server) = self.server.take() else { return Ok(()) };
        process::signal(&server, "QUIT")?;
        server.wait().map(drop).during("waiting for PostgreSQL")
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the one database.
    pub(crate) fn url(&self) -> String {
        url(self.port, "duku", "postgres")
    }

    async fn connect(&self) -> Outcome<tokio_postgres::Client> {
        connect(&self.url()).await
    }
}

/// A database's address.
pub(crate) fn url(port: u16, user: &str, database: &str) -> String {
    format!("postgres://{user}@127.0.0.1:{port}/{database}?sslmode=disable")
}

/// A connection that lives as long as the client.
pub(crate) async fn connect(url: &str) -> Outcome<tokio_postgres::Client> {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.during("connecting to PostgreSQL")?;
    tokio::spawn(connection);
    Ok(client)
}

/// Ends every other connection to this database, as an administrator or a broken network would.
pub(crate) async fn cut_connections(url: &str) -> Outcome<u64> {
    let client = connect(url).await?;
    let cut = client
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
            &[],
        )
        .await;
    cut.during("cutting connections")
}

/// One number that a statement answers.
pub(crate) async fn number(url: &str, sql: &str) -> Outcome<i64> {
    let row = connect(url).await?.query_one(sql, &[]).await.during(sql)?;
    row.try_get(0).during(sql)
}
