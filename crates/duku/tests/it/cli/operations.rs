//! Starting, probing, stopping, and starting in a place where it cannot work.

use crate::server::{Database, Server, duku};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Output,
    time::{Duration, Instant},
};
use testkit::Answer;

crate::on_both! {
    probes_and_metrics_tell_the_state
    a_nested_list_costs_one_statement_a_level
    a_restart_changes_nothing_for_clients
}

async fn get(server: &Server, path: &str) -> Answer {
    Answer::of(server.api().client().get(format!("{}{path}", server.url))).await
}

async fn probes_and_metrics_tell_the_state(engine: Database) {
    let server = Server::start(engine);
    server.make_acme();
    let pair = server.generate("CI");
    server.api().token(&pair).await;
    assert_eq!(get(&server, "/healthz").await.json(), json!({ "status": "ok" }));
    let ready = get(&server, "/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("ready")));
    assert_eq!(
        get(&server, "/metrics").await.status,
        StatusCode::NOT_FOUND,
        "metrics have their own listener"
    );
    assert_eq!(ready.header("x-request-id").len(), 16);
    assert_eq!(ready.header("x-content-type-options"), "nosniff");
    let metrics = Answer::of(server.api().client().get(server.metrics_url())).await.text;
    assert!(metrics.contains("duku_exchanges_total{outcome=\"granted\"} 1"), "{metrics}");
    for name in ["duku_http_request_seconds_bucket", "duku_database_seconds_bucket", "duku_active_keys"] {
        assert!(metrics.contains(name), "{name} is missing");
    }
}

async fn a_nested_list_costs_one_statement_a_level(engine: Database) {
    let server = Server::start(engine);
    server.make_acme();
    let (api, pair) = (server.api(), server.generate("CI"));
    let token = api.token(&pair).await;
    for number in 0..20 {
        let query = format!("mutation {{ createSubject(input: {{ name: \"Product {number}\" }}) {{ id }} }}");
        let product = api.graphql(&token, &query, Value::Null).await.data()["createSubject"]["id"].clone();
        let target = |key| {
            format!(
                "{key}: upsertSimulationTarget(input: {{ subjectId: {product}, buildKey: \"{key}\", name: \"{key}\", version: \"1\", environment: \"test\" }}) {{ id }}"
            )
        };
        api.graphql(&token, &format!("mutation {{ {} {} }}", target("a"), target("b")), Value::Null)
            .await
            .data();
    }
    let statements = async || {
        let text = Answer::of(api.client().get(server.metrics_url())).await.text;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("duku_database_seconds_count{operation=\"query\"} "));
        line.unwrap().parse::<u64>().unwrap()
    };
    // Background work asks, too: the least of several requests is what the request itself took.
    let mut least = u64::MAX;
    for _ in 0..10 {
        let before = statements().await;
        let data = api.graphql(&token, "{ subjects { id targets { id } } }", Value::Null).await.data();
        assert!(data["subjects"][19]["targets"][1].is_object(), "{data}");
        least = least.min(statements().await - before);
    }
    // The token is looked up when it comes and when the operation's turn has come.
    assert!((3..=4).contains(&least), "the token, the products and their targets took {least} statements");
}

async fn a_restart_changes_nothing_for_clients(engine: Database) {
    let mut server = Server::start(engine);
    server.make_acme();
    let pair = server.generate("CI");
    let api = server.api();
    let token = api.token(&pair).await;
    assert!(server.stop(), "SIGTERM ends it well");
    server.run();
    assert!(api.accepts(&token).await, "tokens outlive a restart");
    assert!(api.exchange(&pair).await.status.is_success());
    let admin = server.admin_token();
    let used = api.graphql(&admin, "{ apiKeys { lastUsedAt lastUsedFrom } }", Value::Null).await.data();
    assert_eq!(used["apiKeys"][0]["lastUsedFrom"], "127.0.0.1", "counters were written at the stop");
}

#[test]
fn a_stop_finishes_what_runs() {
    let mut server = Server::start(Database::Sqlite);
    let mut slow = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    slow.write_all(b"POST /realms/duku/protocol/openid-connect/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 8\r\n\r\ngrant").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let finishing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        slow.write_all(b"_ty").unwrap();
        let mut answer = String::new();
        slow.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(server.stop());
    let answer = finishing.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("grant_type is missing"), "{answer}");
}

/// What the server says to a raw request that never ends, until it closes the connection.
fn answer_to(server: &Server, raw: &[u8]) -> String {
    let mut slow = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    slow.write_all(raw).unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while let Ok(read @ 1..) = slow.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..read]);
        if answer.ends_with(b"}") {
            break;
        }
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn slow_senders_are_given_up() {
    let limits = [("DUKU_REQUEST_TIMEOUT_SECONDS", "1"), ("DUKU_HEADER_TIMEOUT_SECONDS", "1")];
    let server = Server::start_with(Database::Sqlite, &limits);
    let started = Instant::now();
    let token = "POST /realms/duku/protocol/openid-connect/token HTTP/1.1\r\nhost: x\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: 99\r\n\r\ngrant";
    let body = answer_to(&server, token.as_bytes());
    assert!(body.starts_with("HTTP/1.1 408") && body.contains("request_timeout"), "{body}");
    let head = answer_to(&server, b"POST /realms/duku");
    assert!(!head.contains("200"), "{head}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn silent_connections_give_their_places_back() {
    let limits = [("DUKU_CONNECTIONS", "4"), ("DUKU_HEADER_TIMEOUT_SECONDS", "1")];
    let server = Server::start_with(Database::Sqlite, &limits);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let silent: Vec<TcpStream> = [&b""[..], b"PRI * HTT", preface, b"GET /healthz HTTP/1.1\r\n"]
        .into_iter()
        .map(|first| {
            let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
            stream.write_all(first).unwrap();
            stream
        })
        .collect();
    let (started, ask) =
        (Instant::now(), b"GET /realms/duku HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    loop {
        let answer = answer_to(&server, ask);
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(started.elapsed() < Duration::from_secs(5), "every place is taken by a silent connection");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(silent);
}

/// Runs `duku serve` with these settings; it must refuse to start with one line.
#[track_caller]
fn rejects(settings: &[(&str, &str)], hint: &str) {
    let started = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    let mut command = duku(&["serve"]);
    command.env("DUKU_DATA_DIR", dir.path().join("data")).env("DUKU_LISTEN", "127.0.0.1:0");
    command.env("DUKU_METRICS_LISTEN", "off").env("DUKU_DATABASE_TIMEOUT_SECONDS", "2");
    command.envs(settings.iter().copied());
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(last.starts_with("duku: ") && last.contains(hint), "{hint}: {said}");
    assert!(!said.contains("panicked") && !said.contains("hunter2"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_start_that_cannot_work_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let short_key = "tooshort";
    let rows: [(&[(&str, &str)], &str); 16] = [
        (&[("DUKU_LISTEN", &address)], "--listen"),
        (&[("DUKU_METRICS_LISTEN", &address)], "--metrics-listen"),
        (&[("DUKU_LISTEN", "nonsense")], "--listen"),
        (&[("DUKU_DATA_DIR", "/proc/duku")], "--data-dir"),
        (&[("DUKU_DATA_DIR", "/dev/null/duku")], "--data-dir"),
        (&[("DUKU_DATABASE_URL", "mysql://x")], "sqlite:// or postgres://"),
        (&[("DUKU_DATABASE_URL", "sqlite:///nowhere/duku.db")], "cannot open"),
        (&[("DUKU_DATABASE_URL", "postgres://duku:hunter2@127.0.0.1:1/duku")], "not available"),
        (&[("DUKU_DATABASE_URL", "postgres://duku:hunter2@127.0.0.1:port/duku")], "database URL"),
        (&[("DUKU_MASTER_KEY", short_key)], "openssl rand"),
        (&[("DUKU_PUBLIC_URL", "example.org")], "--public-url"),
        (&[("DUKU_LOG", "bogus")], "--log"),
        (&[("DUKU_GRAPHQL_DEPTH", "0")], "graphql-depth"),
        (&[("DUKU_SIGNING_ALGORITHM", "HS256")], "ES256"),
        (&[("DUKU_TRUSTED_PROXIES", "proxy")], "--trusted-proxies"),
        (&[("DUKU_CONFIG", "/nowhere/duku.toml")], "/nowhere/duku.toml"),
    ];
    for (settings, hint) in rows {
        rejects(settings, hint);
    }
}

#[test]
fn data_that_does_not_fit_is_left_alone() {
    let mut server = Server::start(Database::Sqlite);
    server.make_acme();
    let pair = server.generate("CI");
    server.stop();
    let file = server.data_dir.join("duku.db");
    let data_dir = server.data_dir.display().to_string();
    let key = server.data_dir.join("master.key");
    let right = std::fs::read(&key).unwrap();

    let other = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    rejects(&[("DUKU_DATA_DIR", &data_dir), ("DUKU_MASTER_KEY", other)], "does not fit the data");
    std::fs::remove_file(&key).unwrap();
    rejects(&[("DUKU_DATA_DIR", &data_dir)], "the master key is missing");
    assert!(!key.exists(), "no new key is made for old data");
    std::fs::write(&key, &right).unwrap();
    rejects(&[("DUKU_DATA_DIR", &data_dir)], "chmod 600");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();

    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"this is no database, but it is longer than a header of one hundred bytes would be, so it is read as one").unwrap();
    rejects(&[("DUKU_DATA_DIR", &data_dir)], "no SQLite database");
    std::fs::write(&file, &whole).unwrap();
    server.run();
    let answer = tokio::runtime::Runtime::new().unwrap().block_on(server.api().exchange(&pair));
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[test]
fn the_master_key_is_made_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start(Database::Sqlite);
    let mode = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(server.data_dir.join("master.key")), 0o600);
    assert_eq!(mode(server.data_dir.join("duku.db")), 0o600);
    assert_eq!(mode(server.data_dir.clone()), 0o700);
}
