//! PostgreSQL as it runs where it must not fail: three members, one primary, a synchronous standby that takes over, and one
//! address in front. Debian's packages `patroni`, `etcd-server` and `haproxy` do the work.

use super::{ports, postgres};
use crate::{
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    process,
};
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const START: Duration = Duration::from_mins(2);
const MEMBERS: usize = 3;

/// One PostgreSQL with the process that looks after it.
#[derive(Debug)]
struct Member {
    name: String,
    /// Where Patroni tells its role.
    api: SocketAddr,
    port: u16,
    data: PathBuf,
    settings: PathBuf,
    patroni: Option<Child>,
}

/// Everything together.
#[derive(Debug)]
pub(crate) struct Patroni {
    members: Vec<Member>,
    haproxy: Option<Child>,
    etcd: Option<Child>,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Patroni {
    fn drop(&mut self) {
        // Patroni stops its PostgreSQL when it is told to end; nobody is left to tell if that fails.
        for member in &mut self.members {
            if let Some(mut patroni) = member.patroni.take() {
                let _ = process::signal(&patroni, "TERM");
                let _ = patroni.wait();
            }
        }
        for child in [&mut self.haproxy, &mut self.etcd].into_iter().filter_map(Option::take) {
            let mut child = child;
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Patroni {
    /// Starts everything and waits for a primary with a synchronous standby.
    pub(crate) async fn start() -> Outcome<Self> {
        let folder = postgres::owned_folder("duku-torture-patroni-")?;
        let etcd_port = ports::free()?;
        let mut patroni =
            Self { members: Vec::new(), haproxy: None, etcd: None, port: ports::free()?, folder };
        patroni.etcd = Some(patroni.start_etcd(etcd_port)?);
        for number in 1..=MEMBERS {
            let member = patroni.prepare(number, etcd_port)?;
            patroni.members.push(member);
        }
        for place in 0..MEMBERS {
            patroni.run(place)?;
            if place == 0 {
                patroni.wait_for("/primary").await?;
            }
        }
        patroni.haproxy = Some(patroni.start_haproxy()?);
        patroni.wait_for("/synchronous").await?;
        patroni.until_writable(START).await?;
        Ok(patroni)
    }

    /// The one address in front.
    pub(crate) fn url(&self) -> String {
        postgres::url(self.port, "postgres", "postgres")
    }

    fn spawn(&self, mut command: Command, name: &str) -> Outcome<Child> {
        let log =
            File::options().create(true).append(true).open(self.folder.path().join(name)).during(name)?;
        let errors = log.try_clone().during(name)?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().during(name)
    }

    fn start_etcd(&self, port: u16) -> Outcome<Child> {
        let (client, peer) =
            (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", ports::free()?));
        let mut command = process::bound(Path::new("etcd"), "KILL", None);
        command.arg("--data-dir").arg(self.folder.path().join("etcd")).args([
            "--name",
            "one",
            "--unsafe-no-fsync",
        ]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("one={peer}")]);
        self.spawn(command, "etcd.log")
    }

    fn prepare(&self, number: usize, etcd: u16) -> Outcome<Member> {
        let name = format!("pg{number}");
        let (api, port) = (ports::free()?, ports::free()?);
        let data = self.folder.path().join(&name);
        let settings = self.folder.path().join(format!("{name}.yml"));
        let folder = self.folder.path().display();
        let binaries = postgres::binaries()?;
        let text = format!(
            "scope: duku\nname: {name}\nrestapi: {{listen: '127.0.0.1:{api}', connect_address: '127.0.0.1:{api}'}}\n\
             etcd3: {{host: '127.0.0.1:{etcd}'}}\n\
             bootstrap:\n  dcs:\n    ttl: 20\n    loop_wait: 1\n    retry_timeout: 3\n    synchronous_mode: true\n    \
             master_start_timeout: 0\n    postgresql: {{use_pg_rewind: true, parameters: {{max_connections: 120}}}}\n  \
             initdb: [{{encoding: UTF8}}, {{locale: C}}, {{auth: trust}}]\n\
             postgresql:\n  listen: '127.0.0.1:{port}'\n  connect_address: '127.0.0.1:{port}'\n  data_dir: '{}'\n  \
             bin_dir: '{}'\n  pgpass: '{folder}/{name}.pgpass'\n  \
             authentication: {{superuser: {{username: postgres}}, replication: {{username: postgres}}, rewind: {{username: postgres}}}}\n  \
             parameters: {{unix_socket_directories: '{folder}'}}\n  \
             pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']\n",
            data.display(),
            binaries.display(),
        );
        std::fs::write(&settings, text).during(settings.display())?;
        let api = SocketAddr::from(([127, 0, 0, 1], api));
        Ok(Member { name, api, port, data, settings, patroni: None })
    }

    fn run(&mut self, place: usize) -> Outcome {
        let member = self.members.get(place).ok_or("no such member")?;
        let mut command = postgres::as_server_user(Path::new("patroni"), "TERM");
        command.arg(&member.settings);
        let child = self.spawn(command, &format!("{}.log", member.name))?;
        if let Some(member) = self.members.get_mut(place) {
            member.patroni = Some(child);
        }
        Ok(())
    }

    fn start_haproxy(&self) -> Outcome<Child> {
        let servers = self.members.iter().fold(String::new(), |text, member| {
            format!(
                "{text}  server {} 127.0.0.1:{} check port {}\n",
                member.name,
                member.port,
                member.api.port()
            )
        });
        let text = format!(
            "defaults\n  mode tcp\n  retries 1\n  timeout connect 1s\n  timeout client 1m\n  timeout server 1m\n  timeout check 1s\n\
             listen primary\n  bind 127.0.0.1:{}\n  option httpchk OPTIONS /primary\n  http-check expect status 200\n  \
             default-server inter 300ms fall 1 rise 1 on-marked-down shutdown-sessions\n{servers}",
            self.port
        );
        let settings = self.folder.path().join("haproxy.cfg");
        std::fs::write(&settings, text).during(settings.display())?;
        let mut command = process::bound(Path::new("haproxy"), "KILL", None);
        command.arg("-db").arg("-f").arg(settings);
        self.spawn(command, "haproxy.log")
    }

    /// Which member answers 200 to this question about its role.
    async fn who_is(&self, path: &str) -> Option<usize> {
        for (place, member) in self.members.iter().enumerate() {
            let answer = Client::new(member.api, Duration::from_secs(2)).send(&http::get(path)).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Some(place);
            }
        }
        None
    }

    /// Waits until some member has this role.
    pub(crate) async fn wait_for(&self, path: &str) -> Outcome<usize> {
        let started = Instant::now();
        loop {
            if let Some(place) = self.who_is(path).await {
                return Ok(place);
            }
            ensure(started.elapsed() < START, || {
                format!("nobody is {path} after {START:?}: {}", self.logs())
            })?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn logs(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("pg1.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
    }

    /// `kill -9` of the primary's PostgreSQL; with its Patroni, as when the machine is gone.
    pub(crate) async fn kill_primary(&mut self, whole_machine: bool) -> Outcome<usize> {
        let place = self.wait_for("/primary").await?;
        let member = self.members.get_mut(place).ok_or("no such member")?;
        let file = member.data.join("postmaster.pid");
        let text = std::fs::read_to_string(&file).during(file.display())?;
        let server = text.lines().next().unwrap_or_default().to_owned();
        if whole_machine && let Some(mut patroni) = member.patroni.take() {
            patroni.kill().during("killing Patroni")?;
            patroni.wait().during("waiting for Patroni")?;
        }
        process::read(Command::new("kill").args(["-9", &server]))?;
        Ok(place)
    }

    /// Starts the Patroni of a member whose machine was gone.
    pub(crate) fn bring_back(&mut self, place: usize) -> Outcome {
        let is_gone = self.members.get(place).is_some_and(|member| member.patroni.is_none());
        if is_gone { self.run(place) } else { Ok(()) }
    }

    /// How long it takes until a write succeeds at the one address.
    pub(crate) async fn until_writable(&self, limit: Duration) -> Outcome<Duration> {
        let started = Instant::now();
        loop {
            let url = self.url();
            let write = async {
                let client = postgres::connect(&url).await?;
                let sql = "CREATE TABLE IF NOT EXISTS torture_writes (at TIMESTAMPTZ); INSERT INTO torture_writes VALUES (now())";
                client.batch_execute(sql).await.during("writing")
            };
            match tokio::time::timeout(Duration::from_secs(3), write).await {
                Ok(Ok(())) => return Ok(started.elapsed()),
                failed => ensure(started.elapsed() < limit, || {
                    format!("no primary takes writes after {limit:?}: {failed:?}\n{}", self.logs())
                })?,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
