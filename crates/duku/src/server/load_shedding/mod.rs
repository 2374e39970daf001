//! Load shedding: requests beyond what the server can answer in time are rejected at once and cheaply, so that the others get their
//! answer, and so that it is over as soon as the overload is.
//!
//! Requests are of classes, and each class has permits of its own: where one stands still, the others go on. Requests that are
//! worked on are counted, whether they wait for the database or for the processor. While many are, no more are admitted than will
//! be answered in time, at the rate of the last half second; but whoever is below the fair share of the class is admitted
//! although others use it up. Those beyond are rejected in their first turn, which is short: so the queue at the processor is those
//! who are worked on, and newcomers do not wait behind an overload to be rejected. While few are worked on, answers tell how many
//! come, not how many could, so whoever comes at once after a quiet time is admitted.

mod fairness;
mod memory;
mod rate;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use fairness::{Client, Clients};
use hyper::body::{Frame, Incoming, SizeHint};
pub(crate) use memory::Reservation;
use memory::{REQUEST, RequestMemory};
use rate::{AT_ONCE, MEASUREMENTS, Rate, allowed};
use std::{
    hash::RandomState,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use store::Origin;

/// How often the rates are measured.
const MEASURE: Duration = Duration::from_millis(25);
/// How often an overload that stays is mentioned in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What a request is, as far as its path tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// `/healthz` and `/readyz`. They are always admitted: they must tell an overload from an outage.
    Probe = 1,
    /// The authorization server's endpoints for machines: exchanges, introspection, revocation, published keys.
    Token,
    /// The GraphQL API.
    Graphql,
    /// Where people sign in: passwords are hashed there.
    SignIn,
    /// Viewport and the documentation.
    Page,
}

impl Class {
    const LIMITED: [Self; 4] = [Self::Token, Self::Graphql, Self::SignIn, Self::Page];

    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/healthz" | "/readyz" => Self::Probe,
            "/graphql" => Self::Graphql,
            _ if path.starts_with("/.well-known/") => Self::Token,
            _ if path.starts_with("/realms/") => {
                if path.contains("/protocol/openid-connect/auth") {
                    Self::SignIn
                } else {
                    Self::Token
                }
            }
            _ => Self::Page,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Token => "token",
            Self::Graphql => "graphql",
            Self::SignIn => "sign_in",
            Self::Page => "page",
        }
    }
}

/// The permits of one class.
#[derive(Debug)]
struct Permits {
    class: Class,
    /// How many requests may be worked on now.
    allowed: AtomicUsize,
    working: AtomicUsize,
    /// Every request that was admitted and is done with.
    done: AtomicUsize,
    clients: Clients,
    shed_total: metrics::Counter,
    working_now: metrics::Gauge,
}

impl Permits {
    fn new(class: Class, most: usize) -> Self {
        let shed_total = metrics::counter!("duku_requests_shed_total", "class" => class.name());
        shed_total.increment(0);
        Self {
            class,
            allowed: AtomicUsize::new(most),
            working: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            clients: Clients::new(),
            shed_total,
            working_now: metrics::gauge!("duku_requests_working", "class" => class.name()),
        }
    }

    /// Counts one more request, unless it is too much.
    fn admit(&self, client: Client, most: usize) -> bool {
        let before = self.working.fetch_add(1, Relaxed);
        let usage = self.clients.enter(client);
        let allowed = self.allowed.load(Relaxed);
        let admitted = before < most && (before < allowed || usage.is_within_share(allowed));
        if !admitted {
            self.clients.leave(client);
            self.working.fetch_sub(1, Relaxed);
        }
        admitted
    }

    /// Adjusts how many are admitted, so that nobody waits much longer than `patience`. Answers how many are worked on.
    fn measure(&self, rate: &mut Rate, most: usize, patience: Duration) -> usize {
        let working = self.working.load(Relaxed);
        if working <= AT_ONCE {
            rate.forget();
            self.allowed.store(most, Relaxed);
        } else {
            let each = rate.each(Instant::now(), self.done.load(Relaxed));
            self.allowed.store(allowed(each, patience).min(most), Relaxed);
        }
        #[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
        self.working_now.set(working as f64);
        working
    }
}

/// Every request that is at the server now.
#[derive(Debug)]
pub struct LoadShedder {
    /// The most requests of a class that are worked on at once.
    most: usize,
    classes: [Arc<Permits>; 4],
    memory: Arc<RequestMemory>,
    keys: RandomState,
    shed: AtomicUsize,
    draining: AtomicBool,
}

impl LoadShedder {
    /// At most so many requests of each class are worked on at once, and all that are under way take at most so many bytes.
    pub fn new(most: usize, memory_bytes: usize) -> Self {
        Self {
            most,
            memory: RequestMemory::new(memory_bytes),
            classes: Class::LIMITED.map(|class| Arc::new(Permits::new(class, most))),
            keys: RandomState::new(),
            shed: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
        }
    }

    /// The server is on its way down: from now on it is not ready, and every answer asks its client to connect anew next time, to
    /// whoever is there then.
    pub fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Whether the server is on its way down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// A permit for a request, unless it is too much. `headers` may name a credential; it is not proved yet.
    pub(crate) fn admit(
        &self,
        class: Class,
        address: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Permit, Overloaded> {
        let Some(permits) = self.permits(class) else { return Ok(Permit(None)) };
        let client = Client::of(&self.keys, address, credential(headers));
        let Some(memory) = self.memory.reserve(address).filter(|_| permits.admit(client, self.most)) else {
            return Err(self.reject(class));
        };
        let (permits, memory) = (Arc::clone(permits), Arc::new(memory));
        Ok(Permit(Some(Arc::new(Held { permits, client, works: AtomicBool::new(true), memory }))))
    }

    /// The permits of a class; probes need none.
    fn permits(&self, class: Class) -> Option<&Arc<Permits>> {
        self.classes.iter().find(|permits| permits.class == class)
    }

    /// Rejects a request, and counts it.
    pub(crate) fn reject(&self, class: Class) -> Overloaded {
        if let Some(permits) = self.permits(class) {
            permits.shed_total.increment(1);
        }
        Overloaded(self.shed.fetch_add(1, Relaxed))
    }

    /// Adjusts how many are admitted, for ever, so that nobody waits much longer than `patience`.
    pub async fn watch(self: Arc<Self>, patience: Duration) {
        let mut logged = Logged::default();
        let mut rates = Class::LIMITED.map(|_| Rate::over(MEASUREMENTS));
        loop {
            tokio::time::sleep(MEASURE).await;
            let measured = self.classes.iter().zip(&mut rates);
            let working = measured.map(|(class, rate)| class.measure(rate, self.most, patience)).sum();
            logged.note(self.shed.load(Relaxed), working);
        }
    }
}

/// The end of an access token is its signature, and that of a client's pair its secret: so much tells one from another.
const CREDENTIAL_END: usize = 64;

/// What a client authenticates with, if its headers say.
fn credential(headers: &HeaderMap) -> &[u8] {
    match headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes) {
        Some(value) => value.get(value.len().saturating_sub(CREDENTIAL_END)..).unwrap_or_default(),
        None => headers.get(header::COOKIE).map_or(&[], HeaderValue::as_bytes),
    }
}

/// What was said about an overload.
#[derive(Default)]
struct Logged {
    shed: usize,
    at: Option<Instant>,
}

impl Logged {
    fn note(&mut self, shed: usize, working: usize) {
        if shed == self.shed || self.at.is_some_and(|at| at.elapsed() < LOG_INTERVAL) {
            return;
        }
        let since_last = shed.wrapping_sub(self.shed);
        tracing::warn!(
            since_last,
            working,
            "more requests come than can be served: those beyond are answered 503"
        );
        (self.shed, self.at) = (shed, Some(Instant::now()));
    }
}

impl Permit {
    /// The memory of the request; a probe's is not counted.
    pub(crate) fn memory(&self) -> Option<Arc<Reservation>> {
        self.0.as_ref().map(|held| Arc::clone(&held.memory))
    }

    /// On whose behalf the request asks the database.
    pub(crate) fn origin(&self) -> Origin {
        self.0.as_ref().map_or(Origin::default(), |held| Origin {
            class: held.permits.class as u8,
            client: held.client.number(),
        })
    }
}

/// One request that is worked on. Time in which its client is waited for does not count: slow senders hold no permit.
#[derive(Debug, Clone)]
pub(crate) struct Permit(Option<Arc<Held>>);

#[derive(Debug)]
struct Held {
    permits: Arc<Permits>,
    client: Client,
    works: AtomicBool,
    memory: Arc<Reservation>,
}

impl Permit {
    fn work(&self, works: bool) {
        if let Some(held) = &self.0 {
            held.work(works);
        }
    }
}

impl Held {
    fn work(&self, works: bool) {
        if self.works.swap(works, Relaxed) == works {
            return;
        }
        if works {
            self.permits.working.fetch_add(1, Relaxed);
            self.permits.clients.enter(self.client);
        } else {
            self.permits.working.fetch_sub(1, Relaxed);
            self.permits.clients.leave(self.client);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.work(false);
        self.permits.done.fetch_add(1, Relaxed);
    }
}

/// A body that says when its client keeps us waiting, and ends where there is no memory for more of it.
pub(crate) struct IncomingBody {
    body: Incoming,
    permit: Permit,
    bytes: usize,
}

impl IncomingBody {
    pub(crate) const fn new(body: Incoming, permit: Permit) -> Self {
        Self { body, permit, bytes: 0 }
    }

    /// Whether there is memory for so many bytes more.
    fn takes(&mut self, bytes: usize) -> bool {
        let beyond = (self.bytes + bytes).saturating_sub(self.bytes.max(REQUEST));
        self.bytes += bytes;
        beyond == 0 || self.permit.0.as_ref().is_none_or(|held| held.memory.grow(beyond))
    }
}

impl HttpBody for IncomingBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.permit.work(polled.is_ready());
        Poll::Ready(match ready!(polled) {
            Some(Ok(frame)) if self.takes(frame.data_ref().map_or(0, Bytes::len)) => Some(Ok(frame)),
            Some(Ok(_)) => Some(Err("there is no memory for more of the body".into())),
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Readable for clients of either surface: OAuth's two members, and GraphQL's `errors`.
const OVERLOADED: &str = r#"{"error":"temporarily_unavailable","error_description":"More requests come than can be served just now. Nothing was done; try again in a moment.","errors":[{"message":"more requests come than can be served just now: nothing was done, try again in a moment","extensions":{"code":"INTERNAL"}}]}"#;

/// One of those beyond, by number.
#[derive(Debug)]
pub(crate) struct Overloaded(usize);

impl Overloaded {
    /// They are asked to come back at different times, or they would be too many again.
    const fn retry_after_seconds(&self) -> usize {
        1 + self.0 % 3
    }

    pub(crate) fn respond(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(OVERLOADED));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after_seconds()));
        response
    }
}

#[cfg(test)]
mod tests;
