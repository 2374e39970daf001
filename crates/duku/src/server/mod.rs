//! Listening, serving, stopping.

pub(crate) mod admission;
pub(crate) mod connection;
pub mod load_shedding;
pub(crate) mod open_files;
pub mod system_memory;

use crate::{
    command_error::CommandError,
    server::{
        admission::Admission,
        connection::{Activity, Outgoing, Reason, Socket, Verdict},
        load_shedding::{Class, IncomingBody, LoadShedder, Overloaded, Reservation},
    },
};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Request, Response, Version, header},
};
use futures::future::{BoxFuture, Either, Ready, ready};
use hyper::body::{Body as _, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulConnection},
    service::TowerToHyperService,
};
use std::{io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    sync::watch,
    task::unconstrained,
    time::{Instant, sleep, sleep_until, timeout},
};
use tower::Service;
use web::TrustedProxies;

pub use crate::server::connection::Timeouts;

/// How connections are treated.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most connections at once; the next ones are answered 503 or closed.
    pub connections: usize,
    /// The most connections of one address; 0 for as many as are free.
    pub per_address: usize,
    /// How long clients may keep us waiting.
    pub timeouts: Timeouts,
    /// How long a stop waits for running requests.
    pub stop: Duration,
    /// Whether metrics tell of the connections.
    pub counted: bool,
}

#[cfg(test)]
impl Limits {
    pub(crate) const fn for_tests() -> Self {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts { header: second, idle: second, write: second };
        Self { connections: 1, per_address: 0, timeouts, stop: second, counted: false }
    }
}

/// Binds an address.
///
/// # Errors
/// It is malformed, taken, or not ours to take; the message says what to do.
pub async fn bind(option: &str, address: &str) -> Result<TcpListener, CommandError> {
    listen(address).await.map_err(|error| {
        CommandError::new(match error.kind() {
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

/// How much of answers the system keeps for a connection. Left alone it takes megabytes from a client that reads slowly, and says
/// that there is room again only when a third of them is gone: such a client would look like one that takes nothing.
const SEND_BUFFER: u32 = 128 * 1024;

/// Listens on the first address that a name stands for and that is ours to take.
async fn listen(address: &str) -> std::io::Result<TcpListener> {
    let mut failure = ErrorKind::InvalidInput.into();
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Connections inherit it.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// How long a connection that was just opened may take to send its first request once the server stops.
const FIRST_REQUEST: Duration = Duration::from_millis(500);
/// How long connections that came before the listener was closed are still served, when no other comes.
const ACCEPT_DRAIN: Duration = Duration::from_millis(20);
/// How long a connection that was told to end may take to do so.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// What a probe may take of a place that is reserved for probes.
const PROBE: Duration = Duration::from_secs(2);
/// The most requests that an HTTP/2 connection may have under way, and what is buffered of each of their answers.
const STREAMS: u32 = 64;
const STREAM_BUFFER: usize = 64 * 1024;
/// The largest headers of a request, in bytes.
const HEADERS: u32 = 32 * 1024;
/// What an HTTP/2 connection may have sent of bodies that nobody has read yet, in bytes.
const WINDOW: u32 = 64 * 1024;

/// Serves until `stop` resolves, then finishes what runs, waiting as long as the limits say.
///
/// False if requests were cut off because they took longer than that.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    proxies: TrustedProxies,
    shedder: Arc<LoadShedder>,
    stop: impl Future<Output = ()>,
) -> bool {
    let (closing, is_closing) = watch::channel(false);
    let admission = Admission::new(&limits, proxies.clone());
    let timeouts = limits.timeouts;
    let application = Application { router, shedder, proxies };
    let connections =
        Connections { builder: builder(timeouts), application, admission, is_closing, timeouts };
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            // Where everyone waits for the processor this task gets its turn seldom: then it takes all who come.
            accepted = unconstrained(listener.accept()) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => connections.receive(stream, peer),
            Err(error) => {
                // Out of file descriptors, most likely: those that close soon make room.
                tracing::warn!(%error, "could not accept a connection");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    connections.application.shedder.drain();
    // The system has accepted connections that nobody has looked at yet: closing the listener would cut them.
    let last = async {
        while let Ok(Ok((stream, peer))) = timeout(ACCEPT_DRAIN, listener.accept()).await {
            connections.receive(stream, peer);
        }
    };
    let _ = timeout(FIRST_REQUEST, last).await;
    drop((listener, connections));
    // The library closes a connection whose first request it has not read yet, as if it were idle.
    sleep(ACCEPT_DRAIN).await;
    let _ = closing.send(true);
    tokio::select! {
        // Every connection holds a receiver.
        () = closing.closed() => true,
        () = sleep(limits.stop) => false,
    }
}

fn builder(timeouts: Timeouts) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Whether headers come in time is judged by `Activity`: the library's own timer runs between requests, too.
    builder.http1().header_read_timeout(None).max_buf_size(HEADERS as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(STREAM_BUFFER)
        .max_header_list_size(HEADERS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(timeouts.header)
        .keep_alive_timeout(timeouts.header);
    builder
}

/// What answers requests.
#[derive(Clone)]
struct Application {
    router: Router,
    shedder: Arc<LoadShedder>,
    proxies: TrustedProxies,
}

/// What every connection shares.
struct Connections {
    builder: Builder<TokioExecutor>,
    application: Application,
    admission: Arc<Admission>,
    is_closing: watch::Receiver<bool>,
    timeouts: Timeouts,
}

impl Connections {
    fn receive(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.admission.admit(peer) else { return };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection could not be set to answer without delay");
        }
        let timeouts = if place.for_probes {
            let Timeouts { header, write, .. } = self.timeouts;
            Timeouts { header: header.min(PROBE), idle: Duration::ZERO, write: write.min(PROBE) }
        } else {
            self.timeouts
        };
        let activity = Activity::new(timeouts);
        let application = self.application.clone();
        let (known, for_probes) = (Arc::clone(&activity), place.for_probes);
        let service =
            tower::service_fn(move |request| answer(&application, &known, for_probes, peer, request));
        let socket = TokioIo::new(Socket::new(stream, Arc::clone(&activity)));
        let connection =
            self.builder.serve_connection(socket, TowerToHyperService::new(service)).into_owned();
        let is_closing = self.is_closing.clone();
        tokio::spawn(async move {
            tend(connection, &activity, peer, is_closing).await;
            drop(place);
        });
    }
}

/// Drives a connection to its end, which comes when its client goes, keeps us waiting or has nothing to do, or when the server stops.
async fn tend<C>(connection: C, activity: &Activity, peer: SocketAddr, mut is_closing: watch::Receiver<bool>)
where
    C: GracefulConnection,
    C::Error: std::fmt::Display,
{
    tokio::pin!(connection);
    let timer = sleep_until(Instant::now());
    tokio::pin!(timer);
    // Whether it was told to end, and whether the server stops.
    let (mut ending, mut stopping) = (false, false);
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "a connection ended early");
                }
                return;
            }
            () = &mut timer => {
                let now = Instant::now();
                match activity.judge(now) {
                    Verdict::Until(_) if stopping && !ending => {
                        ending = true;
                        connection.as_mut().graceful_shutdown();
                        timer.as_mut().reset(now + ACCEPT_DRAIN);
                    }
                    Verdict::Until(next) => timer.as_mut().reset(next),
                    Verdict::End(Reason::Idle) if !ending => {
                        ending = true;
                        connection.as_mut().graceful_shutdown();
                        timer.as_mut().reset(now + CLOSE_TIMEOUT);
                    }
                    Verdict::End(reason) => {
                        tracing::debug!(?reason, %peer, "a connection was closed");
                        if reason == Reason::NotTaken {
                            activity.reset();
                        }
                        return;
                    }
                }
            }
            // The sender is gone only if the server is.
            _ = is_closing.wait_for(|closing| *closing), if !stopping => {
                stopping = true;
                let patience = if activity.has_requested() { Duration::ZERO } else { FIRST_REQUEST };
                timer.as_mut().reset(Instant::now() + patience);
            }
        }
    }
}

/// A client that leaves so many answers of an HTTP/2 connection lying gets no answer to a request that is rejected, but the end of
/// its stream (`REFUSED_STREAM`, RFC 9113 §8.7): rejections that lie there take memory that nobody counts.
const UNTAKEN: usize = 8;

type Answer = Result<Response<Outgoing>, h2::Error>;

/// Answers one request, if there is a permit for it. That is decided before anything is kept for the request: an HTTP/2 connection
/// brings many at once.
fn answer(
    application: &Application,
    activity: &Arc<Activity>,
    for_probes: bool,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Either<Ready<Answer>, BoxFuture<'static, Answer>> {
    let multiplexed = request.version() > Version::HTTP_11;
    let open = activity.open(multiplexed);
    let class = Class::of(request.uri().path());
    let shedder = &application.shedder;
    let leaves_answers = multiplexed && activity.untaken() > UNTAKEN;
    let reject = move |overloaded: &Overloaded| {
        if leaves_answers { Err(h2::Reason::REFUSED_STREAM.into()) } else { Ok(overloaded.respond()) }
    };
    let finish = move |mut response: Response<Body>, memory, shedder: &LoadShedder| {
        // HTTP/2 has a word of its own for it.
        if (for_probes || shedder.is_draining()) && !multiplexed {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| Outgoing::new(body, open, memory))
    };
    let admitted = if for_probes && class != Class::Probe {
        Err(shedder.reject(class))
    } else {
        let address = application.proxies.client(peer.ip(), request.headers());
        shedder.admit(class, address, request.headers())
    };
    let permit = match admitted {
        Ok(permit) => permit,
        Err(overloaded) => {
            return Either::Left(ready(reject(&overloaded).map(|response| finish(response, None, shedder))));
        }
    };
    let Application { mut router, shedder, .. } = application.clone();
    Either::Right(Box::pin(async move {
        let mut request = request.map(|body| Body::new(IncomingBody::new(body, permit.clone())));
        request.extensions_mut().insert(ConnectInfo(peer));
        let (memory, is_safe) = (permit.memory(), request.method().is_safe());
        let Ok(response) = store::on_behalf_of(permit.origin(), router.call(request)).await;
        drop(permit);
        let response = match within(memory.as_deref(), response, class, is_safe) {
            Some(response) => response,
            None => reject(&shedder.reject(class))?,
        };
        Ok(finish(response, memory, &shedder))
    }))
}

/// Counted with the request itself, in bytes.
const SMALL_ANSWER: u64 = 8 * 1024;

/// The answer, if there is memory for it. What a change did is told anyway: it may hold a secret that is shown once.
fn within(
    memory: Option<&Reservation>,
    response: Response<Body>,
    class: Class,
    is_safe: bool,
) -> Option<Response<Body>> {
    let Some(memory) = memory else { return Some(response) };
    if memory.was_exceeded() {
        // The body was not read to its end, so nothing was done.
        return None;
    }
    let length = response.body().size_hint().lower();
    // Answers of GraphQL have a budget of their own.
    if length > SMALL_ANSWER && class != Class::Graphql {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if is_safe && !memory.grow(length) {
            return None;
        }
        if !is_safe {
            memory.grow_anyway(length);
        }
    }
    Some(response)
}
