//! A PostgreSQL of the tests' own: a new cluster in a temporary folder on a free port, gone when the tests end.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::process::{Outcome, is_root, read};

/// Where tests look for the server. If a caller has set it already, no cluster is started.
pub(crate) const URL_VARIABLE: &str = "DUKU_TEST_POSTGRES_URL";

/// The oldest version that the product promises to work with.
const OLDEST: u32 = 15;
const START_LIMIT: Duration = Duration::from_mins(1);

/// A running cluster; dropping it stops the server and deletes its data.
pub(crate) struct Cluster {
    folder: TempDir,
    server: Child,
    binaries: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes the data folder, starts the server and waits until it answers.
    pub(crate) fn start() -> Outcome<Self> {
        let binaries = binaries()?;
        let folder = TempDir::with_prefix("duku-postgres-").map_err(|error| error.to_string())?;
        if is_root()? {
            read(Command::new("chown").arg("postgres:").arg(folder.path()))?;
        }
        let data = folder.path().join("data");
        let arguments = ["--username=duku", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        read(as_server_user(&binaries.join("initdb"))?.args(arguments).arg("--pgdata").arg(&data))?;

        let port = free_port()?;
        let log = File::create(folder.path().join("log")).map_err(|error| error.to_string())?;
        let log_too = log.try_clone().map_err(|error| error.to_string())?;
        let server = as_server_user(&binaries.join("postgres"))?
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-h", "127.0.0.1", "-p", &port.to_string()])
            // Many tests at once, each with a pool. What they write need not survive a power cut.
            .args(["-c", "max_connections=300", "-c", "fsync=off"])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too)
            .spawn()
            .map_err(|error| format!("starting PostgreSQL: {error}"))?;
        let mut cluster = Self { folder, server, binaries, port };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// As the superuser, who may create databases.
    pub(crate) fn url(&self) -> String {
        format!("postgres://duku@127.0.0.1:{}/postgres", self.port)
    }

    /// The server's first process.
    pub(crate) fn process_id(&self) -> u32 {
        self.server.id()
    }

    fn wait_until_ready(&mut self) -> Outcome {
        let start = Instant::now();
        let port = self.port.to_string();
        while read(Command::new(self.binaries.join("pg_isready")).args([
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
        ]))
        .is_err()
        {
            let ended = self.server.try_wait().is_ok_and(|status| status.is_some());
            if ended || start.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(format!("PostgreSQL did not start on port {port}; its log:\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Ends the server at once: its data are thrown away, so nothing needs to be written any more.
    fn stop(&mut self) -> Outcome {
        let stop = ["stop", "--silent", "--mode=immediate", "--pgdata"];
        let stopped = read(
            as_server_user(&self.binaries.join("pg_ctl"))?.args(stop).arg(self.folder.path().join("data")),
        );
        if stopped.is_err() {
            self.server.kill().map_err(|error| error.to_string())?;
        }
        self.server.wait().map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(reason) = self.stop() {
            eprintln!("warning: the test PostgreSQL could not be stopped: {reason}");
        }
    }
}

/// The folder with `initdb` and `postgres`: Debian keeps one for each version, and none of them in the PATH.
pub(crate) fn binaries() -> Outcome<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(version, folder)| *version >= OLDEST && folder.join("initdb").is_file())
        .max();
    newest
        .map(|(_, folder)| folder)
        .ok_or_else(|| format!("no PostgreSQL server {OLDEST} or newer in /usr/lib/postgresql"))
}

/// The program, started so that it cannot outlive us, and not as root, which PostgreSQL refuses to run as.
fn as_server_user(program: &Path) -> Outcome<Command> {
    let mut command = Command::new("setpriv");
    // Interrupt means "stop now, orderly" to the server. The kernel sends it even if we are killed.
    command.args(["--pdeathsig", "INT"]);
    if is_root()? {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg(program);
    // PostgreSQL's programs want to come back to the folder that they were started in.
    command.current_dir(std::env::temp_dir());
    Ok(command)
}

/// A port that nothing listens on at this moment.
fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    Ok(listener.local_addr().map_err(|error| error.to_string())?.port())
}
