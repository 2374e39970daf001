//! One connection: what its client lets us do, and until when it may stay open.
//!
//! Nothing here waits by itself. The socket, the requests and the bodies of answers write down when they last got on, and the task
//! of the connection compares that with the timeouts: one timer for a connection, whatever is open on it.

use crate::server::load_shedding::Reservation;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

/// How long a client may keep us waiting.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the headers of a request, from the start of the connection or from their first byte.
    pub header: Duration,
    /// For a next request.
    pub idle: Duration,
    /// To take more of an answer.
    pub write: Duration,
}

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The headers of a request did not come in time.
    NoRequest,
    /// The client does not take the answer.
    NotTaken,
    /// There is nothing to do.
    Idle,
}

/// Whether a connection stays open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Look again then.
    Until(Instant),
    End(Reason),
}

/// When something happened, in milliseconds since the connection began; 0 if it did not.
#[derive(Debug, Default)]
struct Stamp(AtomicU64);

impl Stamp {
    fn get(&self) -> Option<u64> {
        Some(self.0.load(Relaxed)).filter(|at| *at != 0)
    }

    fn set(&self, at: u64) {
        self.0.store(at, Relaxed);
    }

    /// Remembers the first time.
    fn begin(&self, at: impl FnOnce() -> u64) {
        if self.0.load(Relaxed) == 0 {
            self.set(at());
        }
    }

    fn clear(&self) {
        if self.0.load(Relaxed) != 0 {
            self.set(0);
        }
    }
}

/// What happens on one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    began: Instant,
    timeouts: Timeouts,
    requested: AtomicBool,
    multiplexed: AtomicBool,
    /// Requests that are worked on, or whose answers are not taken yet.
    open: AtomicUsize,
    /// Answers of which the client is to take more.
    untaken: AtomicUsize,
    /// When the last request or answer was done with.
    last_end: Stamp,
    /// When a client last took some of an answer.
    last_taken: Stamp,
    /// Since when the socket takes nothing.
    blocked: Stamp,
    /// Since when headers are on their way.
    head: Stamp,
    /// Large answers, each by itself: when its client last took some. Beside them others may get on.
    large: Mutex<Vec<Arc<Stamp>>>,
    reset: AtomicBool,
}

impl Activity {
    pub(crate) fn new(timeouts: Timeouts) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            timeouts,
            requested: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            untaken: AtomicUsize::new(0),
            last_end: Stamp::default(),
            last_taken: Stamp::default(),
            blocked: Stamp::default(),
            head: Stamp::default(),
            large: Mutex::default(),
            reset: AtomicBool::new(false),
        })
    }

    fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> u64 {
        u64::try_from((now - self.began).as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Whether a request ever came.
    pub(crate) fn has_requested(&self) -> bool {
        self.requested.load(Relaxed)
    }

    /// A request came.
    pub(crate) fn open(self: &Arc<Self>, multiplexed: bool) -> OpenRequest {
        if !self.requested.swap(true, Relaxed) {
            self.multiplexed.store(multiplexed, Relaxed);
        }
        self.head.clear();
        self.open.fetch_add(1, Relaxed);
        OpenRequest(Arc::clone(self))
    }

    /// How many answers the client is to take more of.
    pub(crate) fn untaken(&self) -> usize {
        self.untaken.load(Relaxed)
    }

    /// Bytes came.
    fn received(&self) {
        if self.open.load(Relaxed) == 0 {
            self.head.begin(|| self.now());
        }
    }

    /// The socket took something, or did not.
    fn wrote(&self, took: bool) {
        if took {
            self.blocked.clear();
        } else {
            self.blocked.begin(|| self.now());
        }
    }

    /// From now on the socket ends with a reset, so that the system forgets at once what the client did not take.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Relaxed);
    }

    fn large(&self) -> MutexGuard<'_, Vec<Arc<Stamp>>> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection may stay open.
    pub(crate) fn judge(&self, now: Instant) -> Verdict {
        let Timeouts { header, idle, write } = self.timeouts;
        let after = |since: u64, timeout: Duration, reason| {
            (self.began + Duration::from_millis(since - 1) + timeout, reason)
        };
        let blocked = self.blocked.get();
        let stuck = blocked.or_else(|| self.last_taken.get().filter(|_| self.untaken.load(Relaxed) > 0));
        let large = self.large().iter().filter_map(|taken| taken.get()).min();
        let is_open = self.open.load(Relaxed) > 0;
        let waits_for = if !self.has_requested() {
            Some(after(1, header, Reason::NoRequest))
        } else if is_open || blocked.is_some() {
            None
        } else if let Some(head) = self.head.get().filter(|_| !self.multiplexed.load(Relaxed)) {
            Some(after(head, header, Reason::NoRequest))
        } else {
            self.last_end.get().map(|end| after(end, idle, Reason::Idle))
        };
        let not_taken = [stuck, large].into_iter().flatten().min();
        let not_taken = not_taken.map(|since| after(since, write, Reason::NotTaken));
        let next = [waits_for, not_taken].into_iter().flatten().min_by_key(|(at, _)| *at);
        // Whatever begins meanwhile is not over earlier.
        let soonest = now + header.min(idle).min(write).max(Duration::from_millis(10));
        match next {
            Some((at, reason)) if at <= now => Verdict::End(reason),
            Some((at, _)) => Verdict::Until(at.min(soonest)),
            None => Verdict::Until(soonest),
        }
    }
}

/// A request from its headers to the last byte of its answer that the client takes.
pub(crate) struct OpenRequest(Arc<Activity>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.last_end.set(self.0.now());
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer, which says when its client takes nothing of it.
pub(crate) struct Outgoing {
    body: Body,
    /// What of the last frame is not given away yet.
    rest: Bytes,
    request: OpenRequest,
    untaken: bool,
    large: Option<Arc<Stamp>>,
    _memory: Option<Arc<Reservation>>,
}

/// An HTTP/2 stream is given so much at a time: what its client does not take is not copied into the buffers of the connection.
const PIECE: usize = 16 * 1024;

impl Outgoing {
    /// A body whose memory is given back when its client has taken it.
    pub(crate) fn new(body: Body, request: OpenRequest, memory: Option<Arc<Reservation>>) -> Self {
        let activity = &request.0;
        let large = (body.size_hint().upper().is_none_or(|length| length > PIECE as u64)).then(|| {
            let taken = Arc::new(Stamp::default());
            taken.set(activity.now());
            activity.large().push(Arc::clone(&taken));
            taken
        });
        let mut outgoing = Self { body, rest: Bytes::new(), request, untaken: false, large, _memory: memory };
        outgoing.await_client(true);
        outgoing
    }

    /// It is the client's turn, or the turn of whoever makes the body.
    fn await_client(&mut self, untaken: bool) {
        let activity = &self.request.0;
        let now = if untaken { activity.now() } else { 0 };
        if let Some(taken) = &self.large {
            taken.set(now);
        }
        if untaken {
            activity.last_taken.set(now);
        }
        if std::mem::replace(&mut self.untaken, untaken) == untaken {
            return;
        }
        if untaken {
            activity.untaken.fetch_add(1, Relaxed);
        } else {
            activity.untaken.fetch_sub(1, Relaxed);
        }
    }

    fn piece(&mut self) -> Option<Bytes> {
        (!self.rest.is_empty()).then(|| self.rest.split_to(PIECE.min(self.rest.len())))
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.await_client(false);
        if let Some(taken) = &self.large {
            self.request.0.large().retain(|other| !Arc::ptr_eq(other, taken));
        }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(piece) = self.piece() {
            self.await_client(true);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        // A small answer goes at once, right after it was made: then there is nothing new to write down.
        if polled.is_pending() || self.large.is_some() || !self.untaken {
            self.await_client(polled.is_ready());
        }
        let frame = match ready!(polled) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(data) if data.len() > PIECE => {
                self.rest = data;
                Frame::data(self.piece().unwrap_or_default())
            }
            Ok(data) => Frame::data(data),
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

/// A socket that says when it takes nothing.
pub(crate) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Socket {
    pub(crate) const fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.activity.reset.load(Relaxed) {
            // Without it the system keeps what was not taken, and tries on for minutes.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.wrote(polled.is_ready());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.activity.wrote(polled.is_ready());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
