//! `duku serve`: runs everything until it is told to stop.

use super::output;
use crate::{
    app::{self, Ambient},
    command_error::CommandError,
    health, jobs,
    server::{self, load_shedding::LoadShedder, open_files},
    settings::{Settings, Urls, token_endpoint, viewport_of},
    telemetry,
    witness::WitnessFile,
};
use metrics_exporter_prometheus::PrometheusHandle;
use service::Service;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use web::TrustedProxies;

/// Where `/metrics` is if nothing was said. Taken by something else, it is left out with a warning.
pub(crate) const METRICS_DEFAULT: &str = "127.0.0.1:9090";

/// A server that is ready to serve.
pub(crate) struct Prepared {
    pub(crate) listener: TcpListener,
    pub(crate) urls: Urls,
    pub(crate) service: Service,
    ambient: Ambient,
    settings: Settings,
    proxies: TrustedProxies,
    docs: docs::Docs,
    metrics: Option<(TcpListener, PrometheusHandle)>,
    witness: WitnessFile,
    signals: Signals,
}

/// What tells this process to stop. Listened for before anybody is told that the server is there.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CommandError> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
}

pub(crate) async fn run(settings: Settings) -> Result<(), CommandError> {
    let prepared = prepare(settings).await?;
    prepared.welcome().await?;
    prepared.serve().await
}

/// Binds, opens the data and makes sure that there is a signing key.
pub(crate) async fn prepare(settings: Settings) -> Result<Prepared, CommandError> {
    let handle = telemetry::start_metrics()?;
    let proxies = app::trusted_proxies(&settings)?;
    let listener = server::bind("--listen", &settings.listen).await?;
    let metrics = bind_metrics(&settings).await?.map(|listener| (listener, handle));
    let urls = Urls::resolve(&settings, listener.local_addr()?)?;
    let docs = settings.documentation(&urls)?;
    let witness = WitnessFile::open(settings.audit_witness_file.clone())?;
    let ambient = Ambient::system();
    let store = app::open_store(&settings).await?;
    let service = app::open_service(&settings, store, &urls, &ambient).await?;
    remember_urls(&service, &urls).await?;
    // Not before: who waits for a migration must be able to interrupt it.
    let signals = Signals::listen()?;
    Ok(Prepared { listener, urls, service, ambient, settings, proxies, docs, metrics, witness, signals })
}

async fn bind_metrics(settings: &Settings) -> Result<Option<TcpListener>, CommandError> {
    match settings.metrics_listen.as_deref() {
        Some("off") => Ok(None),
        None => match TcpListener::bind(METRICS_DEFAULT).await {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => {
                tracing::warn!(%error, "no /metrics: {METRICS_DEFAULT} is not free; choose an address with --metrics-listen");
                Ok(None)
            }
        },
        Some(address) => server::bind("--metrics-listen", address).await.map(Some),
    }
}

/// Where `duku admin token` finds issuer and audience, so that its tokens fit the running server.
const URLS_AUTH: &str = "urls.auth";
const URLS_PLATFORM: &str = "urls.platform";
const URLS_VIEWPORT: &str = "urls.viewport";

async fn remember_urls(service: &Service, urls: &Urls) -> Result<(), CommandError> {
    match remembered_urls(service.store()).await? {
        Some(before) if before == *urls => return Ok(()),
        Some(before) if before.auth == urls.auth && before.platform == urls.platform => {}
        Some(before) => tracing::warn!(
            before = before.platform,
            now = urls.platform,
            "this data was served at another URL before: tokens issued there are rejected here; set --public-url to keep one"
        ),
        None => {}
    }
    let mut transaction = service.store().begin().await?;
    transaction.set_meta(URLS_AUTH, &urls.auth).await?;
    transaction.set_meta(URLS_PLATFORM, &urls.platform).await?;
    transaction.set_meta(URLS_VIEWPORT, &urls.viewport).await?;
    Ok(transaction.commit().await?)
}

/// The URLs that the last server on this data had.
pub(crate) async fn remembered_urls(store: &store::Store) -> Result<Option<Urls>, CommandError> {
    let mut reader = store.reader().await?;
    let (auth, platform) = (reader.meta(URLS_AUTH).await?, reader.meta(URLS_PLATFORM).await?);
    let viewport = reader.meta(URLS_VIEWPORT).await?;
    Ok(auth.zip(platform).map(|(auth, platform)| {
        // Data of a version without Viewport do not know its URL.
        let viewport = viewport.unwrap_or_else(|| viewport_of(&platform));
        Urls { auth, platform, viewport }
    }))
}

impl Prepared {
    /// Says where everything is, and on fresh data what to do first.
    async fn welcome(&self) -> Result<(), CommandError> {
        let Urls { auth, platform, viewport } = &self.urls;
        output::line(&format!(
            "Duku serves {} on {}",
            self.service.store().engine(),
            self.listener.local_addr()?
        ))?;
        output::line(&format!("  Viewport {viewport}/"))?;
        output::line(&format!("  tokens   {}", token_endpoint(auth, &self.settings.realm)))?;
        output::line(&format!("  GraphQL  {platform}/graphql"))?;
        output::line(&format!("  docs     {}", self.docs.url()))?;
        if let Some((listener, _)) = &self.metrics {
            output::line(&format!("  metrics  http://{}/metrics", listener.local_addr()?))?;
        }
        if let Some(link) =
            self.service.operations().make_setup_link(&self.ambient.background("start")).await?
        {
            output::line(&format!(
                "\nThere is no organisation yet. Make one and become its Admin, by this link, which works once and for a day:\n  \
                 {}\n\
                 Or on this host and with the same settings:\n  \
                 duku admin org create Acme --admin-email you@example.org",
                *link
            ))?;
        }
        Ok(())
    }

    /// Serves until SIGINT or SIGTERM, finishes what runs and writes what was counted.
    pub(crate) async fn serve(self) -> Result<(), CommandError> {
        let Self { listener, urls, service, ambient, settings, proxies, docs, metrics, witness, signals } =
            self;
        let shedder = Arc::new(LoadShedder::new(settings.requests, settings.request_memory()));
        let router =
            app::router(&settings, proxies.clone(), docs, &service, &urls, &ambient, Arc::clone(&shedder));
        let limits = server::Limits {
            connections: open_files::connections(settings.most_connections(), open_files::raise()),
            per_address: settings.connections_per_address,
            timeouts: server::Timeouts {
                header: Duration::from_secs(settings.header_timeout_seconds),
                idle: Duration::from_secs(settings.idle_timeout_seconds),
                write: Duration::from_secs(settings.write_timeout_seconds),
            },
            stop: Duration::from_secs(settings.stop_seconds),
            counted: true,
        };
        tokio::spawn(Arc::clone(&shedder).watch(Duration::from_millis(settings.wait_milliseconds)));
        let handle = metrics.as_ref().map(|(_, handle)| handle.clone());
        if let Some((listener, handle)) = metrics {
            let (everyone, forever) =
                (Arc::new(LoadShedder::new(usize::MAX, usize::MAX)), std::future::pending());
            let router = health::metrics_router(handle);
            let limits = server::Limits { counted: false, ..limits };
            tokio::spawn(server::serve(listener, router, limits, proxies.clone(), everyone, forever));
        }
        let flush_every = Duration::from_secs(settings.usage_flush_seconds);
        let background = jobs::run(service.clone(), ambient.clone(), flush_every, handle, witness);
        let jobs = tokio::spawn(background);
        let stop = stop(Arc::clone(&shedder), Duration::from_secs(settings.drain_seconds), signals);
        if !server::serve(listener, router, limits, proxies, shedder, stop).await {
            tracing::warn!(seconds = settings.stop_seconds, "some requests took too long and were cut off");
        }
        jobs.abort();
        let flushed = service.keys().flush_usage(&ambient.background("stop")).await;
        app::checkpoint(service.store(), Duration::from_secs(settings.checkpoint_seconds)).await;
        flushed?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Resolves when the server is to accept no more: after Ctrl-C at once, after SIGTERM when load balancers have had time to
/// see that this node is not ready, or at a second signal.
async fn stop(shedder: Arc<LoadShedder>, drain: Duration, Signals { mut interrupt, mut terminate }: Signals) {
    let drain = tokio::select! {
        _ = interrupt.recv() => Duration::ZERO,
        _ = terminate.recv() => drain,
    };
    shedder.drain();
    tracing::info!(seconds = drain.as_secs(), "stopping: not ready from now on, serving a little longer");
    tokio::select! {
        () = tokio::time::sleep(drain) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping: finishing what runs");
}
