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
    let path = logged_path(request.uri().path(), route.as_ref().map(MatchedPath::as_str));

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

/// Longer than any path of ours: what a stranger writes must not fill the logs.
const LOGGED_CHARACTERS: usize = 200;

/// No word is so long, and every secret of a link is longer.
const SECRET_CHARACTERS: usize = 32;

/// The path as logs may have it: the routes of links name their secret `{code}`, and a link that was not copied well leads
/// past every route.
pub(crate) fn logged_path(path: &str, route: Option<&str>) -> String {
    let path = match route {
        Some(route) if route.contains("{code}") => route.to_owned(),
        Some(_) => path.to_owned(),
        None => path.split('/').map(without_secret).collect::<Vec<_>>().join("/"),
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

/// Sixteen hexadecimal digits: enough to find one request in the logs of a year.
fn name(entropy: &dyn Entropy) -> String {
    format!("{:016x}", u64::from_be_bytes(environment::random::<8>(entropy)))
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
