//! One `duku serve`, as a process of its own.

use super::ports;
use crate::{
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    process,
};
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long a node may take to become ready, also in a build without optimisation on a busy machine.
const START: Duration = Duration::from_mins(1);
/// How long a request may take before a client gives it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node, running or not.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    metrics: SocketAddr,
    pub(crate) log: PathBuf,
    program: PathBuf,
    environment: Vec<(String, String)>,
    /// What stands before the program, like `faketime` or `taskset`.
    prefix: Vec<String>,
    child: Option<Child>,
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.kill();
    }
}

/// A command of the product that inherits no setting of the person who runs this.
pub(crate) fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("DUKU_") {
            command.env_remove(&name);
        }
    }
    command
}

impl Node {
    /// A node that does not run yet; its log is in `folder`.
    pub(crate) fn new(
        name: &str,
        program: &Path,
        folder: &Path,
        environment: &[(String, String)],
    ) -> Outcome<Self> {
        let (port, metrics) = (ports::free()?, ports::free()?);
        let mut environment = environment.to_vec();
        environment.push(("DUKU_LISTEN".to_owned(), format!("127.0.0.1:{port}")));
        environment.push(("DUKU_METRICS_LISTEN".to_owned(), format!("127.0.0.1:{metrics}")));
        // All clients here have one address.
        environment.push(("DUKU_CONNECTIONS_PER_ADDRESS".to_owned(), "1000000".to_owned()));
        Ok(Self {
            name: name.to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            metrics: SocketAddr::from(([127, 0, 0, 1], metrics)),
            log: folder.join(format!("{name}.log")),
            program: program.to_owned(),
            environment,
            prefix: Vec::new(),
            child: None,
        })
    }

    /// A setting from the next start on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// What stands before the program from the next start on.
    pub(crate) fn set_prefix(&mut self, words: &[&str]) {
        self.prefix = words.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Starts the process and waits until it is ready.
    pub(crate) async fn start(&mut self) -> Outcome {
        self.spawn()?;
        self.wait_until_ready(START).await
    }

    /// Starts the process.
    pub(crate) fn spawn(&mut self) -> Outcome {
        let log = File::options().create(true).append(true).open(&self.log).during(self.log.display())?;
        let mut command = match self.prefix.split_first() {
            None => process::bound(&self.program, "KILL", None),
            Some((first, rest)) => {
                let mut command = process::bound(Path::new(first), "KILL", None);
                command.args(rest).arg(&self.program);
                command
            }
        };
        clean(&mut command).arg("serve").envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().during("starting a node")?);
        Ok(())
    }

    /// Waits until `/readyz` says so.
    pub(crate) async fn wait_until_ready(&mut self, limit: Duration) -> Outcome {
        let started = Instant::now();
        loop {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait().during("looking after a node")?
            {
                return Err(format!("{} ended at once ({status}): {}", self.name, self.last_lines()));
            }
            if self.readiness().await.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            ensure(started.elapsed() < limit, || {
                format!("{} is not ready within {limit:?}: {}", self.name, self.last_lines())
            })?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What `/readyz` says.
    pub(crate) async fn readiness(&self) -> Result<http::Answer, http::Lost> {
        self.client().send(&http::get("/readyz")).await
    }

    /// A metric's value, summed over its labels.
    pub(crate) async fn metric(&self, name: &str) -> Outcome<f64> {
        let answer = Client::new(self.metrics, PATIENCE).send(&http::get("/metrics")).await;
        let text = answer.during("reading metrics")?.text();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            (series.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok()).flatten()
        });
        Ok(values.sum())
    }

    pub(crate) const fn client(&self) -> Client {
        Client::new(self.address, PATIENCE)
    }

    /// A figure of the process's status, in KiB (proc(5)).
    pub(crate) fn status_kib(&self, name: &str) -> Outcome<u64> {
        let status = format!("/proc/{}/status", self.pid().ok_or("the node does not run")?);
        let text = std::fs::read_to_string(&status).during(&status)?;
        let prefix = format!("{name}:");
        let line = text.lines().find_map(|line| line.strip_prefix(prefix.as_str())).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().during(format!("{name} of {status}"))
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) -> Outcome {
        if let Some(mut child) = self.child.take() {
            child.kill().during("killing a node")?;
            child.wait().during("waiting for a killed node")?;
        }
        Ok(())
    }

    /// SIGTERM; the process goes on ending.
    pub(crate) fn terminate(&self) -> Outcome {
        self.child.as_ref().map_or(Ok(()), |child| process::signal(child, "TERM"))
    }

    /// Waits for the end that a signal brought about.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        let Some(mut child) = self.child.take() else { return Err(format!("{} does not run", self.name)) };
        let status = process::ended(&mut child, limit).await;
        if status.is_err() {
            self.child = Some(child);
        }
        status
    }

    /// The end of the log, for a complaint.
    pub(crate) fn last_lines(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
    }
}
