//! Who sends requests, and what is known of the installation that they go to.

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
    server::load_shedding::LoadShedder,
    settings::{GivenSettings, Switch, Urls},
};
use proptest::{prop_assert, test_runner::TestCaseError};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};
use testkit::{Engine, SeededEntropy};
use tokio::runtime::Runtime;
use tower::ServiceExt;

const ADA: &str = "ada@example.org";

/// What requests are made of that are more than noise.
pub(super) struct Known {
    pub(super) paths: Vec<String>,
    pub(super) authorizations: Vec<String>,
    pub(super) cookies: Vec<String>,
    pub(super) values: Vec<String>,
    pub(super) subject: String,
}

pub(super) struct Sender {
    pub(super) runtime: Runtime,
    app: App,
    router: Router,
    pub(super) seen: Mutex<BTreeMap<StatusCode, u32>>,
}

/// One request, as it is sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, Vec<u8>)>,
    pub(super) body: Vec<u8>,
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
    pub(super) fn on(engine: Engine) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let given = || GivenSettings { rate_limit: Some(Switch::Off), ..GivenSettings::default() };
        let app = runtime.block_on(App::start_with(engine, given()));
        let settings = given().resolve(None).unwrap();
        let ambient =
            Ambient { clock: Arc::new(app.clock.clone()), entropy: Arc::new(SeededEntropy::new(9)) };
        let urls = Urls::resolve(&settings, app.address).unwrap();
        let proxies = app::trusted_proxies(&settings).unwrap();
        let router = app::router(
            &settings,
            proxies,
            settings.documentation(&urls).unwrap(),
            &app.service,
            &urls,
            &ambient,
            Arc::new(LoadShedder::new(usize::MAX, usize::MAX)),
        );
        Self { runtime, app, router, seen: Mutex::default() }
    }

    pub(super) async fn known(&self) -> Known {
        let app = &self.app;
        set_password(app, ADA).await;
        let subject = app
            .service
            .products()
            .create_subject(&app.ctx(), &app.operator(), "Shop", None, None)
            .await
            .unwrap();
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
                "/docs/search",
                "/docs/ask",
                "/docs/integrations/api-keys.md",
                "/assets/{x}",
                "/llms.txt",
                "/llms-full.txt",
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
    pub(super) fn ask_graphql(&self, known: &Known, query: &str) {
        for subject in [known.subject.as_str(), "x\0"] {
            let body = serde_json::json!({ "query": query, "variables": { "x": "x\0", "s": subject } });
            let text = self.runtime.block_on(async {
                let request = Request::post("/graphql")
                    .header("host", "duku.example")
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

    pub(super) fn send(&self, sent: &Sent) -> Result<(), TestCaseError> {
        let mut request = Request::builder().method(sent.method).uri(&sent.target);
        if !sent.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", "duku.example");
        }
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
