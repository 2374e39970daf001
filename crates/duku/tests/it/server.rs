//! The real binary as a process of its own, with `duku admin` beside it.

use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
pub(crate) use testkit::Engine as Database;
use testkit::{Api, Pair};

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) data_dir: PathBuf,
    /// Standard error of every run of this server, in one file.
    pub(crate) log: PathBuf,
    port: u16,
    environment: Vec<(String, String)>,
    child: Option<Child>,
    _database: testkit::Database,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command of the real binary that inherits no setting.
pub(crate) fn duku(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_duku"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DUKU_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A port that is free now, below those that the system gives to connections and to whoever asks for any: it stays free until
/// the server takes it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const PORTS: std::ops::Range<u32> = 10_000..30_000;
    loop {
        // Tests may be processes of their own, which begin apart.
        let number = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + number % (PORTS.end - PORTS.start)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Blocks, also where an asynchronous runtime already runs on this thread.
fn fresh_database(engine: Database) -> testkit::Database {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime().block_on(testkit::Database::fresh(engine))).join().unwrap()
}

impl Server {
    pub(crate) fn start(engine: Database) -> Self {
        Self::start_with(engine, &[])
    }

    pub(crate) fn start_with(engine: Database, settings: &[(&str, &str)]) -> Self {
        let database = fresh_database(engine);
        let data_dir = database.dir.path().join("data");
        let port = free_port();
        let mut environment = vec![
            ("DUKU_DATA_DIR".to_owned(), data_dir.display().to_string()),
            ("DUKU_LISTEN".to_owned(), format!("127.0.0.1:{port}")),
            ("DUKU_METRICS_LISTEN".to_owned(), format!("127.0.0.1:{}", free_port())),
            // No load balancer stands in front.
            ("DUKU_DRAIN_SECONDS".to_owned(), "0".to_owned()),
            // Races send hundreds of requests at once to a build without optimisation: none of them is to be shed.
            ("DUKU_WAIT_MILLISECONDS".to_owned(), "60000".to_owned()),
        ];
        if engine == Database::Postgres {
            environment.push(("DUKU_DATABASE_URL".to_owned(), database.url.clone()));
        }
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let log = database.dir.path().join("server.log");
        let url = format!("http://127.0.0.1:{port}");
        let mut server = Self { url, data_dir, log, port, environment, child: None, _database: database };
        server.run();
        server
    }

    /// Starts the process and waits until it serves.
    pub(crate) fn run(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut child = self.command(&["serve"]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let read = said.read_line(&mut line).unwrap();
        assert!(read > 0, "the server did not start: {}", std::fs::read_to_string(&self.log).unwrap());
        // Whatever else it says is read away, so that it never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        self.child = Some(child);
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "the server does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The id of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM; answers whether the process ended well.
    pub(crate) fn stop(&mut self) -> bool {
        let mut child = self.child.take().unwrap();
        let signalled = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        signalled.success() && child.wait().unwrap().success()
    }

    pub(crate) fn api(&self) -> Api {
        Api::at(&self.url)
    }

    /// Its settings, as variables.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.environment().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(crate) fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.setting("DUKU_METRICS_LISTEN").unwrap())
    }

    /// The URL of PostgreSQL, if that is where the data lives.
    pub(crate) fn database_url(&self) -> Option<&str> {
        self.setting("DUKU_DATABASE_URL")
    }

    /// A command of the binary with this server's settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = duku(arguments);
        command.envs(self.environment());
        command
    }

    /// Runs `duku …` to its end.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs `duku admin … --json`, which must succeed.
    #[track_caller]
    pub(crate) fn admin(&self, arguments: &[&str]) -> Value {
        let output = self.output(&[&["admin"], arguments, &["--json"]].concat());
        assert!(
            output.status.success(),
            "duku admin {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Makes the organisation Acme with its Admin.
    pub(crate) fn make_acme(&self) {
        self.admin(&["org", "create", "Acme", "--admin-email", "ada@example.org"]);
    }

    pub(crate) fn generate(&self, label: &str) -> Pair {
        Pair::of(&self.admin(&["key", "generate", "--org", "Acme", "--label", label]))
    }

    /// An access token of the Admin.
    pub(crate) fn admin_token(&self) -> String {
        let output = self.output(&["admin", "token", "--user", "ada@example.org"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
