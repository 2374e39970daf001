//! `cargo xtask bench`: how long the released binary takes for each page of a well-filled organisation, and how large the
//! page is. Promises nothing, so it does nothing unless it is told which binary and where the figures go.

use crate::{
    people::{PASSWORD, VERIFIER},
    server::Database,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::Role;
use duku::{
    app::{self, Ambient},
    settings::{GivenSettings, Urls},
};
use serde_json::{Value, json};
use service::{
    Principal, Service,
    keys::GenerateKey,
    users::{
        authorization_codes::{CodeRequest, VIEWPORT},
        sign_in::Attempt,
    },
};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use testkit::Api;

const ADMIN: &str = "ada@example.org";
const MEMBERS: usize = 50;
const PRODUCTS: usize = 1000;
const KEYS: usize = 10;
const ROUNDS: usize = 300;
const PORT: u16 = 18_231;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Fills an organisation and gives the cookie of its Admin, a key's id and a product's.
async fn fill(service: &Service, ambient: &Ambient) -> (String, String, String) {
    let ctx = ambient.background("bench");
    let acme = service.organisations().create(&ctx, "bench", "Acme", ADMIN, Some(PASSWORD)).await.unwrap();
    let operator = Principal::operator("bench", &acme);
    for number in 1..MEMBERS {
        let email = format!("member{number}@example.org");
        service.users().add_member(&ctx, &operator, &email, Role::Member).await.unwrap();
    }
    let mut subject = String::new();
    for number in 0..PRODUCTS {
        let (name, url) = (format!("Product {number}"), format!("https://product{number}.example"));
        let made = service.products().create_subject(&ctx, &operator, &name, None, Some(&url)).await.unwrap();
        subject = made.id.to_string();
    }
    let mut key = String::new();
    for number in 0..KEYS {
        let input = GenerateKey { label: format!("Integration {number}"), expires_in_days: None };
        key = service.keys().generate(&ctx, &operator, &input).await.unwrap().key.id.to_string();
    }
    let attempt = Attempt { email: ADMIN, password: PASSWORD, device: "bench" };
    let sign_in = service.users().sign_in(&ctx, attempt, None).await.unwrap().session;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(jose::sha256(VERIFIER.as_bytes()));
    let redirect_uri = service.users().viewport_redirect_uri();
    let request = CodeRequest {
        client_id: VIEWPORT,
        redirect_uri: &redirect_uri,
        challenge: &challenge,
        scope: "openid",
        nonce: None,
    };
    let code = service.users().issue_code(&ctx, &sign_in, request).await.unwrap();
    let viewport_session =
        service.users().sign_in_to_viewport(&ctx, code.expose(), VERIFIER, "bench").await.unwrap();
    (format!("duku_session={}", viewport_session.cookie.expose()), key, subject)
}

fn start(binary: &str, data_dir: &Path, database: &testkit::Database) -> Running {
    let child = Command::new(binary)
        .arg("serve")
        .env("DUKU_DATA_DIR", data_dir)
        .env("DUKU_DATABASE_URL", &database.url)
        .env("DUKU_LISTEN", format!("127.0.0.1:{PORT}"))
        .env("DUKU_METRICS_LISTEN", "off")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", PORT)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(10), "the server does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
    running
}

async fn measure(api: &Api, cookie: &str, page: &str) -> Value {
    let mut times = Vec::with_capacity(ROUNDS);
    let mut bytes = 0;
    for round in 0..ROUNDS + 50 {
        let request = api.client().get(format!("{}{page}", api.url)).header("cookie", cookie);
        let started = Instant::now();
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{page}");
        bytes = response.bytes().await.unwrap().len();
        if round >= 50 {
            times.push(started.elapsed());
        }
    }
    times.sort();
    let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1000.0;
    json!({ "page": page, "median_ms": ms(times[ROUNDS / 2]), "p99_ms": ms(times[ROUNDS * 99 / 100]), "bytes": bytes })
}

/// The processor and how many of it there are: figures mean little without.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map(|(_, name)| name);
    format!("{cores} cores, {}", model.unwrap_or("unknown processor").trim())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page() {
    let (Ok(binary), Ok(results)) = (std::env::var("DUKU_BENCH_BINARY"), std::env::var("DUKU_BENCH_RESULTS"))
    else {
        return;
    };
    let database = testkit::Database::fresh(Database::Sqlite).await;
    let data_dir = database.dir.path().to_owned();
    let given = GivenSettings {
        data_dir: Some(data_dir.clone()),
        database_url: Some(database.url.clone()),
        ..GivenSettings::default()
    };
    let settings = given.resolve(None).unwrap();
    let ambient = Ambient::system();
    let urls = Urls::resolve(&settings, format!("127.0.0.1:{PORT}").parse().unwrap()).unwrap();
    let store = app::open_store(&settings).await.unwrap();
    let service = app::open_service(&settings, store, &urls, &ambient).await.unwrap();
    let (cookie, key, subject) = fill(&service, &ambient).await;
    let _running = start(&binary, &data_dir, &database);
    let api = Api::at(format!("http://127.0.0.1:{PORT}"));
    let pages = [
        "/".to_owned(),
        format!("/p/{subject}"),
        "/settings/api-keys".to_owned(),
        "/settings/api-keys/generate".to_owned(),
        format!("/settings/api-keys/{key}"),
        "/settings/members".to_owned(),
        "/settings/organisation".to_owned(),
        "/settings/audit".to_owned(),
        "/explorer".to_owned(),
        "/account".to_owned(),
    ];
    let mut figures = Vec::new();
    for page in &pages {
        let figure = measure(&api, &cookie, page).await;
        println!("{figure}");
        figures.push(figure);
    }
    let report = json!({
        "what": "one page after the other over one connection, client and server on the same machine, SQLite",
        "machine": machine(),
        "data": { "keys": KEYS, "members": MEMBERS, "products": PRODUCTS },
        "rounds": ROUNDS,
        "pages": figures,
    });
    std::fs::write(results, format!("{report:#}\n")).unwrap();
}
