//! Listening, serving, stopping.

use crate::failure::CommandFailure;
use axum::{Router, extract::ConnectInfo};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use std::{io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tower::ServiceExt;

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
    TcpListener::bind(address).await.map_err(|error| {
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

/// Serves until `stop` resolves, then finishes what runs, waiting as long as the limits say.
///
/// False if requests were cut off because they took longer than that.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> bool {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.header_timeout);
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: those that close soon make room.
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let visit = Visit { stream, peer, place, patience: limits.header_timeout };
        converse(&builder, &graceful, &router, visit);
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => true,
        () = sleep(limits.stop) => false,
    }
}

/// One accepted connection.
struct Visit {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    patience: Duration,
}

fn converse(
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: &Router,
    Visit { stream, peer, place, patience }: Visit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection could not be set to answer without delay");
    }
    let (builder, watcher, router) = (builder.clone(), graceful.watcher(), router.clone());
    tokio::spawn(async move {
        // The library gives a client time to finish its headers only once it knows which protocol they are in.
        if !matches!(timeout(patience, protocol_is_known(&stream)).await, Ok(Ok(()))) {
            return;
        }
        let service = router.map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(axum::body::Body::new)
        });
        let connection =
            builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
        drop(place);
    });
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
