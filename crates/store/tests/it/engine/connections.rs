//! PostgreSQL servers that cannot be reached, cannot be entered, go away or fall silent.

use crate::data::{Fresh, open, organisation};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use store::{Location, Options, Store, StoreError};
use testkit::{Database, Engine};

/// Enough for a busy machine to connect in, and waited for in full by few tests.
const PATIENCE: Duration = Duration::from_secs(2);
/// Stands in every URL here and must stand in no message.
const PASSWORD: &str = "hunter2";

fn options(url: &str) -> Options {
    Options { patience: PATIENCE, ..Options::new(Location::parse(url).unwrap()) }
}

async fn rejection_of(url: &str) -> StoreError {
    let started = Instant::now();
    let Err(error) = Store::open(&options(url)).await else { panic!("{url} was opened") };
    assert!(started.elapsed() < PATIENCE * 3, "{:?}", started.elapsed());
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error:?}");
    error
}

/// The test server's address.
fn server() -> (String, u16) {
    let url: String = std::env::var("DUKU_TEST_POSTGRES_URL").unwrap();
    let authority = url.rsplit_once('/').unwrap().0.rsplit_once('@').unwrap().1;
    let (host, port) = authority.rsplit_once(':').unwrap();
    (host.to_owned(), port.parse().unwrap())
}

#[tokio::test]
async fn a_closed_port_is_said_with_the_address_and_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = rejection_of(&format!("postgres://duku:{PASSWORD}@127.0.0.1:{port}/duku")).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("no connection to PostgreSQL at 127.0.0.1:{port} (Connection refused")),
        "{text}"
    );
    assert!(text.contains("check the database URL, and that the server runs"), "{text}");
}

#[tokio::test]
async fn a_wrong_database_name_is_said() {
    let (host, port) = server();
    let error = rejection_of(&format!("postgres://duku:{PASSWORD}@{host}:{port}/nowhere")).await;
    assert_eq!(
        error.to_string(),
        "PostgreSQL refused: database \"nowhere\" does not exist (3D000); check the database URL"
    );
    assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
}

/// A server that asks for the password and then rejects it, as PostgreSQL does; gives what it was sent.
fn server_that_rejects_passwords() -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        client.read_exact(&mut length).unwrap();
        client.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4]).unwrap();
        client.write_all(b"R\0\0\0\x08\0\0\0\x03").unwrap();
        let mut tag_and_length = [0; 5];
        client.read_exact(&mut tag_and_length).unwrap();
        let length = u32::from_be_bytes(tag_and_length[1..].try_into().unwrap()) as usize;
        let mut password = vec![0; length - 4];
        client.read_exact(&mut password).unwrap();
        let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"duku\"\0\0";
        client.write_all(b"E").unwrap();
        client.write_all(&(u32::try_from(fields.len()).unwrap() + 4).to_be_bytes()).unwrap();
        client.write_all(fields).unwrap();
        password
    });
    (port, serving)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_not_shown() {
    let (port, serving) = server_that_rejects_passwords();
    let error =
        rejection_of(&format!("postgres://duku:{PASSWORD}@127.0.0.1:{port}/duku?sslmode=disable")).await;
    assert_eq!(serving.join().unwrap(), b"hunter2\0");
    assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("password authentication failed for user \"duku\"")
            && text.contains("check the database URL"),
        "{text}"
    );
}

#[tokio::test]
async fn a_url_that_cannot_be_read_does_not_show_its_password() {
    for url in [
        "postgres://duku:hunter2@host:port/duku",
        "postgres://duku:hunter2@host:99999/duku",
        "postgres://duku:x@hunter2@host/duku",
        "postgres://duku:hunter2@host/duku?sslmode=hunter2",
        "postgres://duku:hunter2@host/duku?hunter2=1",
        "postgres://",
    ] {
        let error = rejection_of(url).await;
        assert!(matches!(error, StoreError::Configuration(_)), "{url}: {error:?}");
        assert!(error.to_string().contains("postgres://user:password@host:5432/duku"), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_never_says_a_word_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let error = rejection_of(&format!("postgres://duku:{PASSWORD}@127.0.0.1:{port}/duku")).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(
        error.to_string().contains(&format!("no connection to PostgreSQL at 127.0.0.1:{port} (")),
        "{error}"
    );
}

/// Ends every connection to the database but the one that asks.
async fn cut(database: &Database) {
    let sql = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(!database.sql(sql).await.is_empty(), "there was nothing to cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_cut_the_next_read_and_the_next_transaction_work() {
    let fresh = Fresh::on(Engine::Postgres).await;
    for round in 0..5 {
        let together = futures::future::join_all((0..6).map(|_| fresh.store.reader())).await;
        assert!(together.iter().all(Result::is_ok));
        drop(together);
        cut(&fresh.database).await;
        fresh.store.ping().await.unwrap();
        cut(&fresh.database).await;
        fresh.organisation(&format!("{round}")).await;
    }
    assert_eq!(fresh.read().await.organisations(None, 9).await.unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_connection_was_cut_asks_again_on_another() {
    let fresh = Fresh::on(Engine::Postgres).await;
    fresh.organisation("Acme").await;
    let mut reader = fresh.read().await;
    for _ in 0..3 {
        assert_eq!(reader.organisations(None, 9).await.unwrap().len(), 1);
        cut(&fresh.database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_connection_was_cut_is_never_tried_again() {
    let fresh = Fresh::on(Engine::Postgres).await;
    for before_commit in [false, true] {
        let mut transaction = fresh.begin().await;
        transaction.insert_organisation(&organisation("Acme")).await.unwrap();
        cut(&fresh.database).await;
        let failed = if before_commit {
            transaction.commit().await.unwrap_err()
        } else {
            let failed = transaction.insert_organisation(&organisation("Globex")).await.unwrap_err();
            transaction.commit().await.unwrap_err();
            failed
        };
        assert!(matches!(failed, StoreError::Unavailable(_)), "{failed:?}");
        assert!(fresh.read().await.organisations(None, 9).await.unwrap().is_empty());
    }
}

/// A way to the server that can be frozen: bytes are neither passed on nor rejected.
fn freezable_way() -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let frozen = Arc::new(AtomicBool::new(false));
    let flag = frozen.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = TcpStream::connect(server()).unwrap();
            pump(client.try_clone().unwrap(), server.try_clone().unwrap(), flag.clone());
            pump(server, client, flag.clone());
        }
    });
    (port, frozen)
}

fn pump(mut from: TcpStream, mut to: TcpStream, frozen: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            while frozen.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_given_up_and_comes_back() {
    let fresh = Fresh::on(Engine::Postgres).await;
    let (port, frozen) = freezable_way();
    let name = fresh.database.url.rsplit_once('/').unwrap().1;
    let store = Store::open(&options(&format!("postgres://duku@127.0.0.1:{port}/{name}"))).await.unwrap();
    let mut reader = store.reader().await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    frozen.store(true, Ordering::Relaxed);
    let started = Instant::now();
    let (read, write) = tokio::join!(reader.meta("row"), transaction.set_meta("row", "value"));
    for error in [read.map(drop).unwrap_err(), write.unwrap_err()] {
        assert_eq!(error.to_string(), "the database is not available: PostgreSQL does not answer");
    }
    assert!((PATIENCE..PATIENCE * 3 / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
    transaction.commit().await.unwrap_err();
    frozen.store(false, Ordering::Relaxed);
    store.ping().await.unwrap();
    assert_eq!(reader.meta("row").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_not_available_until_it_does() {
    let fresh = Fresh::on(Engine::Postgres).await;
    let name = fresh.database.url.rsplit_once('/').unwrap().1;
    let set = async |value: &str| {
        let change = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        fresh.database.sql(&format!("BEGIN READ WRITE; {change}; COMMIT")).await;
    };
    set("on").await;
    cut(&fresh.database).await;
    let error = fresh.store.ping().await.unwrap_err();
    assert!(error.to_string().contains("PostgreSQL takes no writes"), "{error}");
    set("off").await;
    fresh.store.ping().await.unwrap();
}

#[tokio::test]
async fn whoever_finds_every_connection_busy_waits_no_longer_than_the_patience() {
    let database = Database::fresh(Engine::Postgres).await;
    let store = Store::open(&Options { pool_size: 1, ..options(&database.url) }).await.unwrap();
    let busy = store.reader().await.unwrap();
    let started = Instant::now();
    let Err(error) = store.reader().await else { panic!("a second connection") };
    assert_eq!(error.to_string(), "the database is not available: every connection to PostgreSQL is busy");
    assert!((PATIENCE..PATIENCE * 2).contains(&started.elapsed()), "{:?}", started.elapsed());
    drop(busy);
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_transaction_gives_its_connection_back() {
    let database = Database::fresh(Engine::Postgres).await;
    let store = Store::open(&Options { pool_size: 1, ..options(&database.url) }).await.unwrap();
    let sql =
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let before = database.sql(sql).await;
    for number in 0..20 {
        let mut transaction = store.begin().await.unwrap();
        transaction.insert_organisation(&organisation(&format!("{number}"))).await.unwrap();
        drop(transaction);
    }
    assert!(store.reader().await.unwrap().organisations(None, 9).await.unwrap().is_empty());
    let mut after = database.sql(sql).await;
    // The connection that looked before may take a moment to go.
    for _ in 0..100 {
        if after == before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        after = database.sql(sql).await;
    }
    assert_eq!((after.len(), &after), (1, &before));
}

#[tokio::test]
async fn settings_in_the_url_stay() {
    let database = Database::fresh(Engine::Postgres).await;
    database.sql("CREATE SCHEMA apart").await;
    let url = format!("{}?options=-c%20search_path%3Dapart", database.url);
    Store::open(&options(&url)).await.unwrap().ping().await.unwrap();
    assert!(database.tables().await.is_empty());
    let sql = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'apart'";
    assert!(database.number(sql).await > 10);
    // The limits are set besides.
    let store = open(&database).await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn an_authority_file_without_certificates_is_rejected() {
    let database = Database::fresh(Engine::Postgres).await;
    let file = database.dir.path().join("ca.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let missing = database.dir.path().join("missing.pem");
    for (path, reason) in [(file, "the file holds none"), (missing, "No such file or directory")] {
        let options = Options { certificate_authority: Some(path.clone()), ..options(&database.url) };
        let Err(error) = Store::open(&options).await else { panic!("opened") };
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot use the certificates in {}: ", path.display())), "{text}");
        assert!(text.contains(reason), "{text}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_rejected_when_the_url_asks_for_tls() {
    let database = Database::fresh(Engine::Postgres).await;
    let error = rejection_of(&format!("{}?sslmode=require", database.url)).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("TLS"), "{error}");
}
