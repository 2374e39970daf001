//! What operators and their probes ask: is it alive, is it ready, what are its numbers.

use crate::server::load_shedding::LoadShedder;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Response, StatusCode, header, request::Parts},
    routing::get,
};
use futures::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use service::{Error, Service};
use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use store::StoreError;
use tokio::sync::Mutex;
use viewport::Viewport;
use web::Cause;

/// `/healthz` and `/readyz`.
pub fn router(service: Service, shedder: Arc<LoadShedder>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { web::json(StatusCode::OK, &json!({ "status": "ok" })) }))
        .route("/readyz", get(ready))
        .with_state((service, shedder, Arc::default()))
}

async fn ready(
    State((service, shedder, last)): State<(Service, Arc<LoadShedder>, Arc<LastCheck>)>,
) -> Response<Body> {
    if shedder.is_draining() {
        return unready("this node is stopping");
    }
    let check = async || {
        service.ready().await.map_err(|error| {
            tracing::warn!(%error, "not ready");
            reason(&error).into()
        })
    };
    match last.check(Instant::now, check).await {
        Ok(()) => {
            web::json(StatusCode::OK, &json!({ "status": "ready", "database": service.store().engine() }))
        }
        Err(why) => unready(&why),
    }
}

/// How long a check of the database answers for others.
const CHECK_AGE: Duration = Duration::from_secs(1);

/// The last check of the database, and when it ended. Probes are never shed, so a flood of them must not be one of the database:
/// those that come together wait for one check, and those that come within a second of it get its result.
#[derive(Debug, Default)]
struct LastCheck(Mutex<Option<(Instant, Checked)>>);

/// Why the database cannot be used, if so.
type Checked = Result<(), Arc<str>>;

impl LastCheck {
    async fn check(&self, now: impl Fn() -> Instant, check: impl AsyncFnOnce() -> Checked) -> Checked {
        let mut last = self.0.lock().await;
        if let Some((at, checked)) = &*last
            && now().saturating_duration_since(*at) < CHECK_AGE
        {
            return checked.clone();
        }
        let checked = check().await;
        *last = Some((now(), checked.clone()));
        checked
    }
}

/// What everyone may know of it: not who may not enter the database, nor where it is.
fn reason(error: &Error) -> String {
    match error {
        Error::Store(StoreError::TooManyConnections(_)) => {
            "the database is not available: it takes no more connections".to_owned()
        }
        Error::Store(error) if error.is_temporary() => error.to_string(),
        _ => "the database cannot be used just now; the log says why".to_owned(),
    }
}

fn unready(why: &str) -> Response<Body> {
    let mut response =
        web::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "unavailable", "reason": why }));
    response.headers_mut().insert(header::RETRY_AFTER, web::retry_after(1));
    response
}

/// The numbers, for their own listener.
pub fn metrics_router(handle: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(move || async move { handle.render() }))
}

/// The answer for a path that there is not: a page for people, JSON for programs.
pub async fn not_found(viewport: &Viewport, parts: &mut Parts, discovery: &str) -> Response<Body> {
    let accepted = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accepted.contains("text/html") {
        return viewport.not_found(parts).await;
    }
    let description =
        format!("There is nothing at this path. The GraphQL API is at /graphql; {discovery} names the rest.");
    failed(StatusCode::NOT_FOUND, "not_found", "NOT_FOUND", &description)
}

/// Gives a request a time to be answered in, and answers for it if that is over or if a bug breaks it off: the request is
/// lost then, the server is not.
pub async fn with_timeout(
    patience: Duration,
    answer: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    match AssertUnwindSafe(tokio::time::timeout(patience, answer)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => too_slow(),
        Err(panic) => after_panic(&*panic),
    }
}

/// Most likely its body never came.
fn too_slow() -> Response<Body> {
    let description = "The request took too long and was given up. If it was to change something, look first whether it did.";
    failed(StatusCode::REQUEST_TIMEOUT, "request_timeout", "INTERNAL", description)
}

fn after_panic(panic: &(dyn Any + Send)) -> Response<Body> {
    let message =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let description =
        "Something went wrong here, not with the request. The X-Request-Id names it in our logs.";
    let mut response = failed(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "INTERNAL", description);
    Cause::leave(&format_args!("a panic: {}", message.unwrap_or("unknown")), &mut response);
    response
}

/// A rejection that clients of either surface can read: OAuth's two members, and GraphQL's `errors`.
fn failed(status: StatusCode, error: &str, code: &str, description: &str) -> Response<Body> {
    let errors = json!([{ "message": description, "extensions": { "code": code } }]);
    web::json(status, &json!({ "error": error, "error_description": description, "errors": errors }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn probes_that_come_within_a_second_share_one_check() {
        use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
        let (last, checks, began) = (LastCheck::default(), AtomicUsize::new(0), Instant::now());
        let down = AtomicBool::new(false);
        let ask = |milliseconds| {
            let check = async || {
                checks.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                if down.load(Ordering::Relaxed) { Err("the database is away".into()) } else { Ok(()) }
            };
            last.check(move || began + Duration::from_millis(milliseconds), check)
        };
        let answers = futures::future::join_all((0..1000).map(|probe| ask(probe % 1000))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(checks.load(Ordering::Relaxed), 1, "they come together");
        down.store(true, Ordering::Relaxed);
        assert_eq!(ask(999).await, Ok(()), "within a second");
        let away = Err(Arc::from("the database is away"));
        assert_eq!((ask(1000).await, ask(1500).await), (away.clone(), away), "a failure counts as long");
        assert_eq!(checks.load(Ordering::Relaxed), 2);
        down.store(false, Ordering::Relaxed);
        assert_eq!(ask(2000).await, Ok(()));
        assert_eq!(checks.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_bug_loses_its_request_alone_and_leaves_the_cause_for_the_log() {
        let answer = with_timeout(Duration::from_secs(5), async { panic!("it fell over") }).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let Cause(cause) = answer.extensions().get::<Cause>().unwrap();
        assert_eq!(&**cause, "a panic: it fell over");
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_given_up() {
        let answer = with_timeout(Duration::from_millis(1), std::future::pending()).await;
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    }
}
