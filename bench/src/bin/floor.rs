//! The floor: a bare axum server that does only the work that nobody can leave out, to measure the product against.
//!
//! * `POST /token`: parses the form, reads one row by its primary key, digests and compares, signs, answers JSON;
//! * `POST /assertion`: the same with the workload's token that is verified instead of a secret, and one durable insert if it has a `jti`;
//! * `POST /subjects`: reads the rows of one organisation's products and writes the JSON that the GraphQL API answers;
//! * `GET /echo`: HTTP alone.
//!
//! Both read the product's own data file. Nothing is checked that the product checks besides: no limits, no logs, no counters.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench may fail loudly, and has a clock"
)]

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey,
        RSA_PKCS1_2048_8192_SHA256,
    },
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, Response, StatusCode, header},
    routing::{get, post},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use serde::Serialize;
use std::{
    cell::OnceCell,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

const FIND: &str = "SELECT secret_digest, organisation_id, organisation_name, expires_at_ms, token_epoch FROM api_keys WHERE id = ?1";
const USED: &str =
    "CREATE TABLE IF NOT EXISTS floor_assertions (jti TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID";
const USE_UP: &str = "INSERT INTO floor_assertions (jti) VALUES (?1) ON CONFLICT DO NOTHING";
const SUBJECTS: &str = "SELECT id, name FROM subjects WHERE organisation_id = ?1 ORDER BY id LIMIT 100";

struct Floor {
    file: PathBuf,
    signer: EcdsaKeyPair,
    /// What verifies workloads' tokens.
    issuer: Option<ParsedPublicKey>,
    random: SystemRandom,
    header: String,
    organisation: String,
}

thread_local! {
    static CONNECTION: OnceCell<Connection> = const { OnceCell::new() };
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    client_id: &'a str,
    azp: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    scope: &'a str,
    org_id: &'a str,
    org_name: &'a str,
    token_epoch: i64,
}

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'a str,
    scope: &'a str,
    refresh_expires_in: u64,
    #[serde(rename = "not-before-policy")]
    not_before_policy: u64,
    client_secret_expires_at: i64,
}

#[derive(Serialize)]
struct Subject {
    id: String,
    name: String,
}

#[derive(Serialize)]
struct Data {
    data: Subjects,
}

#[derive(Serialize)]
struct Subjects {
    subjects: Vec<Subject>,
}

impl Floor {
    fn with_connection<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        CONNECTION.with(|cell| {
            work(cell.get_or_init(|| {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&self.file, flags).expect("the data file opens");
                connection.pragma_update(None, "mmap_size", 64_i64 << 30).expect("memory is mapped");
                connection
            }))
        })
    }

    fn token(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (mut id, mut secret, mut grant) = (None, None, None);
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "client_id" => id = Some(value),
                "client_secret" => secret = Some(value),
                "grant_type" => grant = Some(value),
                _ => {}
            }
        }
        let (id, secret) = (id?, secret?);
        if grant? != "client_credentials" {
            return None;
        }
        let (stored, organisation, name, expires_ms, epoch) = self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(FIND).expect("the statement fits");
            statement
                .query_row([&*id], |row| {
                    let digest: Vec<u8> = row.get(0)?;
                    let (organisation, name): (String, String) = (row.get(1)?, row.get(2)?);
                    Ok((digest, organisation, name, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?))
                })
                .optional()
                .expect("the row is read")
        })?;
        let given = digest(&SHA256, secret.as_bytes());
        verify_slices_are_equal(given.as_ref(), &stored).ok()?;
        self.issue(&id, &organisation, &name, expires_ms, epoch)
    }

    fn assertion(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (mut id, mut assertion) = (None, None);
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "client_id" => id = Some(value),
                "client_assertion" => assertion = Some(value),
                _ => {}
            }
        }
        let (id, assertion) = (id?, assertion?);
        let (message, signature) = assertion.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.issuer.as_ref()?.verify_sig(message.as_bytes(), &signature).ok()?;
        let payload = BASE64_URL_SAFE_NO_PAD.decode(message.split_once('.')?.1).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
        if claims.get("sub")? != "workload" || claims.get("aud")? != "bench" {
            return None;
        }
        let found = self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(FIND).expect("the statement fits");
            let row = statement.query_row([&*id], |row| {
                let (organisation, name): (String, String) = (row.get(1)?, row.get(2)?);
                Ok((organisation, name, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?))
            });
            let row = row.optional().expect("the row is read");
            if let Some(jti) = claims.get("jti").and_then(serde_json::Value::as_str) {
                let mut insert = connection.prepare_cached(USE_UP).expect("the statement fits");
                if insert.execute([jti]).expect("the row is written") == 0 {
                    return None;
                }
            }
            row
        });
        let (organisation, name, expires_ms, epoch) = found?;
        self.issue(&id, &organisation, &name, expires_ms, epoch)
    }

    fn issue(
        &self,
        id: &str,
        organisation: &str,
        name: &str,
        expires_ms: i64,
        epoch: i64,
    ) -> Option<Vec<u8>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let mut jti = [0; 16];
        self.random.fill(&mut jti).ok()?;
        let claims = Claims {
            iss: "http://127.0.0.1:18232/realms/duku",
            sub: id,
            client_id: id,
            azp: id,
            aud: "http://127.0.0.1:18232/graphql",
            iat: now,
            exp: now + 300,
            jti: &BASE64_URL_SAFE_NO_PAD.encode(jti),
            scope: "openid",
            org_id: organisation,
            org_name: name,
            token_epoch: epoch,
        };
        let mut token = String::with_capacity(1024);
        token.push_str(&self.header);
        BASE64_URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&claims).ok()?, &mut token);
        let signature = self.signer.sign(&self.random, token.as_bytes()).ok()?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        let answer = Answer {
            access_token: &token,
            expires_in: 300,
            token_type: "Bearer",
            scope: "openid",
            refresh_expires_in: 0,
            not_before_policy: 0,
            client_secret_expires_at: expires_ms / 1000,
        };
        serde_json::to_vec(&answer).ok()
    }

    fn subjects(&self) -> Option<Vec<u8>> {
        let subjects = self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(SUBJECTS).expect("the statement fits");
            let rows = statement
                .query_map([&self.organisation], |row| Ok(Subject { id: row.get(0)?, name: row.get(1)? }))
                .expect("the rows are read");
            rows.collect::<Result<Vec<_>, _>>().expect("the rows are read")
        });
        serde_json::to_vec(&Data { data: Subjects { subjects } }).ok()
    }
}

fn answer(body: Option<Vec<u8>>) -> Response<Body> {
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The public key of a PEM file (`SubjectPublicKeyInfo`), ready to verify.
fn verifier(file: &str) -> ParsedPublicKey {
    let pem = std::fs::read_to_string(file).expect("the key is there");
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let spki = BASE64_STANDARD.decode(base64).expect("base64");
    if std::env::var("FLOOR_ALGORITHM").is_ok_and(|name| name == "RS256") {
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).expect("a key")
    } else {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, spki).expect("a key")
    }
}

/// `floor LISTEN FILE ORGANISATION_ID`
#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().expect("usage: floor LISTEN FILE ORGANISATION_ID");
    let (listen, file, organisation) = (argument(), argument().into(), argument());
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let signer =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("a key");
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#;
    let header = format!("{}.", BASE64_URL_SAFE_NO_PAD.encode(header));
    let issuer = std::env::var("FLOOR_KEY").ok().map(|file| verifier(&file));
    let floor = Arc::new(Floor { file, signer, issuer, random, header, organisation });
    if floor.issuer.is_some() {
        floor.with_connection(|connection| {
            connection.busy_timeout(std::time::Duration::from_secs(5)).expect("it waits");
            connection.execute_batch(USED).expect("the table is made");
        });
    }
    let router = Router::new()
        .route(
            "/token",
            post(|State(floor): State<Arc<Floor>>, body: Bytes| async move { answer(floor.token(&body)) }),
        )
        .route(
            "/assertion",
            post(
                |State(floor): State<Arc<Floor>>, body: Bytes| async move { answer(floor.assertion(&body)) },
            ),
        )
        .route(
            "/subjects",
            post(|State(floor): State<Arc<Floor>>, _: Bytes| async move { answer(floor.subjects()) }),
        )
        .route("/echo", get(|| async { "{}" }))
        .with_state(floor);
    let listener = tokio::net::TcpListener::bind(&listen).await.expect("the address is free");
    axum::serve(listener, router).await.expect("serving goes on");
}
