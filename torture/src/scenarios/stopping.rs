//! Nodes that are told to stop, under load: nobody's request is cut.

use crate::{
    Bench,
    cluster::{Cluster, Engine},
    history::Reply,
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    recording_client::{self, Reading},
    report::{Figures, ms},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const DRAIN: &str = "1";
const STOPPED: Duration = Duration::from_secs(15);
/// How often a load balancer asks a node whether it is ready.
const EVERY: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// SIGTERM to one of two nodes at a time, again and again.
pub(super) async fn sigterm(bench: &Bench) -> Outcome<Figures> {
    let stops = bench.amount(40, 2);
    roll(bench, 2, stops, bench.amount(32, 8)).await
}

/// Every node of three is replaced, one after the other.
pub(super) async fn rolling(bench: &Bench) -> Outcome<Figures> {
    let upgrades = bench.amount(10, 1);
    roll(bench, 3, 3 * upgrades, bench.amount(32, 8)).await
}

async fn roll(bench: &Bench, nodes: usize, stops: usize, clients: u64) -> Outcome<Figures> {
    let mut cluster =
        Cluster::start(bench, Engine::Postgres, nodes, &[("DUKU_DRAIN_SECONDS", DRAIN)]).await?;
    let probe = Probe::new(&cluster).await?;
    let addresses: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.address).collect();
    let requests: [(Vec<u8>, Reading); 2] =
        [(probe.exchange(), recording_client::of_exchange), (probe.call(), recording_client::of_call)];
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..clients)
        .map(|seed| tokio::spawn(client(addresses.clone(), requests.clone(), seed, Arc::clone(&over))))
        .collect();
    let mut slowest = Duration::ZERO;
    for stop in 0..stops {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let node = cluster.node(stop % nodes)?;
        let asked = Instant::now();
        node.terminate()?;
        let status = node.ended(STOPPED).await?;
        slowest = slowest.max(asked.elapsed());
        ensure(status.success(), || format!("{} ended with {status}: {}", node.name, node.last_lines()))?;
        node.start().await?;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    over.store(true, Ordering::Relaxed);
    let (mut good, mut bad) = (0_u64, Vec::new());
    for client in clients {
        let (own_good, own_bad) = client.await.during("a client")?;
        good += own_good;
        bad.extend(own_bad);
    }
    ensure(good > 0, || "nothing was asked".to_owned())?;
    ensure(bad.is_empty(), || {
        let first: Vec<_> = bad.iter().take(10).map(String::as_str).collect();
        format!("{} of {good} requests failed: {}", bad.len(), first.join("\n"))
    })?;
    Ok(Figures::new()
        .with("nodes", nodes)
        .with("times a node was stopped by SIGTERM and started", stops)
        .with("requests served meanwhile", good)
        .with("requests that failed", 0)
        .with("slowest stop, in milliseconds, one second of draining included", ms(slowest)))
}

/// A client behind a load balancer: it goes to nodes whose `/readyz` was good a moment ago. Gives how many requests were
/// served, and what became of the others.
async fn client(
    addresses: Vec<SocketAddr>,
    requests: [(Vec<u8>, Reading); 2],
    seed: u64,
    over: Arc<AtomicBool>,
) -> (u64, Vec<String>) {
    let mut nodes: Vec<(Client, Option<Instant>)> =
        addresses.iter().map(|address| (Client::new(*address, PATIENCE), None)).collect();
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut good, mut bad) = (0, Vec::new());
    while !over.load(Ordering::Relaxed) {
        let Some((client, ready)) = random.choice(&mut nodes) else { break };
        if ready.is_none_or(|at| at.elapsed() > EVERY) {
            let answer = client.send(&http::get("/readyz")).await;
            *ready = answer.is_ok_and(|answer| answer.status == 200).then(Instant::now);
        }
        let (Some(_), Some((request, reading))) = (*ready, random.choice(&requests)) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        match client.send(request).await {
            Ok(answer) if reading(&answer) == Reply::Done => good += 1,
            Ok(answer) => bad.push(format!("{} {}", answer.status, answer.text())),
            Err(lost) => bad.push(lost.to_string()),
        }
    }
    (good, bad)
}
