//! The middleware: every request passes here first and last.

use crate::{RequestHead, TrustedProxies};
use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request},
};
use domain::{Clock, Entropy, entropy};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version, header};
use metrics::{Histogram, histogram};
use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::Display,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// What the middleware needs to know. Cheap to clone.
#[derive(Clone)]
pub struct RequestMiddleware(Arc<Parts>);

struct Parts {
    /// Where each request's one "now" comes from.
    clock: Arc<dyn Clock>,
    /// Which proxies may name the client's address.
    proxies: TrustedProxies,
    /// The name of the next request.
    name: AtomicU64,
}

/// Why a request failed, for the log alone.
#[derive(Debug, Clone)]
pub struct Cause(pub Arc<str>);

impl Cause {
    /// Leaves it with the answer, where the middleware finds it: whoever answers with a failure does.
    pub fn leave(why: &dyn Display, response: &mut Response<Body>) {
        response.extensions_mut().insert(Self(why.to_string().into()));
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// 2^64 divided by the golden ratio: steps of this visit every number once, and neighbours look nothing like each other.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl RequestMiddleware {
    /// A middleware with this clock, which believes these proxies. Names of requests start somewhere at random, so that those of
    /// several nodes differ.
    pub fn new(clock: Arc<dyn Clock>, entropy: &dyn Entropy, proxies: TrustedProxies) -> Self {
        let name = AtomicU64::new(u64::from_be_bytes(entropy::random(entropy)));
        Self(Arc::new(Parts { clock, proxies, name }))
    }

    /// Sixteen hexadecimal digits: enough to find one request in the logs of a year.
    fn name(&self) -> String {
        format!("{:016x}", self.0.name.fetch_add(STEP, Ordering::Relaxed))
    }

    /// Gives a request its [`RequestHead`], lets `serve` answer it, then measures and logs the answer.
    ///
    /// The log has the path without its query, and of a link with a secret in it only the route: nothing that authenticates is
    /// written down.
    pub async fn enter<F>(self, mut request: Request, serve: impl FnOnce(Request) -> F) -> Response<Body>
    where
        F: Future<Output = Response<Body>>,
    {
        let started = Instant::now();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let address = peer.map(|peer| self.0.proxies.client(peer, request.headers()));
        let request_id = self.name();
        let head = RequestHead::new(Arc::clone(&self.0.clock), address, request_id.clone());
        request.extensions_mut().insert(head);
        let log = RequestLog {
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            address,
            started,
            request_id,
        };
        let mut response = if names_one_host(&request) { serve(request).await } else { without_host() };
        log.note(&response);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&log.request_id) {
            headers.insert(REQUEST_ID, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// RFC 9112 §3.2: whoever names no host, or two, must not be answered as if it were clear which one is meant.
fn names_one_host(request: &Request) -> bool {
    request.version() != Version::HTTP_11 || request.headers().get_all(header::HOST).iter().count() == 1
}

fn without_host() -> Response<Body> {
    let mut response =
        Response::new(Body::from("an HTTP/1.1 request has one Host header (RFC 9112 section 3.2)\n"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// What is to be told of a request once it is answered.
struct RequestLog {
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    address: Option<IpAddr>,
    started: Instant,
    request_id: String,
}

impl RequestLog {
    fn note(&self, response: &Response<Body>) {
        let elapsed = self.started.elapsed();
        let status = response.status();
        let route = self.route.as_ref().map(MatchedPath::as_str);
        record(route.unwrap_or("other"), status, elapsed.as_secs_f64());
        let cause = response.extensions().get::<Cause>().map(|Cause(why)| &**why);
        if status.as_u16() < 400 && cause.is_none() && !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let path = logged_path(self.uri.path(), route);
        let ms = elapsed.as_secs_f64() * 1000.0;
        let request_id = &self.request_id;
        // A method of a stranger's own making is as long and as secret as it likes.
        let method = if is_known(&self.method) { self.method.as_str() } else { "other" };
        let address = self.address.map(tracing::field::display);
        match status.as_u16() {
            // GraphQL answers 200 also where a field failed on our side.
            code if code >= 500 || (code < 400 && cause.is_some()) => {
                tracing::error!(%request_id, method, path, status = code, ms, address, cause, "answered");
            }
            code @ 400.. => {
                tracing::info!(%request_id, method, path, status = code, ms, address, cause, "answered");
            }
            code => tracing::debug!(%request_id, method, path, status = code, ms, address, "answered"),
        }
    }
}

fn is_known(method: &Method) -> bool {
    [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ]
    .contains(method)
}

/// By route and status.
type Meters = HashMap<Box<str>, Vec<(StatusCode, Histogram)>>;

thread_local! {
    /// Looking a histogram up by its labels costs more than everything else here.
    static METERS: RefCell<Meters> = RefCell::default();
}

fn record(route: &str, status: StatusCode, seconds: f64) {
    METERS.with_borrow_mut(|meters| {
        let by_status = match meters.get_mut(route) {
            Some(by_status) => by_status,
            None => meters.entry(route.into()).or_default(),
        };
        if let Some((_, histogram)) = by_status.iter().find(|(known, _)| *known == status) {
            return histogram.record(seconds);
        }
        let labels = [("route", route.to_owned()), ("status", status.as_str().to_owned())];
        let histogram = histogram!("duku_http_request_seconds", &labels);
        histogram.record(seconds);
        by_status.push((status, histogram));
    });
}

/// Longer than any path of ours: what a stranger writes must not fill the logs.
const LOGGED_CHARACTERS: usize = 200;

/// No word is so long, and every secret of a link is longer.
const SECRET_CHARACTERS: usize = 32;

/// The path as logs may have it: the routes of links name their secret `{code}`, and elsewhere what may be a secret is left out.
pub(crate) fn logged_path(path: &str, route: Option<&str>) -> String {
    let path = match route {
        Some(route) if route.contains("{code}") => route.to_owned(),
        _ => path.split('/').map(without_secret).collect::<Vec<_>>().join("/"),
    };
    match path.char_indices().nth(LOGGED_CHARACTERS) {
        Some((end, _)) => format!("{}…", path.get(..end).unwrap_or_default()),
        None => path,
    }
}

/// A segment of a path, unless it may be the secret of a link, or hold it.
fn without_secret(segment: &str) -> &str {
    let base64url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let longest = segment.split(|c| !base64url(c)).map(str::len).max().unwrap_or_default();
    if longest < SECRET_CHARACTERS { segment } else { "…" }
}

#[cfg(test)]
mod tests {
    use super::logged_path;

    #[test]
    fn the_secret_of_a_link_is_not_logged_however_the_link_was_copied() {
        let secret = "dNfF_crpitKZxZn-cFDf4ZbtTSQL8sZyEJc_5_15qIk";
        let logged = |path: &str, route| logged_path(&path.replace("SECRET", secret), route);
        assert_eq!(logged("/reset/SECRET", Some("/reset/{code}")), "/reset/{code}");
        assert_eq!(logged("/reset/SECRET/", None), "/reset/…/");
        assert_eq!(logged("//invite/%22SECRET.", None), "//invite/…");
        assert_eq!(logged("/p/SECRET", Some("/p/{subject}")), "/p/…");
        assert_eq!(logged("/settings/api-kyes/key_01m86b0ev2etta2q778m598pdv", None).matches('…').count(), 0);
    }

    #[test]
    fn a_stranger_cannot_fill_the_logs_with_one_path() {
        assert_eq!(logged_path("/p/sbj_1", None), "/p/sbj_1");
        let logged = logged_path(&"/é".repeat(10_000), None);
        assert_eq!(logged.chars().count(), 201);
        assert!(logged.ends_with('…'));
    }
}
