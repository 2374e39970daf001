//! Listening, serving, stopping.

use crate::{
    crowd::{Arriving, Crowd},
    failure::CommandFailure,
};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Request, Response, Version, header},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{convert::Infallible, io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::unconstrained,
    time::{sleep, timeout},
};
use tower::Service;

/// How connections are treated.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most connections at once; the next ones wait.
    pub connections: usize,
    /// How long a client may take to send its headers.
    pub header_timeout: Duration,
    /// How long a stop waits for running requests.
    pub stop: Duration,
}

/// Binds an address.
///
/// # Errors
/// It is malformed, taken, or not ours to take; the message says what to do.
pub async fn bind(option: &str, address: &str) -> Result<TcpListener, CommandFailure> {
    listen(address).await.map_err(|error| {
        CommandFailure::new(match error.kind() {
            ErrorKind::AddrInUse => format!(
                "{address} is taken by another program: stop it, or choose another address with {option} (port 0 takes any free one)"
            ),
            ErrorKind::PermissionDenied => {
                format!("this user may not listen on {address}: choose a port above 1023 with {option}")
            }
            _ => format!("cannot listen on {address} ({error}): {option} takes an address like 127.0.0.1:8080"),
        })
    })
}

/// How many connections the system accepts before we look at them: those beyond would try again after a second or three.
const BACKLOG: u32 = 4096;

/// Listens on the first address that a name stands for and that is ours to take.
async fn listen(address: &str) -> std::io::Result<TcpListener> {
    let mut failure = ErrorKind::InvalidInput.into();
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// How long a connection that was just opened may take to say its first word once the server stops.
const LAST_WORD: Duration = Duration::from_millis(500);
/// How long those who knocked before the door was closed are still let in, when nobody else knocks.
const LAST_KNOCK: Duration = Duration::from_millis(20);

/// Serves until `stop` resolves, then finishes what runs, waiting as long as the limits say.
///
/// False if requests were cut off because they took longer than that.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    crowd: Arc<Crowd>,
    stop: impl Future<Output = ()>,
) -> bool {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let (closing, is_closing) = watch::channel(false);
    let house =
        House { builder: builder(limits), router, crowd, is_closing, patience: limits.header_timeout };
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            // Where everyone waits for the processor this task gets its turn seldom: then it takes all who knock.
            accepted = unconstrained(listener.accept()) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: those that close soon make room.
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        house.receive(&graceful, Visit { stream, peer, place });
    }
    house.crowd.leave();
    // The system has accepted connections that nobody has looked at yet: closing the listener would cut them.
    let last = async {
        while let Ok(Ok((stream, peer))) = timeout(LAST_KNOCK, listener.accept()).await {
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
            house.receive(&graceful, Visit { stream, peer, place });
        }
    };
    let _ = timeout(LAST_WORD, last).await;
    drop(listener);
    // The library closes a connection whose first request it has not read yet, as if it were idle.
    sleep(LAST_KNOCK).await;
    let _ = closing.send(true);
    tokio::select! {
        () = graceful.shutdown() => true,
        () = sleep(limits.stop) => false,
    }
}

fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout);
    builder
}

/// One accepted connection.
struct Visit {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
}

/// What every connection shares.
struct House {
    builder: Builder<TokioExecutor>,
    router: Router,
    crowd: Arc<Crowd>,
    is_closing: watch::Receiver<bool>,
    patience: Duration,
}

impl House {
    fn receive(&self, graceful: &GracefulShutdown, Visit { stream, peer, place }: Visit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection could not be set to answer without delay");
        }
        let (builder, watcher, router) = (self.builder.clone(), graceful.watcher(), self.router.clone());
        let (crowd, is_closing, patience) = (Arc::clone(&self.crowd), self.is_closing.clone(), self.patience);
        tokio::spawn(async move {
            // The library gives a client time to finish its headers only once it knows which protocol they are in.
            let known = tokio::select! {
                known = timeout(patience, protocol_is_known(&stream)) => matches!(known, Ok(Ok(()))),
                () = closed(is_closing) => false,
            };
            if !known {
                return;
            }
            let service =
                tower::service_fn(move |request| answer(router.clone(), Arc::clone(&crowd), peer, request));
            let connection = builder
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
                .into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
            drop(place);
        });
    }
}

/// Resolves when a connection that has not said anything need not be waited for any longer.
async fn closed(mut is_closing: watch::Receiver<bool>) {
    // The sender is gone only if the server is.
    let _ = is_closing.wait_for(|closing| *closing).await;
    sleep(LAST_WORD).await;
}

/// Answers one request, if there is a place for it.
async fn answer(
    mut router: Router,
    crowd: Arc<Crowd>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let version = request.version();
    let mut response = match crowd.admit(request.uri().path()) {
        Err(too_many) => too_many.respond(),
        Ok(place) => {
            request.extensions_mut().insert(ConnectInfo(peer));
            let request = request.map(|body| Body::new(Arriving { body, place: Arc::clone(&place) }));
            let response = router.call(request).await?;
            drop(place);
            response
        }
    };
    // HTTP/2 has a word of its own for it.
    if crowd.is_leaving() && version <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// What every HTTP/2 connection starts with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits until the first bytes tell HTTP/1 from HTTP/2, and leaves them to be read.
async fn protocol_is_known(stream: &TcpStream) -> std::io::Result<()> {
    let mut first = [0; PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await?;
        let undecided = seen < PREFACE.len() && first.get(..seen) == PREFACE.get(..seen);
        if seen == 0 || !undecided {
            return Ok(());
        }
        // Bytes that were peeked at stay there, so the socket is readable all the time.
        sleep(Duration::from_millis(20)).await;
    }
}
