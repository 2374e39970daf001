//! PgBouncer between the store and PostgreSQL.

use crate::{
    data::{Fresh, key, organisation},
    engine::migrations::older_data,
};
use domain::authority::ManageKeys;
use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use store::{Location, Options, Pooler, Store, StoreError};
use testkit::{Database, Engine};

/// A pooler, and the folder with its configuration.
struct PgBouncer {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl PgBouncer {
    /// In front of the test server. `extra` are lines of its configuration.
    fn start(mode: &str, extra: &str) -> Self {
        let server = std::env::var("DUKU_TEST_POSTGRES_URL").unwrap();
        let authority = server.rsplit_once('/').unwrap().0.rsplit_once('@').unwrap().1;
        let (host, server_port) = authority.rsplit_once(':').unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={server_port} user=duku\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\nmax_client_conn = 500\n{extra}\n"
        );
        std::fs::write(&file, text).unwrap();
        let process = command(folder.path()).arg(&file).spawn().unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, port, folder }
    }

    fn url(&self, database: &Database) -> String {
        let name = database.url.rsplit_once('/').unwrap().1;
        format!("postgres://duku@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    fn options(&self, database: &Database, pooler: Pooler) -> Options {
        let url = self.url(database);
        Options { pooler, patience: Duration::from_secs(2), ..Options::new(Location::parse(&url).unwrap()) }
    }

    /// Takes another mode for what connects from now on.
    fn change_mode(&self, from: &str, to: &str) {
        let file = self.folder.path().join("pgbouncer.ini");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(&format!("pool_mode = {from}"), &format!("pool_mode = {to}")))
            .unwrap();
        let hup = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status().unwrap();
        assert!(hup.success());
    }
}

/// PgBouncer does not run as root, and must not outlive the test.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() == b"0" {
        let owned = Command::new("chown").arg("-R").arg("nobody:").arg(folder).status().unwrap();
        assert!(owned.success());
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    command.arg("pgbouncer").arg("-q").current_dir(std::env::temp_dir());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

const IGNORED: &str = "ignore_startup_parameters = options,extra_float_digits";

async fn rejection(options: &Options) -> String {
    let Err(error) = Store::open(options).await else { panic!("opened") };
    assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_is_not_what_the_settings_say_is_rejected_with_the_cure() {
    let database = Database::fresh(Engine::Postgres).await;
    for (mode, extra, pooler, said) in [
        ("transaction", "", Pooler::None, "unsupported startup parameter: options"),
        ("session", "", Pooler::None, "unsupported startup parameter: options"),
        ("transaction", IGNORED, Pooler::None, "statement_timeout should be 2000 ms"),
        ("session", IGNORED, Pooler::None, "statement_timeout should be 2000 ms"),
        ("transaction", "", Pooler::Session, "a connection pooler in transaction mode stands between"),
        ("transaction", "default_pool_size = 1", Pooler::Session, "a connection pooler in transaction mode"),
    ] {
        let pgbouncer = PgBouncer::start(mode, extra);
        let text = rejection(&pgbouncer.options(&database, pooler)).await;
        assert!(text.contains(said), "{mode} {extra} {pooler:?}: {text}");
        assert!(text.contains("set database_pooler to \"transaction\" or \"session\""), "{text}");
        assert!(text.contains("connect to PostgreSQL directly"), "{text}");
    }
    assert!(database.tables().await.is_empty(), "something was written before the check");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_statement_mode_is_rejected() {
    let database = Database::fresh(Engine::Postgres).await;
    let pgbouncer = PgBouncer::start("statement", "");
    let Err(error) = Store::open(&pgbouncer.options(&database, Pooler::Transaction)).await else {
        panic!("opened")
    };
    assert!(error.to_string().contains("transaction"), "{error}");
}

/// Two stores through one pooler with fewer backends than connections, as two nodes, and a program of somebody else.
async fn two_nodes_work(pool_mode: &str, pooler: Pooler, extra: &str) {
    let database = Database::fresh(Engine::Postgres).await;
    let pgbouncer = PgBouncer::start(pool_mode, extra);
    let options = pgbouncer.options(&database, pooler);
    let store = Store::open(&options).await.unwrap();
    let other = Store::open(&options).await.unwrap();
    let fresh = Fresh { database, store };
    let mut tasks = Vec::new();
    for number in 0..12 {
        let (store, other) = (fresh.store.clone(), other.clone());
        let name = format!("Organisation {number}");
        tasks.push(tokio::spawn(async move {
            let made = organisation(&name);
            let mut transaction = store.begin().await.unwrap();
            transaction.insert_organisation(&made).await.unwrap();
            transaction.commit().await.unwrap();
            for _ in 0..20 {
                let mut reader = other.reader().await.unwrap();
                let found = reader.find_organisation(&made.id).await.unwrap().unwrap();
                assert_eq!((found.id, found.name), (made.id.clone(), made.name.clone()));
                drop(store.begin().await.unwrap());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let acme = fresh.organisation("Acme").await;
    let made = key(&acme, 90);
    let mut transaction = fresh.begin_for::<ManageKeys>(&acme.id).await;
    transaction.insert_key(&made).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(other.reader().await.unwrap().find_key(&made.id).await.unwrap(), Some(made.clone()));
    let asked = (0..50).map(|_| other.find_key_for_issuance(&made.id, "kid"));
    for found in futures::future::join_all(asked).await {
        assert_eq!(found.unwrap().unwrap().credential_state.secret, made.secret.digest);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_the_backends_of_a_pooler_in_transaction_mode() {
    two_nodes_work("transaction", Pooler::Transaction, "default_pool_size = 3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_work_through_a_pooler_in_session_mode() {
    two_nodes_work("session", Pooler::Session, "default_pool_size = 40").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_through_a_pooler_have_their_limits_and_leave_none_behind() {
    let database = Database::fresh(Engine::Postgres).await;
    let pgbouncer = PgBouncer::start("transaction", "default_pool_size = 1");
    let options = pgbouncer.options(&database, Pooler::Transaction);
    let store = Store::open(&options).await.unwrap();
    let acme = organisation("Acme");
    let mut transaction = store.begin().await.unwrap();
    transaction.insert_organisation(&acme).await.unwrap();
    transaction.commit().await.unwrap();
    let held = database.hold("SELECT * FROM organisations FOR UPDATE").await;
    let started = Instant::now();
    let mut transaction = store.begin().await.unwrap();
    let rejected = transaction.lock_organisation(&acme.id).await.map(drop).unwrap_err();
    assert!(matches!(rejected, StoreError::Unavailable(_)), "{rejected:?}");
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(4)).contains(&started.elapsed()),
        "{:?}",
        started.elapsed()
    );
    drop((held, transaction));
    // Whoever gets the one backend next finds its own limits.
    let client = testkit::connect(&pgbouncer.url(&database)).await;
    for setting in ["statement_timeout", "lock_timeout"] {
        let row = client.query_typed_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), "0", "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_through_a_pooler_have_their_limits_too() {
    let database = Database::fresh(Engine::Postgres).await;
    let pgbouncer = PgBouncer::start("transaction", "");
    let store = Store::open(&pgbouncer.options(&database, Pooler::Transaction)).await.unwrap();
    let held = database.hold("LOCK TABLE organisations").await;
    let started = Instant::now();
    let error = store.reader().await.unwrap().organisations(None, 9).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("timeout"), "the server did not end it: {error}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    assert_eq!(database.number(waiting).await, 0, "the statement still waits");
    drop(held);
    store.ping().await.unwrap();
}

/// Somebody sets the pooler to another mode while nodes run: they close, and open when it is set back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_loses_sessions_later_closes_the_store() {
    let database = Database::fresh(Engine::Postgres).await;
    let pgbouncer = PgBouncer::start("session", "default_pool_size = 40");
    let store = Store::open(&pgbouncer.options(&database, Pooler::Session)).await.unwrap();
    store.ping().await.unwrap();
    // Connections end, and those that come then are of the other mode.
    pgbouncer.change_mode("session", "transaction");
    let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.sql(cut).await;
    let started = Instant::now();
    let closed = loop {
        assert!(started.elapsed() < Duration::from_secs(30), "the store stays open");
        let asked = (0..40).map(|number| {
            let store = store.clone();
            async move {
                if number % 2 == 0 {
                    return store.ping().await;
                }
                let mut transaction = store.begin().await?;
                transaction.insert_organisation(&organisation(&format!("{number}"))).await
            }
        });
        let answers = futures::future::join_all(asked).await;
        let lost = answers.into_iter().filter_map(Result::err);
        if let Some(error) = lost.into_iter().find(|error| error.to_string().contains("pooler")) {
            break error;
        }
    };
    assert!(closed.is_temporary(), "{closed:?}");
    let error = store.ping().await.unwrap_err();
    assert!(error.to_string().contains("transaction mode"), "{error}");
    assert!(store.reader().await.err().unwrap().to_string().contains("transaction mode"));
    pgbouncer.change_mode("transaction", "session");
    database.sql(cut).await;
    let started = Instant::now();
    while let Err(error) = store.ping().await {
        assert!(started.elapsed() < Duration::from_secs(30), "the store stays closed: {error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.begin().await.unwrap().insert_organisation(&organisation("Acme")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_data_are_migrated_through_a_pooler_of_either_mode() {
    for (mode, pooler) in [("session", Pooler::Session), ("transaction", Pooler::Transaction)] {
        let database = older_data(Engine::Postgres, 1).await;
        // What an interrupted building leaves.
        let left = "CREATE UNIQUE INDEX CONCURRENTLY api_keys_by_expiry ON api_keys (token_epoch)";
        testkit::connect(&database.url).await.batch_execute(left).await.unwrap_err();
        let pgbouncer = PgBouncer::start(mode, "");
        Store::open(&pgbouncer.options(&database, pooler)).await.unwrap();
        let valid = "SELECT COUNT(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                     WHERE c.relname = 'api_keys_by_expiry' AND i.indisvalid AND NOT i.indisunique";
        assert_eq!(database.number(valid).await, 1, "{mode}");
    }
}
