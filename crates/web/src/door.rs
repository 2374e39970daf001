//! The door: every request passes here first and last.

use crate::{RequestContext, TrustedProxies};
use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
};
use domain::{Clock, Entropy, environment};
use http::{HeaderName, HeaderValue, Response, header};
use std::{net::SocketAddr, sync::Arc, time::Instant};
use tracing::Instrument;

/// What the door needs to know.
#[derive(Clone)]
pub struct Door {
    /// Where each request's one "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Where the names of requests come from.
    pub entropy: Arc<dyn Entropy>,
    /// Which proxies may name the client's address.
    pub proxies: Arc<TrustedProxies>,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Middleware that gives a request its [`RequestContext`], then measures and logs the answer.
///
/// The log has the path without its query, and of a link with a secret in it only the route: nothing that opens a door is
/// written down.
pub async fn enter(State(door): State<Door>, mut request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let address = peer.map(|peer| door.proxies.client(peer, request.headers()));
    let context = RequestContext { now: door.clock.now(), address, request_id: name(&*door.entropy) };
    let request_id = context.request_id.clone();
    request.extensions_mut().insert(context);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = logged_path(request.uri().path(), route.as_ref());

    let span = tracing::info_span!("request", id = %request_id);
    let mut response = next.run(request).instrument(span).await;

    let elapsed = started.elapsed();
    let status = response.status();
    let route = route.map_or_else(|| "other".to_owned(), |route| route.as_str().to_owned());
    metrics::histogram!("duku_http_request_seconds", "route" => route, "status" => status.as_str().to_owned())
        .record(elapsed);
    let ms = elapsed.as_secs_f64() * 1000.0;
    let status = status.as_u16();
    let address = address.map(tracing::field::display);
    match status {
        500.. => tracing::error!(%request_id, %method, path, status, ms, address, "answered"),
        400.. => tracing::info!(%request_id, %method, path, status, ms, address, "answered"),
        _ => tracing::debug!(%request_id, %method, path, status, ms, address, "answered"),
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The path as logs may have it: the routes of links name their secret `{code}`.
fn logged_path(path: &str, route: Option<&MatchedPath>) -> String {
    let secret = route.map(MatchedPath::as_str).filter(|route| route.contains("{code}"));
    secret.unwrap_or(path).to_owned()
}

/// Sixteen hexadecimal digits: enough to find one request in the logs of a year.
fn name(entropy: &dyn Entropy) -> String {
    format!("{:016x}", u64::from_be_bytes(environment::random::<8>(entropy)))
}
