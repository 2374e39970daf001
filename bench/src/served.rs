//! A server under measurement: a process of its own on a core of its own.

use crate::Outcome;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The core of whatever is measured.
pub(crate) const SERVER_CORE: usize = 0;
/// The core of the load, and of a database server.
pub(crate) const CLIENT_CORE: usize = 1;

const PATIENCE: Duration = Duration::from_secs(30);
/// What the kernel counts processor time in (`getconf CLK_TCK`), everywhere that Linux runs.
const TICKS_PER_SECOND: f64 = 100.0;

/// Where tokens are issued.
pub(crate) const TOKEN_PATH: &str = "/realms/duku/protocol/openid-connect/token";

/// A running server; it stops with the value.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    pub(crate) address: String,
}

/// How a process has used the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// All of its resident memory, in KiB.
    pub(crate) resident_kib: u64,
    /// Without the files that are mapped into it, which are the page cache's.
    pub(crate) own_kib: u64,
    pub(crate) open_files: usize,
    /// Processor time, in seconds.
    pub(crate) processor_seconds: f64,
}

impl Served {
    /// `duku serve` as it is delivered: with limits, metrics, logs and use counters.
    pub(crate) fn duku(binary: &Path, data: &Path, port: u16, more: &[(&str, &str)]) -> Outcome<Self> {
        let mut command = pinned(binary, SERVER_CORE);
        let (address, metrics) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", port + 1000));
        command
            .arg("serve")
            .env("DUKU_DATA_DIR", data)
            .env("DUKU_LISTEN", &address)
            .env("DUKU_METRICS_LISTEN", &metrics)
            .envs(more.iter().copied());
        Self::start(command, address, "/healthz")
    }

    /// The floor on the same data.
    pub(crate) fn floor(binary: &Path, data: &Path, organisation: &str, port: u16) -> Outcome<Self> {
        Self::floor_with(binary, data, organisation, port, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn floor_with(
        binary: &Path,
        data: &Path,
        organisation: &str,
        port: u16,
        more: &[(&str, &str)],
    ) -> Outcome<Self> {
        let address = format!("127.0.0.1:{port}");
        let mut command = pinned(binary, SERVER_CORE);
        command.arg(&address).arg(data.join("duku.db")).arg(organisation).envs(more.iter().copied());
        Self::start(command, address, "/echo")
    }

    fn start(mut command: Command, address: String, probe: &str) -> Outcome<Self> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("{command:?}: {error}"))?;
        let mut served = Self { child, url: format!("http://{address}"), address };
        let started = Instant::now();
        while served.get(probe).is_err() {
            if started.elapsed() > PATIENCE || served.child.try_wait().is_ok_and(|status| status.is_some()) {
                return Err(format!("{command:?} does not serve"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(served)
    }

    /// One request on a connection of its own, without any library in between.
    pub(crate) fn get(&self, path: &str) -> Outcome<String> {
        request(&self.address, &format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"))
    }

    pub(crate) fn usage(&self) -> Outcome<Usage> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        let read =
            |name: &str| fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"));
        let status = read("status")?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
        };
        let open_files = fs::read_dir(folder.join("fd")).map_or(0, Iterator::count);
        Ok(Usage {
            resident_kib: kib("VmRSS:"),
            own_kib: kib("RssAnon:") + kib("RssShmem:"),
            open_files,
            processor_seconds: processor_seconds(self.child.id()).map_or(0.0, |(_, seconds)| seconds),
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process's parent, and the processor time that it has used so far, in seconds.
pub(crate) fn processor_seconds(process: u32) -> Option<(u32, f64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the program's name, which may hold anything: field 4 is the parent, 14 and 15 are user and system time.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: f64 = fields.get(11..13)?.iter().filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Some((fields.get(1)?.parse().ok()?, ticks / TICKS_PER_SECOND))
}

/// A command that runs on one core alone.
pub(crate) fn pinned(program: &Path, core: usize) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    // Settings of whoever runs this must not reach what is measured.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DUKU_") {
            command.env_remove(name);
        }
    }
    command
}

/// Sends one request and gives the whole answer, which must be 200.
pub(crate) fn request(address: &str, request: &str) -> Outcome<String> {
    let said = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(said)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(answer) }
}

/// Requests a token for an API key and gives the answer.
pub(crate) fn request_token(address: &str, (id, secret): &(String, String)) -> Outcome<String> {
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let head = format!(
        "POST {TOKEN_PATH} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded"
    );
    request(address, &format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// A GraphQL document's answer.
pub(crate) fn graphql(served: &Served, token: &str, query: &str) -> Outcome<serde_json::Value> {
    let body = serde_json::json!({ "query": query }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: Bearer {token}"
    );
    let answer =
        request(&served.address, &format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))
}
