//! A database that answers every second statement after three seconds: not gone, and not well either.

use crate::{
    Bench, Scale,
    cluster::{Cluster, ports, postgres},
    history::Reply,
    http,
    outcome::{During, Outcome, ensure},
    probe::Probe,
    recording_client::{self, Reading},
    report::{Figures, ms},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const DELAY: Duration = Duration::from_secs(3);
/// Twice `database_timeout_seconds`: to wait for a connection, and for what is asked on it; and what a busy machine may add.
const LONGEST: Duration = Duration::from_secs(12);
/// What needs no database does not wait for it.
const PAGES: &str = "pages";
const WITHOUT_DATABASE: Duration = Duration::from_secs(1);
const BACK: Duration = Duration::from_secs(10);

pub(crate) async fn run(bench: &Bench) -> Outcome<Figures> {
    let server = postgres::Postgres::start().await?;
    let slowness = Arc::new(Slowness::default());
    let port = ports::free()?;
    let proxy = tokio::spawn(proxy(port, server.port(), Arc::clone(&slowness)));
    let mut cluster = Cluster::prepare(bench, Some(postgres::url(port, "duku", "postgres")), 1, &[])?;
    cluster.postgres = Some(server);
    cluster.node(0)?.start().await?;
    let probe = Probe::new(&cluster).await?;
    let ended = cluster.json(&["admin", "key", "generate", "--org", "Probe", "--label", "Ended"])?;
    let text = |name: &str| ended.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
    let ended_exchange = http::exchange(&text("client_id"), &text("client_secret"));
    cluster.json(&["admin", "key", "revoke", &text("client_id")])?;
    slowness.on.store(true, Ordering::Relaxed);
    let node = cluster.nodes.first().ok_or("no node")?;
    let span = bench.amount(Duration::from_mins(1), Duration::from_secs(7));
    let asked: [(&str, Vec<u8>, Reading, Reply, Duration); 4] = [
        ("exchanges", probe.exchange(), recording_client::of_exchange, Reply::Done, LONGEST),
        ("API calls", probe.call(), recording_client::of_call, Reply::Done, LONGEST),
        (
            "exchanges of an ended key",
            ended_exchange,
            recording_client::of_exchange,
            Reply::Rejected,
            LONGEST,
        ),
        (PAGES, http::get("/docs"), recording_client::of_page, Reply::Done, WITHOUT_DATABASE),
    ];
    let clients = asked.into_iter().map(async |(what, request, reading, expected, longest)| {
        let (mut client, started) = (node.client(), Instant::now());
        let (mut answered, mut unavailable, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
        while started.elapsed() < span {
            let sent = Instant::now();
            let answer = client.send(&request).await.during(what)?;
            slowest = slowest.max(sent.elapsed());
            match reading(&answer) {
                reply if reply == expected => answered += 1,
                Reply::Unavailable if answer.status == 503 => unavailable += 1,
                reply => return Err(format!("{what}: {reply:?}, {} {}", answer.status, answer.text())),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ensure(slowest < longest, || format!("{what}: an answer took {slowest:?}"))?;
        Ok((what, answered, unavailable, slowest))
    });
    let (mut figures, mut right) = (Figures::new(), 0);
    for judged in futures::future::join_all(clients).await {
        let (what, answered, unavailable, slowest) = judged?;
        right += if what == PAGES { 0 } else { answered };
        figures = figures
            .with(&format!("{what} answered as they should be"), answered)
            .with(&format!("{what} answered 503"), unavailable)
            .with(&format!("slowest of the {what}, in milliseconds"), ms(slowest));
    }
    // In a few seconds it is by chance whether anything is.
    ensure(right > 0 || bench.scale == Scale::Short, || "nothing was served".to_owned())?;
    slowness.on.store(false, Ordering::Relaxed);
    let back = probe.until_open(node, BACK).await?;
    cluster.verify_audit()?;
    proxy.abort();
    Ok(figures.with("milliseconds until it worked when the database did", ms(back)))
}

/// Whether the database is slow, and how many statements came.
#[derive(Debug, Default)]
struct Slowness {
    on: AtomicBool,
    statements: AtomicU64,
}

/// Connections through here have every second statement delayed while the database is slow.
async fn proxy(port: u16, database: u16, slowness: Arc<Slowness>) -> Outcome {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.during("the proxy")?;
    loop {
        let (client, _) = listener.accept().await.during("the proxy")?;
        let slowness = Arc::clone(&slowness);
        tokio::spawn(async move {
            let address = SocketAddr::from(([127, 0, 0, 1], database));
            let Ok(upstream) = TcpStream::connect(address).await else { return };
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), upstream.into_split());
            let answers = async { tokio::io::copy(&mut from_server, &mut to_client).await };
            let statements = async {
                let mut bytes = vec![0; 64 * 1024];
                loop {
                    let read = from_client.read(&mut bytes).await?;
                    let number = slowness.statements.fetch_add(1, Ordering::Relaxed);
                    if slowness.on.load(Ordering::Relaxed) && number % 2 == 1 {
                        tokio::time::sleep(DELAY).await;
                    }
                    match bytes.get(..read) {
                        Some(chunk) if read > 0 => to_server.write_all(chunk).await?,
                        _ => return Ok::<_, std::io::Error>(()),
                    }
                }
            };
            // Whoever hangs up ends both ways.
            tokio::select! {
                _ = answers => {}
                _ = statements => {}
            }
        });
    }
}
