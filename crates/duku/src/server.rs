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
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(128);
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
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        converse(&builder, &graceful, &router, stream, peer, place);
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => true,
        () = tokio::time::sleep(limits.stop) => false,
    }
}

fn converse(
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: &Router,
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection could not be set to answer without delay");
    }
    let service =
        router.clone().map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(axum::body::Body::new)
        });
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
        drop(place);
    });
}
