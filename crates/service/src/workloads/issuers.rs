//! The keys of issuers, fetched when they are needed and remembered for as long as their headers say.
//!
//! Each issuer is fetched once for all who wait, at most once in 30 seconds, and goes on to the end even if whoever asked
//! has gone. The last good keys outlive an outage of the issuer.

use crate::RequestContext;
use domain::{
    Timestamp,
    workload::{IssuerUrl, parse_claims},
};
use jose::assertion::KeySet;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

/// The shortest time between two fetches of one issuer, in seconds.
const AGAIN_SECONDS: i64 = 30;
/// For how long fetched keys count as fresh at least and at most, in seconds.
const FRESH_SECONDS: std::ops::RangeInclusive<i64> = 300..=86_400;
/// How long keys outlive an outage of their issuer, from when they were fresh last, in seconds.
const OUTAGE_SECONDS: i64 = 86_400;
/// The most issuers that are remembered; beyond, those that were not asked for lately are fetched again. Any Admin can name issuers, and
/// each may publish 64 KiB of keys.
const MOST: usize = 500;
/// The most key sets of keys themselves that are kept as they were read.
const PASTED: usize = 200;

/// What a guarded fetch brought.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The body.
    pub body: Vec<u8>,
    /// `max-age` of `Cache-Control`, in seconds.
    pub max_age_seconds: Option<i64>,
}

/// Why nothing was fetched, as a sentence for an Admin.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// Something that fetches JSON from an address that a user named, with guards: `https` alone, no private addresses, no
/// redirects, a short time and a small size.
pub trait IssuerFetcher: Send + Sync + 'static {
    /// Fetches the document at `url`.
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;
}

/// Where keys are published.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum KeySetPlace {
    /// In the issuer's discovery document (OpenID Connect Discovery 1.0 §4).
    OfIssuer(IssuerUrl),
    /// Right there.
    At(IssuerUrl),
}

/// Keys cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct KeySetUnavailable(pub(crate) String);

/// The issuers whose keys were fetched.
pub(crate) struct Issuers {
    entries: quick_cache::sync::Cache<KeySetPlace, Arc<Entry>>,
    fetcher: OnceLock<Arc<dyn IssuerFetcher>>,
    /// Key sets that an Admin pasted, by the SHA-256 of their text.
    pasted: quick_cache::sync::Cache<[u8; 32], Arc<KeySet>>,
}

impl Default for Issuers {
    fn default() -> Self {
        Self {
            entries: quick_cache::sync::Cache::new(MOST),
            fetcher: OnceLock::new(),
            pasted: quick_cache::sync::Cache::new(PASTED),
        }
    }
}

#[derive(Default)]
struct Entry {
    known: Mutex<Known>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    keys: Option<Arc<KeySet>>,
    fresh_until: i64,
    tried_at: Option<i64>,
    failure: Option<String>,
}

/// A panic cannot leave these half-changed, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn has(&self, kid: Option<&str>) -> bool {
        self.keys.as_deref().is_some_and(|keys| kid.is_none_or(|kid| keys.has_kid(kid)))
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        now.seconds() < self.fresh_until
    }

    fn may_try(&self, now: Timestamp) -> bool {
        self.tried_at.is_none_or(|at| now.seconds().saturating_sub(at).saturating_abs() >= AGAIN_SECONDS)
    }

    /// What is known, as long as it counts.
    fn answer(&self, now: Timestamp) -> Result<Arc<KeySet>, KeySetUnavailable> {
        let usable = now.seconds() < self.fresh_until.saturating_add(OUTAGE_SECONDS);
        match (&self.keys, &self.failure) {
            (Some(keys), _) if usable => Ok(Arc::clone(keys)),
            (_, Some(failure)) => Err(KeySetUnavailable(failure.clone())),
            _ => Err(KeySetUnavailable("the issuer's keys were not fetched yet".to_owned())),
        }
    }
}

impl Issuers {
    /// Fetches by `fetcher` from now on; the first one that is given stays.
    pub(crate) fn use_fetcher(&self, fetcher: Arc<dyn IssuerFetcher>) {
        let _ = self.fetcher.set(fetcher);
    }

    /// The keys of a pasted key set. What a text says never changes, so it is read once.
    pub(crate) fn pasted(&self, jwks: &str) -> Result<Arc<KeySet>, KeySetUnavailable> {
        let name = jose::sha256(jwks.as_bytes());
        self.pasted.get_or_insert_with(&name, || {
            KeySet::parse(jwks.as_bytes()).map(Arc::new).map_err(|why| KeySetUnavailable(why.to_string()))
        })
    }

    /// The keys at `place`, with `kid` among them if they can be had. The second value says whether it took waiting, so that what
    /// was read before may be out of date.
    pub(crate) async fn keys(
        &self,
        ctx: &RequestContext,
        place: &KeySetPlace,
        kid: Option<&str>,
    ) -> (Result<Arc<KeySet>, KeySetUnavailable>, bool) {
        let entry = self.entry(place);
        let known = lock(&entry.known).clone();
        if known.has(kid) && known.is_fresh(ctx.now) {
            return (known.answer(ctx.now), false);
        }
        let (fetching, waited) = match entry.fetching.try_lock() {
            Ok(fetching) => (fetching, false),
            // Old keys do while somebody else fetches new ones.
            Err(_) if known.has(kid) => return (known.answer(ctx.now), false),
            Err(_) => (entry.fetching.lock().await, true),
        };
        let known = lock(&entry.known).clone();
        if known.has(kid) && known.is_fresh(ctx.now) || !known.may_try(ctx.now) {
            return (known.answer(ctx.now), waited);
        }
        self.fetch_to_the_end(&entry, place, ctx.now).await;
        drop(fetching);
        (lock(&entry.known).answer(ctx.now), true)
    }

    /// Fetches the keys at `place` now, for an Admin who saves it.
    pub(crate) async fn check(
        &self,
        ctx: &RequestContext,
        place: &KeySetPlace,
    ) -> Result<(), KeySetUnavailable> {
        let entry = self.entry(place);
        let fetching = entry.fetching.lock().await;
        let known = lock(&entry.known).clone();
        if known.failure.is_some() || !known.is_fresh(ctx.now) {
            self.fetch_to_the_end(&entry, place, ctx.now).await;
        }
        drop(fetching);
        let known = lock(&entry.known).clone();
        match known.failure {
            Some(failure) => Err(KeySetUnavailable(failure)),
            None => known.answer(ctx.now).map(drop),
        }
    }

    fn entry(&self, place: &KeySetPlace) -> Arc<Entry> {
        let made =
            self.entries.get_or_insert_with(place, || Ok::<_, std::convert::Infallible>(Arc::default()));
        made.unwrap_or_else(|never| match never {})
    }

    /// Fetches on a task of its own: whoever asked may go away, and the next one would have to wait for half a minute.
    async fn fetch_to_the_end(&self, entry: &Arc<Entry>, place: &KeySetPlace, now: Timestamp) {
        lock(&entry.known).tried_at = Some(now.seconds());
        let Some(fetcher) = self.fetcher.get().cloned() else {
            lock(&entry.known).failure = Some("this installation fetches no issuers".to_owned());
            return;
        };
        let (entry, place) = (Arc::clone(entry), place.clone());
        let task = tokio::spawn(async move {
            let outcome = fetch_keys(&*fetcher, &place).await;
            let mut known = lock(&entry.known);
            match outcome {
                Ok((keys, max_age_seconds)) => {
                    let fresh =
                        max_age_seconds.unwrap_or(0).clamp(*FRESH_SECONDS.start(), *FRESH_SECONDS.end());
                    known.keys = Some(Arc::new(keys));
                    known.fresh_until = now.seconds().saturating_add(fresh);
                    known.failure = None;
                }
                Err(FetchError(why)) => {
                    tracing::warn!(issuer = ?place, "cannot fetch keys: {why}");
                    known.failure = Some(why);
                }
            }
        });
        let _ = task.await;
    }
}

async fn fetch_keys(
    fetcher: &dyn IssuerFetcher,
    place: &KeySetPlace,
) -> Result<(KeySet, Option<i64>), FetchError> {
    let url = match place {
        KeySetPlace::At(url) => url.as_str().to_owned(),
        KeySetPlace::OfIssuer(issuer) => {
            let at = issuer.discovery_url();
            let document = fetcher.fetch(&at).await?;
            jwks_uri(issuer, &document.body).map_err(|why| FetchError(format!("{at} {why}")))?
        }
    };
    let published = fetcher.fetch(&url).await?;
    let keys = KeySet::parse(&published.body).map_err(|why| FetchError(format!("{url}: {why}")))?;
    Ok((keys, published.max_age_seconds))
}

/// Where a discovery document says that the keys are.
fn jwks_uri(issuer: &IssuerUrl, document: &[u8]) -> Result<String, String> {
    let document = parse_claims(document).map_err(|_| "is no JSON object with unique names".to_owned())?;
    let text = |name: &str| document.get(name).and_then(serde_json::Value::as_str);
    match text("issuer") {
        Some(named) if named == issuer.as_str() => {}
        Some(named) => {
            let named = domain::text::shown(named, 200);
            return Err(format!("is of the issuer {named}: write the issuer as its tokens have it in `iss`"));
        }
        None => return Err("names no `issuer`".to_owned()),
    }
    text("jwks_uri").map(str::to_owned).ok_or_else(|| "names no `jwks_uri`".to_owned())
}
