//! The whole product in this process, on SQLite, with a clock that stands still. Requests are handed to its router.

use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::{Router, body::Body};
use duku::{
    app::{self, Ambient},
    server::load_shedding::LoadShedder,
    settings::{GivenSettings, Switch, Urls},
};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};
use testkit::{Pair, SeededEntropy, TestClock};
use tokio::runtime::Runtime;
use tower::ServiceExt;

pub struct Installation {
    /// An API key of the organisation Acme.
    pub pair: Pair,
    /// An access token of Acme's Admin.
    pub admin_token: String,
    router: Router,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Vec<u8>,
}

/// The one installation of this process.
pub fn installation() -> &'static Installation {
    static HOUSE: OnceLock<Installation> = OnceLock::new();
    HOUSE.get_or_init(Installation::build)
}

impl Installation {
    fn build() -> Self {
        let dir = tempfile::Builder::new().prefix("duku-fuzz-").tempdir().unwrap();
        let given = GivenSettings {
            data_dir: Some(dir.path().to_owned()),
            rate_limit: Some(Switch::Off),
            ..GivenSettings::default()
        };
        let settings = given.resolve(None).unwrap();
        let urls = Urls::resolve(&settings, SocketAddr::from(([127, 0, 0, 1], 8080))).unwrap();
        let ambient = Ambient { clock: Arc::new(TestClock::new()), entropy: Arc::new(SeededEntropy::new(1)) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (router, pair, admin_token) = runtime.block_on(async {
            let store = app::open_store(&settings).await.unwrap();
            let service = app::open_service(&settings, store, &urls, &ambient).await.unwrap();
            let ctx = ambient.background("fuzz");
            let acme =
                service.organisations().create(&ctx, "fuzz", "Acme", "ada@example.org", None).await.unwrap();
            let operator = service::Principal::operator("fuzz", &acme);
            let input = service::keys::GenerateKey { label: "CI".to_owned(), expires_in_days: None };
            let made = service.keys().generate(&ctx, &operator, &input).await.unwrap();
            let pair =
                Pair { client_id: made.key.id.to_string(), client_secret: made.secret.expose().to_owned() };
            let token = service.tokens().issue_for_user(&ctx, "fuzz", "ada@example.org", None).await.unwrap();
            let proxies = app::trusted_proxies(&settings).unwrap();
            let docs = settings.documentation(&urls).unwrap();
            let router = app::router(
                &settings,
                proxies,
                docs,
                &service,
                &urls,
                &ambient,
                Arc::new(LoadShedder::new(usize::MAX, usize::MAX)),
            );
            (router, pair, token)
        });
        Self { pair, admin_token, router, runtime, _dir: dir }
    }

    /// Hands a request to the router. Whatever it is, the answer is not the server's fault.
    pub fn ask(&self, mut request: Request<Body>) -> Answer {
        // Without a host a request is rejected before anything looks at it.
        request.headers_mut().entry("host").or_insert(HeaderValue::from_static("duku.example"));
        let line = format!("{} {}", request.method(), request.uri());
        let answer = self.runtime.block_on(async {
            let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
            Answer { status: parts.status, headers: parts.headers, body }
        });
        assert!(
            !answer.status.is_server_error(),
            "{line}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        answer
    }
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
