//! Nodes that are told to stop, under load: nobody's request is cut.

use crate::{
    Bench,
    balancer::{self, Traffic},
    cluster::{Cluster, Engine},
    outcome::{Outcome, ensure},
    probe::Probe,
    report::{Figures, tenths},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

const DRAIN: &str = "1";
const STOPPED: Duration = Duration::from_secs(15);

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
    let traffic = Traffic::start(&addresses, clients, &balancer::requests_of(&probe));
    let mut slowest = Duration::ZERO;
    for stop in 0..stops {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let node = cluster.node(stop % nodes)?;
        let reply = Instant::now();
        node.terminate()?;
        let status = node.ended(STOPPED).await?;
        slowest = slowest.max(reply.elapsed());
        ensure(status.success(), || format!("{} ended with {status}: {}", node.name, node.last_lines()))?;
        node.start().await?;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let served = traffic.finish().await;
    ensure(served.good > 0, || "nothing was asked".to_owned())?;
    ensure(served.bad.is_empty(), || {
        let first: Vec<_> = served.bad.iter().take(10).map(String::as_str).collect();
        format!("{} of {} requests failed: {}", served.bad.len(), served.good, first.join("\n"))
    })?;
    Ok(Figures::new()
        .with("nodes", nodes)
        .with("times a node was stopped by SIGTERM and started", stops)
        .with("requests served meanwhile", served.good)
        .with("requests that failed", served.bad.len())
        .with(
            "slowest stop, in milliseconds, one second of draining included",
            tenths(slowest.as_secs_f64() * 1000.0),
        ))
}
