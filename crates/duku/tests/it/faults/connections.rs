//! Connections whose clients take nothing, say nothing or are too many: others must not notice.

use crate::server::{Database, Server};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// What holds of every test here: nobody who behaves waits longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A page of 20 KB, for anyone.
const PAGE: &str = "/docs/operating/limits";
/// Something small that is no probe.
const REALM: &str = "/realms/duku";

fn start(settings: &[(&str, &str)]) -> Server {
    let impatient = [
        ("DUKU_HEADER_TIMEOUT_SECONDS", "1"),
        ("DUKU_WRITE_TIMEOUT_SECONDS", "1"),
        ("DUKU_IDLE_TIMEOUT_SECONDS", "2"),
    ];
    Server::start_with(Database::Sqlite, &[&impatient, settings].concat())
}

fn address(server: &Server) -> SocketAddr {
    server.url.trim_start_matches("http://").parse().unwrap()
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(address(server)).await.unwrap()
}

/// A connection from another address of this machine.
async fn connect_from(server: &Server, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
    socket.connect(address(server)).await.unwrap()
}

/// The first line of the answer to a request; nothing if the connection was closed.
async fn status_on(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: duku\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let exchange = async {
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    let _ = timeout(Duration::from_secs(4), exchange).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

async fn metrics(server: &Server) -> String {
    testkit::Answer::of(server.api().client().get(server.metrics_url())).await.text
}

/// Waits until the server counts so many connections: clients see an end a moment before the place is free.
async fn until_connected(server: &Server, connections: usize) {
    let line = format!("duku_connections {connections}\n");
    let reached = async {
        while !metrics(server).await.contains(&line) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, reached).await.unwrap();
}

async fn status(server: &Server, path: &str) -> String {
    status_on(&mut connect(server).await, path).await
}

/// How long it takes until a request is answered with 200 again.
async fn recovers(server: &Server) -> Duration {
    let started = Instant::now();
    loop {
        let last = status(server, REALM).await;
        if last.contains("200") {
            return started.elapsed();
        }
        assert!(started.elapsed() < PATIENCE, "the places never came back: {last:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether the server closes the connection in time. What it still says is read.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.is_ok()
}

/// What the system of a client that reads little takes for it. Left alone, it grows to megabytes and says that there is room again
/// only when a sixteenth of them is: then a slow client cannot be told from one that reads nothing within the second of these tests.
const RECEIVE_BUFFER: u32 = 128 * 1024;

/// Asks for so many pages that the answers fill every buffer, and reads none of them.
async fn never_reads(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
    let mut stream = socket.connect(address(server)).await.unwrap();
    let request = format!("GET {PAGE} HTTP/1.1\r\nhost: duku\r\n\r\n").repeat(2000);
    let _ = timeout(Duration::from_millis(300), stream.write_all(request.as_bytes())).await;
    stream
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET path` on a stream (RFC 7541: three indexed fields and a literal one).
fn get(stream: u32, path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    let block = [&[0x82, 0x86, 0x04, length], path.as_bytes(), &[0x41, 1, b'x']].concat();
    frame(1, 0x5, stream, &block)
}

/// An HTTP/2 client that answers every ping and gives windows of `window` bytes: how long until the server closed.
async fn speaks_http2(server: &Server, window: u32, paths: &[&str]) -> (Duration, bool) {
    let (started, mut goes_away) = (Instant::now(), false);
    let mut stream = connect(server).await;
    let window = [&[0, 4][..], &window.to_be_bytes()].concat();
    let requests = paths.iter().zip(0_u32..).flat_map(|(path, number)| get(2 * number + 1, path));
    let first = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &window), requests.collect()].concat();
    stream.write_all(&first).await.unwrap();
    let mut head = [0; 9];
    while started.elapsed() < PATIENCE {
        let Ok(Ok(_)) = timeout(PATIENCE, stream.read_exact(&mut head)).await else { break };
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length.try_into().unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        let answer = match (head[3], head[4]) {
            (SETTINGS, 0) => frame(SETTINGS, 1, 0, &[]),
            (PING, 0) => frame(PING, 1, 0, &payload),
            (GOAWAY, _) => {
                goes_away = true;
                continue;
            }
            _ => continue,
        };
        let _ = stream.write_all(&answer).await;
    }
    (started.elapsed(), goes_away)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_never_read_give_their_places_back() {
    // Longer than a probe is waited for, however busy this machine is.
    let server = start(&[("DUKU_CONNECTIONS", "5"), ("DUKU_WRITE_TIMEOUT_SECONDS", "5")]);
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(never_reads(&server).await);
    }
    assert_eq!(status(&server, "/healthz").await, "HTTP/1.1 200 OK", "probes answer meanwhile");
    assert_eq!(status(&server, "/readyz").await, "HTTP/1.1 200 OK", "probes answer meanwhile");
    let back = recovers(&server).await;
    assert!(back < Duration::from_secs(10), "{back:?}");
    for stream in &mut silent {
        assert!(is_closed(stream).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_slowly_gets_its_answers() {
    let server = start(&[]);
    let mut slow = never_reads(&server).await;
    let (started, mut taken, mut chunk) = (Instant::now(), 0, vec![0; 64 * 1024]);
    while started.elapsed() < Duration::from_secs(5) {
        let read = slow.read(&mut chunk).await.expect("it is still open");
        assert!(read > 0, "it was closed after {:?} and {taken} bytes", started.elapsed());
        taken += read;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(taken > 500_000, "{taken}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_no_window_are_closed() {
    let server = start(&[]);
    let (after, _) = speaks_http2(&server, 0, &[PAGE; 3]).await;
    assert!(after < Duration::from_secs(6), "large answers that nobody takes: {after:?}");
    let (after, _) = speaks_http2(&server, 0, &[REALM]).await;
    assert!(after < Duration::from_secs(6), "a small answer that nobody takes: {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejections_that_a_client_leaves_lying_are_ends_of_streams() {
    // Memory for 64 requests, of which an address has half.
    let server = start(&[("DUKU_REQUEST_MEMORY_BYTES", "1048576")]);
    let mut stream = connect(&server).await;
    let requests: Vec<u8> = (0..64).flat_map(|number| get(2 * number + 1, REALM)).collect();
    let no_window = [0, 4, 0, 0, 0, 0];
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &no_window), &requests].concat()).await.unwrap();
    let (mut answers, mut rejected) = (0, 0);
    while answers + rejected < 64 {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        match head[3] {
            1 => answers += 1,
            3 => {
                assert_eq!(payload, [0, 0, 0, 7], "REFUSED_STREAM");
                rejected += 1;
            }
            _ => {}
        }
    }
    assert!(answers >= 9 && rejected >= 16, "{answers} answers, {rejected} streams refused");
    let elsewhere = status_on(&mut connect_from(&server, 2).await, REALM).await;
    assert_eq!(elsewhere, "HTTP/1.1 200 OK", "another address has its own share");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_are_closed_though_they_answer_pings() {
    let server = start(&[]);
    let (after, goes_away) = speaks_http2(&server, 65_535, &[REALM]).await;
    assert!((1500..6000).contains(&after.as_millis()), "HTTP/2: {after:?}");
    assert!(goes_away, "the client was told");
    let (after, _) = speaks_http2(&server, 65_535, &[]).await;
    assert!(after < Duration::from_secs(4), "HTTP/2 without a request: {after:?}");
    let mut kept = connect(&server).await;
    let started = Instant::now();
    kept.write_all(format!("GET {REALM} HTTP/1.1\r\nhost: duku\r\n\r\n").as_bytes()).await.unwrap();
    assert!(is_closed(&mut kept).await);
    let after = started.elapsed();
    assert!((1500..6000).contains(&after.as_millis()), "HTTP/1.1: {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_request_may_not_take_longer_to_send_than_the_first() {
    let server = start(&[("DUKU_IDLE_TIMEOUT_SECONDS", "60")]);
    let mut slow = connect(&server).await;
    let begun = format!("GET {REALM} HTTP/1.1\r\nhost: duku\r\n\r\n");
    slow.write_all(begun.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(is_closed(&mut slow).await);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

/// How long the server's process has had a processor.
fn processor_time(server: &Server) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.process())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_send_one_byte_cost_nothing() {
    let server = Server::start(Database::Sqlite);
    let mut waiting = Vec::new();
    for _ in 0..500 {
        let mut stream = connect(&server).await;
        stream.write_all(b"P").await.unwrap();
        waiting.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = processor_time(&server);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let used = processor_time(&server).saturating_sub(before);
    assert!(used < Duration::from_millis(200), "{used:?} in two seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_a_share_of_the_places_and_probes_answer_beside_it() {
    let settings = [("DUKU_CONNECTIONS", "40"), ("DUKU_HEADER_TIMEOUT_SECONDS", "60")];
    let server = start(&settings);
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut stream = connect_from(&server, 2).await;
        stream.write_all(b"GET").await.unwrap();
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(status_on(&mut connect_from(&server, 2).await, "/healthz").await, "HTTP/1.1 200 OK");
    assert_eq!(status_on(&mut connect_from(&server, 2).await, "/readyz").await, "HTTP/1.1 200 OK");
    let beyond = status_on(&mut connect_from(&server, 2).await, REALM).await;
    assert_eq!(beyond, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(status_on(&mut connect_from(&server, 3).await, REALM).await, "HTTP/1.1 200 OK");
    until_connected(&server, 20).await;
    let metrics = metrics(&server).await;
    let over = "duku_connections_over_limit_total{limit=\"connections_per_address\"} 3";
    assert!(metrics.contains(over), "{metrics}");
    let log = std::fs::read_to_string(&server.log).unwrap();
    assert_eq!(log.matches("an address has all the connections that one may have").count(), 1, "{log}");
    drop(held);
    until_connected(&server, 0).await;
    assert_eq!(status_on(&mut connect_from(&server, 2).await, REALM).await, "HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_may_have_all_places() {
    let settings = [
        ("DUKU_CONNECTIONS", "40"),
        ("DUKU_HEADER_TIMEOUT_SECONDS", "60"),
        ("DUKU_TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let server = start(&settings);
    let mut held = Vec::new();
    for _ in 0..39 {
        let mut stream = connect(&server).await;
        stream.write_all(b"GET").await.unwrap();
        held.push(stream);
    }
    until_connected(&server, 39).await;
    assert_eq!(status(&server, REALM).await, "HTTP/1.1 200 OK");
    until_connected(&server, 39).await;
    held.push(connect(&server).await);
    until_connected(&server, 40).await;
    assert_eq!(status(&server, REALM).await, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(status(&server, "/readyz").await, "HTTP/1.1 200 OK");
    let metrics = metrics(&server).await;
    assert!(metrics.contains("duku_connections_over_limit_total{limit=\"connections\"} 2"), "{metrics}");
}
