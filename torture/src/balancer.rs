//! Clients as a load balancer makes them: they go to nodes whose `/readyz` was good when it was last asked.

use crate::{
    history::Reply,
    http::{self, Client},
    random::SeededRandom,
    recording_client::{self, Reading},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// How often a node is asked whether it is ready.
const EVERY: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// The nodes, and what is known of them.
#[derive(Debug)]
pub(crate) struct Balancer {
    nodes: Vec<(SocketAddr, AtomicBool)>,
    over: AtomicBool,
    good: AtomicU64,
    bad: std::sync::Mutex<Vec<String>>,
}

/// What became of the requests.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) good: u64,
    pub(crate) bad: Vec<String>,
}

/// Clients at work.
#[derive(Debug)]
pub(crate) struct Traffic {
    balancer: Arc<Balancer>,
    tasks: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// So many clients, each with one request at a time, taking turns with these.
    pub(crate) fn start(nodes: &[SocketAddr], clients: u64, requests: &[(Vec<u8>, Reading)]) -> Self {
        let balancer = Arc::new(Balancer {
            nodes: nodes.iter().map(|address| (*address, AtomicBool::new(true))).collect(),
            over: AtomicBool::new(false),
            good: AtomicU64::new(0),
            bad: std::sync::Mutex::default(),
        });
        let mut tasks: Vec<_> = (0..clients)
            .map(|seed| tokio::spawn(client(Arc::clone(&balancer), seed, requests.to_vec())))
            .collect();
        for number in 0..nodes.len() {
            tasks.push(tokio::spawn(check(Arc::clone(&balancer), number)));
        }
        Self { balancer, tasks }
    }

    /// Sends the clients home.
    pub(crate) async fn finish(self) -> Served {
        self.balancer.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            // One that panicked has said so.
            let _ = task.await;
        }
        let bad = self.balancer.bad.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        Served { good: self.balancer.good.load(Ordering::Relaxed), bad }
    }
}

impl Balancer {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

async fn check(balancer: Arc<Balancer>, number: usize) {
    let Some((address, ready)) = balancer.nodes.get(number) else { return };
    while !balancer.is_over() {
        let answer = Client::new(*address, Duration::from_secs(2)).send(&http::get("/readyz")).await;
        ready.store(answer.is_ok_and(|answer| answer.status == 200), Ordering::Relaxed);
        tokio::time::sleep(EVERY).await;
    }
}

async fn client(balancer: Arc<Balancer>, seed: u64, requests: Vec<(Vec<u8>, Reading)>) {
    let mut clients: Vec<_> =
        balancer.nodes.iter().map(|(address, _)| Client::new(*address, PATIENCE)).collect();
    let mut random = SeededRandom::new(seed);
    while !balancer.is_over() {
        let ready = |number: &usize| {
            balancer.nodes.get(*number).is_some_and(|(_, ready)| ready.load(Ordering::Relaxed))
        };
        let open: Vec<usize> = (0..balancer.nodes.len()).filter(ready).collect();
        let number = random.of(&open).copied();
        let (Some(number), Some((request, reading))) = (number, random.of(&requests)) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let Some(client) = clients.get_mut(number) else { continue };
        match client.send(request).await {
            Ok(answer) if reading(&answer) == Reply::Done => {
                balancer.good.fetch_add(1, Ordering::Relaxed);
            }
            failed => {
                let mut bad = balancer.bad.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                bad.push(match failed {
                    Ok(answer) => format!("node {number}: {} {}", answer.status, answer.text()),
                    Err(lost) => format!("node {number}: {lost}"),
                });
            }
        }
    }
}

/// Requests with which every client of a key is served.
pub(crate) fn requests_of(probe: &crate::probe::Probe) -> Vec<(Vec<u8>, Reading)> {
    vec![
        (probe.exchange(), recording_client::of_exchange as Reading),
        (probe.call(), recording_client::of_call),
    ]
}
