//! `duku doctor` and a PostgreSQL that cannot serve: each state has its line, and its cure is run.

use crate::{
    doctor::patient::{Diagnosis, command_in},
    server::{duku, free_port},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Debian keeps the binaries of each version in a folder of its own.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path());
    versions.map(|folder| folder.join("bin").join(name)).filter(|program| program.is_file()).max().unwrap()
}

/// A program of PostgreSQL, which refuses to run as root, and never longer than this test.
fn as_server_user(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig", "KILL"]);
    command.arg(program(name)).args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

#[track_caller]
fn done(command: &mut Command) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server of the test's own.
struct Postgres {
    dir: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Postgres {
    fn folder() -> TempDir {
        let dir = TempDir::with_prefix("duku-test-pg-").unwrap();
        done(Command::new("chown").arg("nobody:").arg(dir.path()));
        dir
    }

    fn start() -> Self {
        let dir = Self::folder();
        let data = dir.path().join("data");
        let options =
            ["--username=duku", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"];
        done(as_server_user("initdb", &options).arg(&data));
        let mut postgres = Self { dir, port: free_port(), server: None };
        postgres.run();
        postgres.psql("postgres", "CREATE ROLE app LOGIN");
        postgres.psql("postgres", "CREATE DATABASE duku OWNER app");
        postgres
    }

    /// A server that follows this one.
    fn standby(&self) -> Self {
        let dir = Self::folder();
        let data = dir.path().join("data");
        let url = self.url("duku", "postgres");
        let options = ["--write-recovery-conf", "--checkpoint=fast", "--dbname", &url, "--pgdata"];
        done(as_server_user("pg_basebackup", &options).arg(&data));
        let mut standby = Self { dir, port: free_port(), server: None };
        standby.run();
        standby
    }

    fn run(&mut self) {
        let log = fs::File::create(self.dir.path().join("log")).unwrap();
        let (folder, port) = (self.dir.path().to_str().unwrap(), self.port.to_string());
        let data = format!("{folder}/data");
        let options = ["-D", &data, "-k", folder, "-h", "127.0.0.1", "-p", &port];
        self.server = Some(as_server_user("postgres", &options).stderr(log).spawn().unwrap());
        let started = Instant::now();
        let url = self.url("duku", "postgres");
        let answers = || {
            let mut ask = Command::new(program("psql"));
            ask.args([&url, "-c", "SELECT 1"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        };
        while !answers() {
            assert!(started.elapsed() < Duration::from_mins(1), "PostgreSQL did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let _ = Command::new("kill").args(["-INT", &server.id().to_string()]).status();
        let _ = server.wait();
    }

    fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    #[track_caller]
    fn psql(&self, database: &str, sql: &str) {
        done(
            Command::new(program("psql"))
                .args([&self.url("duku", database), "-qc", sql])
                .stdout(Stdio::null()),
        );
    }
}

/// A node's own folder, and the commands that it runs.
struct Node(TempDir);

impl Node {
    fn new() -> Self {
        Self(TempDir::with_prefix("duku-test-").unwrap())
    }

    fn command(&self, postgres: &Postgres, arguments: &[&str]) -> Command {
        let data = self.0.path().join("data");
        let mut command = duku(arguments);
        command.env("DUKU_DATA_DIR", data).env("DUKU_LISTEN", "127.0.0.1:0");
        command.env("DUKU_METRICS_LISTEN", "127.0.0.1:0").env("DUKU_DATABASE_CONNECTIONS", "2");
        command.env("DUKU_DATABASE_URL", postgres.url("app", "duku"));
        command
    }

    fn doctor(&self, postgres: &Postgres) -> Diagnosis {
        Diagnosis::of(&self.command(postgres, &["doctor", "--json"]).output().unwrap())
    }

    #[track_caller]
    fn make_acme(&self, postgres: &Postgres) {
        let create = ["admin", "org", "create", "Acme", "--admin-email", "ada@example.org"];
        done(self.command(postgres, &create).stdout(Stdio::null()));
        self.doctor(postgres).is_content_with("database");
    }
}

#[test]
fn a_standby_is_named_and_can_be_promoted() {
    let (primary, node) = (Postgres::start(), Node::new());
    node.make_acme(&primary);
    let standby = primary.standby();
    let cure = node.doctor(&standby).cure("database", "fail", "it is a standby");
    assert!(cure.contains("name the primary in --database-url"), "{cure}");
    node.doctor(&primary).is_content_with("database");
    let promote = command_in(&cure, "SELECT pg_promote(");
    standby.psql("postgres", &format!("{promote})"));
    node.doctor(&standby).is_content_with("database");
}

/// Connections of others, for as long as this lives.
struct Burst(Vec<Child>);

impl Burst {
    fn of(postgres: &Postgres, count: usize) -> Self {
        let url = postgres.url("app", "duku");
        let hold = || {
            let mut psql = Command::new(program("psql"));
            psql.args([&url, "-qc", "SELECT pg_sleep(120)"]).stdout(Stdio::null()).stderr(Stdio::null());
            psql.spawn().unwrap()
        };
        let burst = Self((0..count).map(|_| hold()).collect());
        std::thread::sleep(Duration::from_millis(700));
        burst
    }
}

impl Drop for Burst {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_server_without_a_free_connection_is_named_and_each_cure_helps() {
    let (mut postgres, node) = (Postgres::start(), Node::new());
    node.make_acme(&postgres);
    postgres.psql("postgres", "ALTER SYSTEM SET max_connections = 8");
    postgres.stop();
    postgres.run();
    let burst = Burst::of(&postgres, 5);
    let cure = node.doctor(&postgres).cure("database", "fail", "takes no more connections");
    for part in [
        "end connections that nobody needs",
        "lower --database-connections",
        "raise the server's max_connections",
    ] {
        assert!(cure.contains(part), "{cure}");
    }
    postgres
        .psql("postgres", &command_in(&cure, "SELECT * FROM pg_stat_activity").replace(" shows them", ""));
    postgres.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
    );
    node.doctor(&postgres).is_content_with("database");
    drop(burst);
    let burst = Burst::of(&postgres, 5);
    node.doctor(&postgres).cure("database", "fail", "takes no more connections");
    drop(burst);
    postgres.psql("postgres", "ALTER SYSTEM SET max_connections = 40");
    postgres.stop();
    postgres.run();
    let _crowd = Burst::of(&postgres, 5);
    node.doctor(&postgres).is_content_with("database");
}

/// Restores with PostgreSQL's tools, as the page Backup and restore has it.
#[track_caller]
fn restore(postgres: &Postgres, node: &Node, dump: &Path, cure: &str) {
    let options = command_in(cure, "pg_restore").replace("pg_restore ", "");
    let mut command = Command::new(program("pg_restore"));
    command.args(options.split(' ')).arg("--dbname").arg(postgres.url("duku", "duku")).arg(dump);
    done(command.stdout(Stdio::null()));
    let end = command_in(cure, "duku admin end-all-access").replace(" before they start again", "");
    let words: Vec<_> = end.split(' ').skip(1).collect();
    done(node.command(postgres, &words).stdout(Stdio::null()));
}

#[test]
fn dropped_tables_and_a_tampered_audit_log_are_named_and_restored() {
    let (postgres, node) = (Postgres::start(), Node::new());
    node.make_acme(&postgres);
    let dump = postgres.dir.path().join("duku.dump");
    let url = postgres.url("duku", "duku");
    done(Command::new(program("pg_dump")).args(["--format=custom", "--file"]).arg(&dump).arg(&url));
    for (sql, check, words) in [
        ("DROP TABLE targets", "database", "targets"),
        ("DROP TABLE schema_migrations", "database", "schema_migrations"),
        ("DROP TABLE meta CASCADE", "database", "meta"),
        ("ALTER TABLE mails DROP COLUMN attempts", "database", "attempts"),
        ("DROP TRIGGER audit_events_never_change ON audit_events", "database", "audit_events_never_change"),
        (
            "ALTER TABLE audit_events DISABLE TRIGGER audit_events_never_change; UPDATE audit_events SET actor_name = 'eve'; \
             ALTER TABLE audit_events ENABLE TRIGGER audit_events_never_change",
            "audit log",
            "was changed",
        ),
    ] {
        postgres.psql("duku", sql);
        let cure = node.doctor(&postgres).cure(check, "fail", words);
        restore(&postgres, &node, &dump, &cure);
        node.doctor(&postgres).is_content_with(check);
    }
}

#[test]
fn a_database_that_is_empty_beside_an_old_master_key_or_gone_is_named() {
    let (mut postgres, node) = (Postgres::start(), Node::new());
    node.make_acme(&postgres);
    let mut elsewhere = node.command(&postgres, &["doctor", "--json"]);
    elsewhere.env("DUKU_DATABASE_URL", postgres.url("duku", "postgres"));
    let cure = Diagnosis::of(&elsewhere.output().unwrap()).cure(
        "database",
        "fail",
        "is the master key of an installation",
    );
    assert!(cure.contains("name the right place") && cure.contains("pg_restore"), "{cure}");
    node.doctor(&postgres).is_content_with("database");
    postgres.stop();
    let cure = node.doctor(&postgres).cure("database", "fail", "no connection to PostgreSQL");
    assert!(cure.contains("check that PostgreSQL runs"), "{cure}");
    postgres.run();
    node.doctor(&postgres).is_content_with("database");
    let key = node.0.path().join("data/master.key");
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn settings_of_the_server_that_lose_data_are_named_and_set_right() {
    let (mut postgres, node) = (Postgres::start(), Node::new());
    node.make_acme(&postgres);
    for setting in ["fsync", "synchronous_commit"] {
        postgres.psql("postgres", &format!("ALTER SYSTEM SET {setting} = off"));
        postgres.stop();
        postgres.run();
        let cure = node.doctor(&postgres).cure("database", "fail", "on the disk");
        assert!(cure.contains("set fsync = on and synchronous_commit = on"), "{cure}");
        postgres.psql("postgres", &format!("ALTER SYSTEM SET {setting} = on"));
        postgres.stop();
        postgres.run();
        node.doctor(&postgres).is_content_with("database");
    }
    let greedy = |connections: &str| {
        let mut command = node.command(&postgres, &["doctor", "--json"]);
        Diagnosis::of(&command.env("DUKU_DATABASE_CONNECTIONS", connections).output().unwrap())
    };
    let cure = greedy("90").cure("database", "warn", "one node takes up to 90");
    assert!(cure.contains("lower --database-connections"), "{cure}");
    greedy("9").is_content_with("database");
}
