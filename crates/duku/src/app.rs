//! Putting the crates together.

use crate::{
    command_error::CommandError,
    health,
    issuer_fetcher::GuardedFetcher,
    mail, master_key,
    server::load_shedding::LoadShedder,
    settings::{Settings, Urls},
    system_clock::SystemClock,
};
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
};
use docs::Docs;
use domain::{Clock, Entropy};
use service::{RequestContext, Service};
use std::{path::Path, sync::Arc, time::Duration};
use store::{Checkpoint, Store, StoreError};
use web::{RequestMiddleware, TrustedProxies};

/// Where time and randomness come from.
#[derive(Clone)]
pub struct Ambient {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub entropy: Arc<dyn Entropy>,
}

impl Ambient {
    /// The operating system's.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(jose::SystemEntropy::new()) }
    }

    /// Circumstances of work that no request asked for.
    pub fn background(&self, purpose: &str) -> RequestContext {
        RequestContext::background(self.clock.now(), purpose)
    }
}

/// Opens the data, making the data directory if it is missing.
///
/// # Errors
/// The directory cannot be made, the store cannot be opened, or a master key is there without the data that it belongs to.
pub async fn open_store(settings: &Settings) -> Result<Store, CommandError> {
    // Looked for before the data are: another process that makes a first start at this moment makes its key last.
    let key = master_key::among_the_data(settings);
    make_data_dir(settings)?;
    let options = settings.store_options()?;
    let opened =
        if key.is_some() { Store::open_existing(&options).await } else { Store::open(&options).await };
    opened.map_err(|error| match error {
        StoreError::NoData(what) => MissingData::new(&what, key.as_deref()).into(),
        other => other.into(),
    })
}

/// Data that are not where their master key or their log is.
#[derive(Debug)]
pub struct MissingData {
    /// What was found instead.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

impl MissingData {
    /// `what` is missing, beside `key`.
    pub fn new(what: &str, key: Option<&Path>) -> Self {
        let (beside, new) = match key {
            Some(key) => (
                format!(", but {} is the master key of an installation", key.display()),
                "move the master key out of the data directory (--master-key-file uses it from elsewhere)",
            ),
            None => (String::new(), "move what is left away"),
        };
        Self {
            message: format!(
                "{what}{beside}: its data were deleted, emptied or moved, or this is the wrong place for them"
            ),
            cure: format!(
                "name the right place, or restore a backup (duku restore --force FILE; pg_restore with PostgreSQL); if a new \
                 installation is wanted, {new}"
            ),
        }
    }
}

impl From<MissingData> for CommandError {
    fn from(missing: MissingData) -> Self {
        Self::new(format!("{}; nothing was made here: {}", missing.message, missing.cure))
    }
}

/// A command of an operator does not keep them waiting for longer.
const COMMAND_CHECKPOINT: Duration = Duration::from_secs(10);

/// How long a checkpoint waits for other processes that use the same file. Their writers wait meanwhile.
const CHECKPOINT_LOCK_WAIT: Duration = Duration::from_secs(1);

/// Ends writing at the stop of a server and brings SQLite's write-ahead log into the database file. Says so if that does not
/// work: a copy of the file alone is not whole then.
pub async fn checkpoint(store: &Store, limit: Duration) {
    match store.close(CHECKPOINT_LOCK_WAIT, limit).await {
        Ok(Checkpoint::Complete) => {}
        Ok(Checkpoint::Hindered { pages }) => tracing::warn!(
            pages,
            "another process has the data open: nothing is lost, but a copy needs duku.db-wal beside duku.db"
        ),
        Err(error) => tracing::error!(
            %error,
            "the write-ahead log could not be brought into the database file: nothing is lost, the next start reads it, but a copy \
             needs duku.db-wal beside duku.db"
        ),
    }
}

/// The same at the end of a command. It waits for nobody: a server that runs beside it does this when it stops.
pub async fn checkpoint_if_alone(store: &Store) {
    let outcome = store.close(Duration::ZERO, COMMAND_CHECKPOINT).await;
    tracing::debug!(?outcome, "checkpoint");
}

/// Makes the data directory, for its owner only, unless it is there.
pub fn make_data_dir(settings: &Settings) -> Result<(), CommandError> {
    use std::os::unix::fs::DirBuilderExt;
    let dir = &settings.data_dir;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
        CommandError::new(format!(
            "cannot make the data directory {}: {error}; choose another with --data-dir",
            dir.display()
        ))
    })
}

/// Opens the use cases on a store.
pub async fn open_service(
    settings: &Settings,
    store: Store,
    urls: &Urls,
    ambient: &Ambient,
) -> Result<Service, CommandError> {
    let master_key = master_key::find(settings, &store, &*ambient.entropy).await?;
    let policy = settings.policy(urls)?;
    let entropy = Arc::clone(&ambient.entropy);
    let service = Service::open(store, master_key, policy, entropy, &ambient.background("start")).await?;
    if let Some(mailer) = mail::mailer(settings, ambient)? {
        service.operations().use_mailer(mailer);
    }
    service.tokens().use_issuer_fetcher(Arc::new(GuardedFetcher::new(settings)?));
    Ok(service)
}

/// The proxies that may name the client's address.
pub fn trusted_proxies(settings: &Settings) -> Result<TrustedProxies, CommandError> {
    TrustedProxies::parse(settings.trusted_proxies.iter().map(String::as_str))
        .map_err(|error| CommandError::new(format!("--trusted-proxies: {error}")))
}

/// Every surface behind one middleware.
pub fn router(
    settings: &Settings,
    proxies: TrustedProxies,
    docs: Docs,
    service: &Service,
    urls: &Urls,
    ambient: &Ambient,
    shedder: Arc<LoadShedder>,
) -> Router {
    let middleware = RequestMiddleware::new(Arc::clone(&ambient.clock), &*ambient.entropy, proxies);
    let auth_settings = auth::Settings { realm: settings.realm.clone(), form_bytes: settings.form_bytes };
    let platform_settings = platform::Settings {
        body_bytes: settings.graphql_bytes,
        depth: settings.graphql_depth,
        complexity: settings.graphql_complexity,
        aliases: settings.graphql_aliases,
        answer_bytes: settings.graphql_answer(),
        memory_bytes: settings.graphql_memory(),
        documents: settings.graphql_documents,
        resource_metadata_url: format!("{}{}", urls.platform, platform::RESOURCE_METADATA_PATH),
        ..platform::Settings::default()
    };
    let timeout = Duration::from_secs(settings.request_timeout_seconds);
    let discovery = format!("{}/.well-known/openid-configuration", urls.issuer(&settings.realm));
    let viewport = viewport::Viewport::new(service.clone(), settings.viewport_form_bytes);
    auth::AuthorizationServer::new(service.clone(), auth_settings)
        .router()
        .merge(platform::Platform::new(service.clone(), platform_settings).router())
        .merge(viewport.clone().router())
        .merge(docs.router())
        .merge(pages::assets_with(viewport::ASSETS.iter().chain(&docs::ASSETS)))
        .merge(health::router(service.clone(), shedder))
        .fallback(move |request: Request| async move {
            health::not_found(&viewport, &mut request.into_parts().0, &discovery).await
        })
        // One layer, not one for each of these: every layer costs each request a copy and an allocation.
        .layer(from_fn(move |request, next: Next| {
            let docs = docs.clone();
            middleware
                .clone()
                .enter(request, move |request| health::with_timeout(timeout, answer(docs, request, next)))
        }))
}

/// On a host of its own the documentation stands at the root, where Viewport is on every other.
async fn answer(docs: Docs, request: Request, next: Next) -> Response {
    if docs.is_own(request.uri(), request.headers()) {
        // Boxed, so that the requests of machines do not carry it about.
        Box::pin(docs.answer_own(request)).await
    } else {
        next.run(request).await
    }
}
