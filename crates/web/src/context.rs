//! The circumstances of one request: first what its head tells, then, once it is whole, its time.

use axum::body::Bytes;
use axum::extract::Request;
use domain::{Clock, RequestContext, Timestamp};
use http::{HeaderMap, header, request::Parts};
use std::{fmt, net::IpAddr, sync::Arc};

use crate::body::{BodyError, read_body};

/// What is known of a request before its body is read. Every handler finds one in the request's extensions; it has no time
/// yet, because a body may take as long as its sender likes.
#[derive(Clone)]
pub struct RequestHead {
    clock: Arc<dyn Clock>,
    address: Option<IpAddr>,
    request_id: String,
}

impl RequestHead {
    /// A request that `clock` tells the time of.
    pub const fn new(clock: Arc<dyn Clock>, address: Option<IpAddr>, request_id: String) -> Self {
        Self { clock, address, request_id }
    }

    /// The time now, for an answer that takes long.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn whole(&self, headers: &HeaderMap) -> RequestContext {
        RequestContext {
            now: self.clock.now(),
            address: self.address,
            user_agent: user_agent(headers),
            request_id: self.request_id.clone(),
        }
    }
}

/// A header's text is ASCII, so it can be cut anywhere.
fn user_agent(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?.trim();
    let kept = text.get(..text.len().min(RequestContext::USER_AGENT))?;
    (!kept.is_empty()).then(|| kept.into())
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

/// Reads a request to its end, with a body of at most `maximum` bytes; then, and not before, takes its time.
///
/// # Errors
/// The body is larger, or the connection broke.
pub async fn receive(request: Request, maximum: usize) -> Result<(Parts, Bytes), BodyError> {
    let (mut parts, body) = request.into_parts();
    let body = read_body(body, maximum).await?;
    if let Some(context) = parts.extensions.get::<RequestHead>().map(|head| head.whole(&parts.headers)) {
        parts.extensions.insert(context);
    }
    Ok((parts, body))
}

/// The circumstances of a request that [`receive`] has read, or of one whose body is not read at all, which is whole when
/// its head is. None if it did not come through the middleware.
pub fn context(parts: &Parts) -> Option<RequestContext> {
    let received = parts.extensions.get::<RequestContext>().cloned();
    received.or_else(|| parts.extensions.get::<RequestHead>().map(|head| head.whole(&parts.headers)))
}

/// The time now, for a request that has waited since its own time was taken.
pub fn now(parts: &Parts) -> Option<Timestamp> {
    parts.extensions.get::<RequestHead>().map(RequestHead::now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[derive(Default)]
    struct Ticking(AtomicI64);
    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(self.0.load(Ordering::Relaxed))
        }
    }

    #[tokio::test]
    async fn the_time_of_a_request_is_when_its_body_has_come() {
        let clock = Arc::new(Ticking::default());
        let head = RequestHead::new(clock.clone(), None, "r".into());
        let later = Arc::clone(&clock);
        let body = Body::from_stream(futures::stream::once(async move {
            later.0.store(30_000, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>("late")
        }));
        let mut request = Request::new(body);
        request.headers_mut().insert(header::USER_AGENT, "x".repeat(300).parse().unwrap());
        request.extensions_mut().insert(head);
        let (parts, body) = receive(request, 10).await.unwrap();
        assert_eq!(&*body, b"late");
        clock.0.store(60_000, Ordering::Relaxed);
        assert_eq!(
            context(&parts).unwrap().now,
            Timestamp::from_ms(30_000),
            "one time for the whole request"
        );
        assert_eq!(
            context(&parts).unwrap().user_agent.as_deref(),
            Some(&*"x".repeat(RequestContext::USER_AGENT))
        );
    }
}
