//! Whatever a stranger or a person sends, no answer is a 5xx: it is never the server's fault.
//!
//! Requests are put together from what there really is (routes, parameters, credentials that are good) and from what is not,
//! and handed to the router. `DUKU_TEST_CASES` says how many on each database.

use crate::{
    app::App,
    people::{PASSWORD, cookie_of, set_password},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use duku::{
    app::{self, Ambient},
    operations::Stopping,
    settings::{GivenSettings, Switch, Urls},
};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};
use testkit::{Engine, SeededEntropy};
use tokio::runtime::Runtime;
use tower::ServiceExt;

const CASES: u32 = 1500;
const ADA: &str = "ada@example.org";

/// What requests are made of that are more than noise.
struct Known {
    paths: Vec<String>,
    authorizations: Vec<String>,
    cookies: Vec<String>,
    values: Vec<String>,
    subject: String,
}

struct Sender {
    runtime: Runtime,
    app: App,
    router: Router,
    seen: Mutex<BTreeMap<StatusCode, u32>>,
}

/// One request, as it is sent.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.target)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {:?}", String::from_utf8_lossy(value))?;
        }
        write!(f, "{:?}", String::from_utf8_lossy(&self.body))
    }
}

impl Sender {
    fn on(engine: Engine) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let given = || GivenSettings { rate_limit: Some(Switch::Off), ..GivenSettings::default() };
        let app = runtime.block_on(App::start_with(engine, given()));
        let settings = given().resolve(None).unwrap();
        let ambient =
            Ambient { clock: Arc::new(app.clock.clone()), entropy: Arc::new(SeededEntropy::new(9)) };
        let urls = Urls::resolve(&settings, app.address).unwrap();
        let proxies = app::trusted_proxies(&settings).unwrap();
        let router = app::router(&settings, proxies, &app.service, &urls, &ambient, Stopping::default());
        Self { runtime, app, router, seen: Mutex::default() }
    }

    async fn known(&self) -> Known {
        let app = &self.app;
        set_password(app, ADA).await;
        let subject =
            app.service.create_subject(&app.ctx(), &app.operator(), "Shop", None, None).await.unwrap();
        let pair = app.generate("CI", None).await;
        let (of_key, of_person) = (app.api.token(&pair).await, app.admin_token().await);
        let ids = [pair.client_id.clone(), subject.id.to_string(), app.organisation.id.to_string()];
        let protocol = "/realms/duku/protocol/openid-connect";
        let mut paths: Vec<String> = viewport::routes().iter().map(|rule| rule.path.to_owned()).collect();
        paths.extend(
            ["auth", "auth/device", "certs", "logout", "revoke", "token", "token/introspect", "userinfo"]
                .map(|endpoint| format!("{protocol}/{endpoint}")),
        );
        paths.extend(
            [
                "/graphql",
                "/graphql",
                "/healthz",
                "/readyz",
                "/realms/duku",
                "/docs",
                "/docs/{x}",
                "/assets/{x}",
                "/llms.txt",
                "/realms/duku/.well-known/openid-configuration",
                "/.well-known/oauth-protected-resource/graphql",
            ]
            .map(ToOwned::to_owned),
        );
        let basic = |pair: &testkit::Pair| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", pair.client_id, pair.client_secret)))
        };
        let mut values = vec![
            "client_credentials",
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
            "viewport",
            "duku-cli",
            "openid",
            "platform:read",
            "S256",
            "code",
            ADA,
            PASSWORD,
            "admin",
            "member",
            "on",
            "0",
            "-1",
            "9223372036854775807",
            "",
            "\u{202e}x\0",
            "https://example.org/?a=b#c",
            "javascript:alert(1)",
            "2026-11-24T10:00:00Z",
            "{ viewer { __typename } }",
            "mutation { createSubject(input: { name: \"x\" }) { id } }",
        ]
        .into_iter()
        .map(ToOwned::to_owned)
        .collect::<Vec<_>>();
        values.extend(ids);
        values.extend([pair.client_secret.clone(), of_key.clone(), "x".repeat(5000)]);
        let mut cookies =
            vec!["duku_session=nonsense".to_owned(), "duku_sign_in=a; duku_sign_in=b".to_owned()];
        for _ in 0..40 {
            cookies.push(cookie_of(app, ADA).await);
        }
        let authorizations = vec![
            basic(&pair),
            format!("Bearer {of_key}"),
            format!("Bearer {of_person}"),
            "Bearer x.y.z".to_owned(),
        ];
        Known { paths, authorizations, cookies, values, subject: subject.id.to_string() }
    }

    /// As the Admin, with a zero byte for `x`, and for `s` the product or a zero byte. No field may fail on the server's side.
    fn ask_graphql(&self, known: &Known, query: &str) {
        for subject in [known.subject.as_str(), "x\0"] {
            let body = serde_json::json!({ "query": query, "variables": { "x": "x\0", "s": subject } });
            let text = self.runtime.block_on(async {
                let request = Request::post("/graphql")
                    .header("content-type", "application/json")
                    .header("authorization", &known.authorizations[2])
                    .body(Body::from(body.to_string()))
                    .unwrap();
                let response = self.router.clone().oneshot(request).await.unwrap();
                String::from_utf8(
                    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec(),
                )
                .unwrap()
            });
            assert!(!text.contains("INTERNAL"), "{query}: {text}");
        }
    }

    fn send(&self, sent: &Sent) -> Result<(), TestCaseError> {
        let mut request = Request::builder().method(sent.method).uri(&sent.target);
        for (name, value) in &sent.headers {
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            request = request.header(*name, value);
        }
        // What is no URI or header never arrives at a server either.
        let Ok(request) = request.body(Body::from(sent.body.clone())) else { return Ok(()) };
        let (status, body) = self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            (status, axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap())
        });
        *self.seen.lock().unwrap().entry(status).or_default() += 1;
        prop_assert!(!status.is_server_error(), "{status}: {}", String::from_utf8_lossy(&body));
        Ok(())
    }
}

/// Something out of `known`, or something made up.
fn either(known: Vec<String>) -> impl Strategy<Value = String> {
    prop_oneof![3 => select(known), 1 => any::<String>(), 1 => "[ -~]{0,40}"]
}

const NAMES: [&str; 40] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "device_code",
    "user_code",
    "token",
    "token_type_hint",
    "state",
    "nonce",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "email",
    "password",
    "step",
    "label",
    "expires",
    "days",
    "grace",
    "end_tokens",
    "name",
    "base_url",
    "description",
    "role",
    "next",
    "first",
    "after",
    "action",
    "query",
    "variables",
    "operationName",
    "id",
];

fn form(values: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((select(NAMES.to_vec()), either(values)), 0..7).prop_map(|pairs| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        form.finish().into_bytes()
    })
}

fn body(values: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let json = (either(values.clone()), either(values.clone())).prop_map(|(query, value)| {
        serde_json::json!({ "query": query, "variables": { "a": value }, "operationName": null })
            .to_string()
            .into_bytes()
    });
    let large = (1..200_000_usize).prop_map(|length| vec![b'a'; length]);
    prop_oneof![4 => form(values), 3 => json, 2 => any::<Vec<u8>>(), 1 => large]
}

fn target(known: &Known) -> impl Strategy<Value = String> + use<> {
    let values = known.values.clone();
    let segment = prop_oneof![select(values.clone()), "[A-Za-z0-9_.~-]{1,30}", any::<String>()];
    let query = proptest::option::of(form(values));
    let encoded = segment.prop_map(|text| {
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        encoded.replace('+', "%20")
    });
    (select(known.paths.clone()), encoded, query, 0..20_u8).prop_map(|(path, segment, query, odd)| {
        let filled: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { segment.as_str() } else { part }).collect();
        let mut target = filled.join("/");
        match odd {
            0 => target.push('/'),
            1 => target = format!("{target}/{segment}"),
            2 => target = format!("/{target}"),
            3 => target = format!("/{segment}"),
            _ => {}
        }
        match query {
            Some(query) => format!("{target}?{}", String::from_utf8(query).unwrap()),
            None => target,
        }
    })
}

fn headers(known: &Known) -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> + use<> {
    let some = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        proptest::option::weighted(0.7, either(words).prop_map(String::into_bytes))
    };
    let kind = some(&[
        "application/x-www-form-urlencoded",
        "application/json",
        "application/graphql",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ]);
    let accept = some(&[
        "text/html",
        "application/json",
        "*/*",
        "application/graphql-response+json",
        "text/markdown;q=0",
    ]);
    let authorization =
        proptest::option::of(either(known.authorizations.clone()).prop_map(String::into_bytes));
    let cookie = proptest::option::weighted(0.6, either(known.cookies.clone()).prop_map(String::into_bytes));
    let site = proptest::option::weighted(0.2, select(vec!["same-origin", "cross-site", "none", "x"]));
    let htmx = proptest::option::weighted(0.3, Just("true"));
    let odd = proptest::option::weighted(
        0.2,
        (
            select(vec![
                "x-forwarded-for",
                "if-none-match",
                "range",
                "accept-language",
                "host",
                "origin",
                "content-encoding",
                "hx-target",
            ]),
            any::<Vec<u8>>(),
        ),
    );
    (kind, accept, authorization, cookie, site, htmx, odd).prop_map(
        |(kind, accept, authorization, cookie, site, htmx, odd)| {
            let bytes = |text: &str| text.as_bytes().to_vec();
            let mut headers = Vec::new();
            headers.extend(kind.map(|value| ("content-type", value)));
            headers.extend(accept.map(|value| ("accept", value)));
            headers.extend(authorization.map(|value| ("authorization", value)));
            headers.extend(cookie.map(|value| ("cookie", value)));
            headers.extend(site.map(|value| ("sec-fetch-site", bytes(value))));
            headers.extend(htmx.map(|value| ("hx-request", bytes(value))));
            headers.extend(odd);
            headers
        },
    )
}

fn no_input_gets_a_5xx(engine: Engine) {
    let sender = Sender::on(engine);
    let known = sender.runtime.block_on(sender.known());
    let cases = std::env::var("DUKU_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let method = select(vec![
        "GET", "GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE",
        "PROPFIND",
    ]);
    let request = (method, target(&known), headers(&known), body(known.values.clone()))
        .prop_map(|(method, target, headers, body)| Sent { method, target, headers, body });
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    });
    runner.run(&request, |sent| sender.send(&sent)).unwrap_or_else(|failure| panic!("{failure}"));
    let seen = sender.seen.lock().unwrap().clone();
    println!("{seen:?}");
    for status in [200, 303, 400, 401, 404, 405] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(seen.contains_key(&status), "the requests are too much alike: no {status} among {seen:?}");
    }
}

/// PostgreSQL's texts hold no zero byte, SQLite's do, and neither may be what somebody meets who sends one.
fn a_zero_byte_anywhere_is_no_5xx(engine: Engine) {
    let sender = Sender::on(engine);
    let known = sender.runtime.block_on(sender.known());
    let mut cookies = known.cookies.iter().cycle();
    let mut failures = Vec::new();
    let all = NAMES.join("=x%00&");
    for path in &known.paths {
        let segments: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "x%00" } else { part }).collect();
        let path = segments.join("/");
        let forms = NAMES.iter().map(|name| format!("{name}=x%00")).chain([all.clone()]);
        for form in forms {
            for (method, target, body) in
                [("GET", format!("{path}?{form}"), ""), ("POST", path.clone(), &*form)]
            {
                let headers = vec![
                    ("content-type", b"application/x-www-form-urlencoded".to_vec()),
                    ("cookie", cookies.next().unwrap().clone().into_bytes()),
                ];
                let sent = Sent { method, target, headers, body: body.as_bytes().to_vec() };
                if sender.send(&sent).is_err() {
                    failures.push(format!("{method} {} {body}", sent.target));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures: {failures:#?}", failures.len());
    for query in [
        "subject(id: $x) { id }",
        "target(id: $x) { id }",
        "subjects(after: $x) { id }",
        "targets(subjectId: $x, after: $x) { id }",
        "auditLog(after: $x) { id }",
    ] {
        sender.ask_graphql(
            &known,
            &format!("query ($x: ID) {{ {query} }}")
                .replace("$x: ID", if query.contains("(id:") { "$x: ID!" } else { "$x: ID" }),
        );
    }
    for mutation in [
        "createSubject(input: { name: $x, description: $x, baseUrl: $x }) { id }",
        "createSubject(input: { name: \"a\", description: $x }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: $x, name: $x, version: $x, environment: $x }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: \"b\", name: \"n\", description: $x, version: \"1\", environment: \"e\" }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: \"b\", name: \"n\", version: \"1\", environment: \"e\", metadata: { a: $x } }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: $x, name: \"n\", version: \"1\", environment: \"e\" }) { id }",
        "upsertSimulationTarget(input: { subjectId: $s, buildKey: \"b\", name: \"n\", version: $x, environment: $x }) { id }",
        "generateApiKey(input: { label: $x }) { clientId }",
        "revokeApiKey(id: $s)",
    ] {
        let declared = if mutation.contains("$s") { "$x: String!, $s: ID!" } else { "$x: String!" };
        let used = if mutation.contains("$x") { declared } else { "$s: ID!" };
        sender.ask_graphql(&known, &format!("mutation ({used}) {{ {mutation} }}"));
    }
}

#[test]
fn a_zero_byte_anywhere_is_no_5xx_on_sqlite() {
    a_zero_byte_anywhere_is_no_5xx(Engine::Sqlite);
}

#[test]
fn a_zero_byte_anywhere_is_no_5xx_on_postgres() {
    a_zero_byte_anywhere_is_no_5xx(Engine::Postgres);
}

#[test]
fn no_input_gets_a_5xx_on_sqlite() {
    no_input_gets_a_5xx(Engine::Sqlite);
}

#[test]
fn no_input_gets_a_5xx_on_postgres() {
    no_input_gets_a_5xx(Engine::Postgres);
}
