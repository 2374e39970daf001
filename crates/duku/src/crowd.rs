//! More requests than the server can do: those beyond are told so at once and cheaply, so that the others get their answer
//! in time, and so that it is over as soon as the crowd is.
//!
//! Requests that are worked on are counted, whether they wait for the database or for the processor. While many are, no more are
//! let in than will be answered in time, at the rate of the last half second. Those beyond are told so in their first turn, which
//! is short: so the queue at the processor is those who are worked on, and newcomers do not wait behind a crowd to be refused. A
//! watch estimates the rate forty times a second; while few are worked on, answers tell how many come, not how many could, so
//! whoever comes at once after a quiet time is let in.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Frame, Incoming, SizeHint};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// So many requests are worked on without waiting for each other, or close to it: no crowd.
const AT_ONCE: usize = 16;
const WATCH: Duration = Duration::from_millis(25);
/// A request queues up to so often: to be read, for its look-up, for its work, and to be answered. All of it is the time that it
/// may wait.
const TURNS: u32 = 4;
/// How many watches the rate of answers is taken from.
const ANSWERS: usize = 20;
/// What is believed of a rate beforehand: a millisecond for each of so many. A process that was not given the processor for
/// a moment must not look like one that nobody gets an answer from.
const BELIEVED: u32 = 50;
/// How often a crowd that stays is mentioned in the log.
const REMARK: Duration = Duration::from_secs(10);

fn shed_total() -> metrics::Counter {
    metrics::counter!("duku_requests_shed_total")
}

/// Everyone who is at the server now.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    /// How many may be worked on now.
    allowed: AtomicUsize,
    working: AtomicUsize,
    /// Every request that was let in and is done with.
    done: AtomicUsize,
    shed: AtomicUsize,
    leaving: AtomicBool,
}

impl Crowd {
    /// At most so many requests are worked on at once.
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            allowed: AtomicUsize::new(most),
            working: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            shed: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
        }
    }

    /// From now on every answer asks its client to connect anew next time, to whoever is there then.
    pub fn leave(&self) {
        self.leaving.store(true, Relaxed);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Relaxed)
    }

    /// A place for the request, unless it is too much. Probes always get one: they must tell a crowd from an outage.
    pub(crate) fn admit(self: &Arc<Self>, path: &str) -> Result<Arc<Place>, TooMany> {
        let working = self.working.fetch_add(1, Relaxed);
        if working < self.allowed.load(Relaxed) || is_probe(path) {
            return Ok(Arc::new(Place { crowd: Arc::clone(self), works: AtomicBool::new(true) }));
        }
        self.working.fetch_sub(1, Relaxed);
        Err(self.shed())
    }

    /// One more request that is not served.
    pub(crate) fn shed(&self) -> TooMany {
        shed_total().increment(1);
        TooMany(self.shed.fetch_add(1, Relaxed))
    }

    /// Adjusts how many are let in, for ever, so that nobody waits much longer than `patience`.
    pub async fn watch(self: Arc<Self>, patience: Duration) {
        let (mut remarks, mut answers) = (Remarks::default(), Rate::over(ANSWERS));
        shed_total().increment(0);
        loop {
            tokio::time::sleep(WATCH).await;
            let (now, working) = (Instant::now(), self.working.load(Relaxed));
            if working <= AT_ONCE {
                answers.forget();
                self.allowed.store(self.most, Relaxed);
            } else {
                let allowed = allowed(answers.each(now, self.done.load(Relaxed)), patience);
                self.allowed.store(allowed.min(self.most), Relaxed);
            }
            #[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
            metrics::gauge!("duku_requests_working").set(working as f64);
            remarks.note(self.shed.load(Relaxed), working);
        }
    }
}

/// Whether a path is a probe's.
pub(crate) fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// What was said about the crowd.
#[derive(Default)]
struct Remarks {
    shed: usize,
    at: Option<Instant>,
}

impl Remarks {
    fn note(&mut self, shed: usize, working: usize) {
        if shed == self.shed || self.at.is_some_and(|at| at.elapsed() < REMARK) {
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

/// How fast something goes, from the counts of the last watches.
struct Rate {
    seen: VecDeque<(Instant, usize)>,
    most: usize,
}

impl Rate {
    const fn over(most: usize) -> Self {
        Self { seen: VecDeque::new(), most }
    }

    fn forget(&mut self) {
        self.seen.clear();
    }

    /// How long each takes, now that so many have been counted.
    fn each(&mut self, now: Instant, count: usize) -> Duration {
        let (since, before) = self.seen.front().copied().unwrap_or((now, count));
        self.seen.push_back((now, count));
        if self.seen.len() > self.most {
            self.seen.pop_front();
        }
        each(now - since, count.wrapping_sub(before))
    }
}

fn each(elapsed: Duration, count: usize) -> Duration {
    let count = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(BELIEVED);
    (elapsed + Duration::from_millis(u64::from(BELIEVED))) / count
}

/// How many may be worked on, so that the last of them is answered in time.
fn allowed(each: Duration, patience: Duration) -> usize {
    let behind_each_other = (patience / TURNS).as_nanos() / each.as_nanos().max(1);
    AT_ONCE.saturating_add(usize::try_from(behind_each_other).unwrap_or(usize::MAX))
}

/// One request that is worked on. Time in which its client is waited for does not count: slow senders take no place.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    works: AtomicBool,
}

impl Place {
    fn work(&self, works: bool) {
        if self.works.swap(works, Relaxed) == works {
            return;
        }
        if works {
            self.crowd.working.fetch_add(1, Relaxed);
        } else {
            self.crowd.working.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.work(false);
        self.crowd.done.fetch_add(1, Relaxed);
    }
}

/// A body that says when its client keeps us waiting.
pub(crate) struct Arriving {
    pub(crate) body: Incoming,
    pub(crate) place: Arc<Place>,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.place.work(polled.is_ready());
        Poll::Ready(ready!(polled))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Readable for clients of either surface: OAuth's two members, and GraphQL's `errors`.
const TOO_MANY: &str = r#"{"error":"temporarily_unavailable","error_description":"More requests come than can be served just now. Nothing was done; try again in a moment.","errors":[{"message":"more requests come than can be served just now: nothing was done, try again in a moment","extensions":{"code":"INTERNAL"}}]}"#;

/// One of those beyond, by number.
#[derive(Debug)]
pub(crate) struct TooMany(usize);

impl TooMany {
    /// They are asked to come back at different times, or they would be a crowd again.
    const fn retry_after_seconds(&self) -> usize {
        1 + self.0 % 3
    }

    pub(crate) fn respond(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(TOO_MANY));
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
#[path = "crowd_tests.rs"]
mod tests;
