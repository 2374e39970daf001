//! The whole product in this process, on a clock and a random source that the test drives.

use axum::Router;
use duku::{
    app::{self, Ambient},
    server::load_shedding::LoadShedder,
    settings::{GivenSettings, Settings, Urls},
};
use service::{
    Principal, RequestContext, Service,
    keys::{GenerateKey, RotateKey},
};
use std::{net::SocketAddr, sync::Arc};
use testkit::{Api, Database, Engine, Pair, SeededEntropy, TestClock};
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) struct App {
    pub(crate) api: Api,
    pub(crate) service: Service,
    pub(crate) clock: TestClock,
    pub(crate) organisation: domain::Organisation,
    /// Where it really listens, whatever its settings call it.
    pub(crate) address: SocketAddr,
    /// Its data, for looks behind the product's back.
    pub(crate) database: Database,
    _serving: Serving,
}

/// An installation in which nobody has made an organisation yet.
pub(crate) struct Fresh {
    pub(crate) api: Api,
    pub(crate) service: Service,
    pub(crate) clock: TestClock,
    ambient: Ambient,
    address: SocketAddr,
    serving: Serving,
    database: Database,
}

/// Ends with the value.
struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Fresh {
    /// A public URL with port 0 gets the port that is listened on.
    pub(crate) async fn start_with(engine: Engine, given: GivenSettings) -> Self {
        Self::start_on(Database::fresh(engine).await, given, 1).await
    }

    /// The same on data that may be there already. The seed must be another one than that of the process that made them:
    /// otherwise identifiers and secrets repeat.
    pub(crate) async fn start_on(database: Database, given: GivenSettings, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let port = address.port();
        let given = GivenSettings {
            public_url: given.public_url.map(|url| match url.strip_suffix(":0") {
                Some(host) => format!("{host}:{port}"),
                None => url,
            }),
            data_dir: Some(database.dir.path().to_owned()),
            database_url: Some(database.url.clone()),
            ..given
        };
        let settings = given.resolve(None).unwrap();
        let clock = TestClock::new();
        let ambient = Ambient { clock: Arc::new(clock.clone()), entropy: Arc::new(SeededEntropy::new(seed)) };
        let urls = Urls::resolve(&settings, address).unwrap();
        let store = app::open_store(&settings).await.unwrap();
        let service = app::open_service(&settings, store, &urls, &ambient).await.unwrap();
        let router = router(&settings, &service, &urls, &ambient);
        let api = Api::at(urls.platform.clone());
        let serving = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        Self { api, service, clock, ambient, address, serving: Serving(serving), database }
    }

    pub(crate) fn ctx(&self) -> RequestContext {
        self.ambient.background("test")
    }
}

impl App {
    /// A fresh installation with the organisation Acme and its Admin ada@example.org.
    pub(crate) async fn start(engine: Engine) -> Self {
        Self::start_with(engine, GivenSettings::default()).await
    }

    pub(crate) async fn start_with(engine: Engine, given: GivenSettings) -> Self {
        let fresh = Fresh::start_with(engine, given).await;
        let ctx = fresh.ctx();
        let Fresh { api, service, clock, address, serving, database, .. } = fresh;
        let organisation =
            service.organisations().create(&ctx, "test", "Acme", "ada@example.org", None).await.unwrap();
        Self { api, service, clock, organisation, address, database, _serving: serving }
    }

    /// On a copy of data that hold `organisation` already.
    pub(crate) async fn start_on(
        database: Database,
        given: GivenSettings,
        seed: u64,
        organisation: domain::Organisation,
    ) -> Self {
        let fresh = Fresh::start_on(database, given, seed).await;
        let Fresh { api, service, clock, address, serving, database, .. } = fresh;
        Self { api, service, clock, organisation, address, database, _serving: serving }
    }

    /// Stops serving; what stays is the data.
    pub(crate) fn stop(self) -> Database {
        self.database
    }

    pub(crate) fn ctx(&self) -> RequestContext {
        RequestContext::background(domain::Clock::now(&self.clock), "test")
    }

    pub(crate) fn operator(&self) -> Principal {
        Principal::operator("test", &self.organisation)
    }

    pub(crate) async fn generate(&self, label: &str, expires_in_days: Option<i64>) -> Pair {
        let input = GenerateKey { label: label.to_owned(), expires_in_days };
        let made = self.service.keys().generate(&self.ctx(), &self.operator(), &input).await.unwrap();
        Pair { client_id: made.key.id.to_string(), client_secret: made.secret.expose().to_owned() }
    }

    pub(crate) async fn rotate(&self, pair: &Pair, input: RotateKey) -> Pair {
        let made =
            self.service.keys().rotate(&self.ctx(), &self.operator(), &pair.client_id, input).await.unwrap();
        Pair { client_id: pair.client_id.clone(), client_secret: made.secret.expose().to_owned() }
    }

    pub(crate) async fn revoke(&self, pair: &Pair) {
        self.service.keys().revoke(&self.ctx(), &self.operator(), &pair.client_id).await.unwrap();
    }

    /// An access token of the Admin.
    pub(crate) async fn admin_token(&self) -> String {
        self.service.tokens().issue_for_user(&self.ctx(), "test", "ada@example.org", None).await.unwrap()
    }
}

fn router(settings: &Settings, service: &Service, urls: &Urls, ambient: &Ambient) -> Router {
    let proxies = app::trusted_proxies(settings).unwrap();
    app::router(
        settings,
        proxies,
        settings.documentation(urls).unwrap(),
        service,
        urls,
        ambient,
        Arc::new(LoadShedder::new(usize::MAX, usize::MAX)),
    )
}
