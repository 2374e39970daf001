//! Clients that take room and time: silent, slow, endless. Ordinary ones must not notice.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node},
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    report::{Figures, ms},
};
use futures::future::join_all;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PATIENCE: Duration = Duration::from_secs(20);
/// What an ordinary exchange may take while the others are there, also in a build without optimisation on a busy machine.
const BOUND: Duration = Duration::from_millis(500);

/// Ten thousand connections that were used once and are kept.
pub(super) async fn idle(bench: &Bench) -> Outcome<Figures> {
    let count = bench.amount(10_000_u64, 500);
    let settings = [("DUKU_CONNECTIONS", "11000"), ("DUKU_IDLE_TIMEOUT_SECONDS", "600")];
    let cluster = Cluster::start(bench, Engine::Sqlite, 1, &settings).await?;
    let probe = Probe::new(&cluster).await?;
    let node = cluster.nodes.first().ok_or("no node")?;
    let before = (p99(node, &probe).await?, node.status_kib("VmRSS")?);
    let mut idle = Vec::new();
    for _ in 0..count / 100 {
        let mut some: Vec<_> = (0..100).map(|_| Client::new(node.address, PATIENCE)).collect();
        let request = probe.exchange();
        for answer in join_all(some.iter_mut().map(|client| client.send(&request))).await {
            let answer = answer.during("an exchange on a connection that is kept")?;
            ensure(answer.status == 200, || answer.text())?;
        }
        idle.extend(some);
    }
    let with = (p99(node, &probe).await?, node.status_kib("VmRSS")?);
    ensure(with.0 < BOUND, || format!("with {count} idle connections an exchange takes {:?}", with.0))?;
    let gone = idle.iter().filter(|client| client.is_idle_closed()).count();
    ensure(gone == 0, || format!("{gone} idle connections were closed"))?;
    let request = probe.exchange();
    for client in idle.iter_mut().step_by(50) {
        let answer = client.send(&request).await.during("an exchange on a connection that was idle")?;
        ensure(answer.status == 200, || answer.text())?;
    }
    let each = with.1.saturating_sub(before.1) * 1024 / count.max(1);
    Ok(Figures::new()
        .with("idle connections", count)
        .with("p99 of an exchange without them, in milliseconds", ms(before.0))
        .with("p99 of an exchange with them, in milliseconds", ms(with.0))
        .with("memory of the node with them, in KiB", with.1)
        .with("memory for each of them, in bytes", each))
}

/// Clients that send a byte now and then, or more than anyone wants to read.
pub(super) async fn slow_and_endless(bench: &Bench) -> Outcome<Figures> {
    let (slow, endless) = bench.amount((3000, 40), (150, 4));
    // Fewer places than slow senders: who keeps us waiting must not take one.
    let settings = [("DUKU_REQUESTS", "100"), ("DUKU_REQUEST_TIMEOUT_SECONDS", "4")];
    let cluster = Cluster::start(bench, Engine::Sqlite, 1, &settings).await?;
    let probe = Probe::new(&cluster).await?;
    let node = cluster.nodes.first().ok_or("no node")?;
    let before = (p99(node, &probe).await?, node.status_kib("VmRSS")?);
    let address = node.address;
    let slow: Vec<_> = (0..slow).map(|_| tokio::spawn(send_slowly(address))).collect();
    let endless: Vec<_> = (0..endless)
        .map(|number| {
            let token = probe.token.clone();
            tokio::spawn(async move { send_endlessly(address, number, &token).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let with = (p99(node, &probe).await?, node.status_kib("VmRSS")?);
    ensure(with.0 < BOUND, || format!("beside slow senders an exchange takes {:?}", with.0))?;
    let mut slow_said = Vec::new();
    for sender in slow {
        slow_said.push(sender.await.during("a slow sender")??);
    }
    let mut endless_said = Vec::new();
    for sender in endless {
        endless_said.push(sender.await.during("an endless sender")??);
    }
    let grown = with.1.saturating_sub(before.1);
    ensure(grown < 256 * 1024, || format!("the node grew by {grown} KiB"))?;
    let shed = node.metric("duku_requests_shed_total").await?;
    ensure(shed < 1.0, || format!("{shed} ordinary requests were rejected for the sake of slow ones"))?;
    Ok(Figures::new()
        .with("slow senders, answered with", tally(slow_said))
        .with("endless bodies, answered with", tally(endless_said))
        .with("p99 of an exchange before, in milliseconds", ms(before.0))
        .with("p99 of an exchange beside them, in milliseconds", ms(with.0))
        .with("growth of the node's memory meanwhile, in KiB", grown))
}

fn tally(mut said: Vec<u16>) -> String {
    said.sort_unstable();
    let groups = said.chunk_by(|one, other| one == other);
    let named =
        groups.map(|group| format!("{} × {}", group.first().copied().unwrap_or_default(), group.len()));
    named.collect::<Vec<_>>().join(", ")
}

/// A body that comes byte by byte and not to its end; gives the status of the answer.
async fn send_slowly(address: std::net::SocketAddr) -> Outcome<u16> {
    let mut stream = TcpStream::connect(address).await.during("a slow sender")?;
    let head = "POST /realms/duku/protocol/openid-connect/token HTTP/1.1\r\nhost: duku\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.during("a slow sender")?;
    let started = Instant::now();
    let mut first = [0; 12];
    while started.elapsed() < PATIENCE {
        if stream.write_all(b"g").await.is_err() {
            break;
        }
        if let Ok(read) =
            tokio::time::timeout(Duration::from_millis(500), stream.read_exact(&mut first)).await
        {
            read.during("a slow sender")?;
            return status(&first);
        }
    }
    Err("a slow sender was never answered".to_owned())
}

/// A body that never ends, with a length that is a lie or none at all; gives the status of the answer.
async fn send_endlessly(address: std::net::SocketAddr, number: u32, token: &str) -> Outcome<u16> {
    let mut stream = TcpStream::connect(address).await.during("an endless sender")?;
    let length =
        if number.is_multiple_of(2) { "content-length: 1000000000000" } else { "transfer-encoding: chunked" };
    let head = if number % 4 < 2 {
        format!(
            "POST /realms/duku/protocol/openid-connect/token HTTP/1.1\r\nhost: duku\r\n\
             content-type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n"
        )
    } else {
        format!(
            "POST /graphql HTTP/1.1\r\nhost: duku\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\n{length}\r\n\r\n"
        )
    };
    stream.write_all(head.as_bytes()).await.during("an endless sender")?;
    let (mut reading, mut writing) = stream.into_split();
    let sender = tokio::spawn(async move {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        // The server stops reading: that is what it is to do.
        while writing.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    let mut first = [0; 12];
    let answer = tokio::time::timeout(PATIENCE, reading.read_exact(&mut first)).await;
    sender.abort();
    answer.during("an endless sender")?.during("an endless sender")?;
    status(&first)
}

fn status(first: &[u8]) -> Outcome<u16> {
    let text = String::from_utf8_lossy(first).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(text)?;
    ensure(matches!(status, 408 | 413), || format!("an unfinished body was answered {status}"))?;
    Ok(status)
}

/// The slowest but one of a hundred exchanges, each on a connection of its own.
async fn p99(node: &Node, probe: &Probe) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..100 {
        let mut client = node.client();
        let started = Instant::now();
        let answer: http::Answer = client.send(&probe.exchange()).await.during("an ordinary exchange")?;
        ensure(answer.status == 200, || answer.text())?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times.get(98).copied().ok_or_else(|| "no times".to_owned())
}
