//! One API key that is used to find out how a node is.

use crate::{
    cluster::{Cluster, node::Node},
    history::Reply,
    http::{self, Answer},
    outcome::{During, Outcome, ensure},
    recording_client,
};
use std::time::{Duration, Instant};

/// A key and a token of it.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) client_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

const QUERY: &str = "{ subjects(first: 1) { id } }";

impl Probe {
    /// Makes the key, in an organisation of its own.
    pub(crate) async fn new(cluster: &Cluster) -> Outcome<Self> {
        cluster.organisation("Probe")?;
        let key = cluster.json(&["admin", "key", "generate", "--org", "Probe", "--label", "Probe"])?;
        let text = |name: &str| key.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        let mut probe =
            Self { client_id: text("client_id"), secret: text("client_secret"), token: String::new() };
        let node = cluster.nodes.first().ok_or("no node")?;
        let answer = node.client().send(&probe.exchange()).await.during("the first exchange")?;
        probe.token =
            recording_client::text_at(Some(&answer), "/access_token").ok_or_else(|| answer.text())?;
        Ok(probe)
    }

    pub(crate) fn exchange(&self) -> Vec<u8> {
        http::exchange(&self.client_id, &self.secret)
    }

    pub(crate) fn call(&self) -> Vec<u8> {
        http::graphql(&self.token, QUERY)
    }

    /// Fails unless the node refuses to say anything about credentials, and says why it cannot, within a second. Gives the reason.
    pub(crate) async fn is_closed(&self, node: &Node) -> Outcome<String> {
        let mut client = node.client();
        for request in [self.exchange(), self.call()] {
            let answer = client.send(&request).await.during(&node.name)?;
            ensure(answer.status == 503 && answer.retry_after.is_some(), || {
                format!("without its database {} answered {} {}", node.name, answer.status, answer.text())
            })?;
        }
        let mut ready = node.readiness().await.during(&node.name)?;
        // A check of the database answers for the probes of a second.
        let asked = Instant::now();
        while ready.status == 200 && asked.elapsed() < Duration::from_millis(1200) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ready = node.readiness().await.during(&node.name)?;
        }
        let reason = recording_client::text_at(Some(&ready), "/reason").unwrap_or_default();
        ensure(ready.status == 503 && !reason.is_empty(), || {
            format!("without its database {} says: {} {}", node.name, ready.status, ready.text())
        })?;
        let alive = client.send(&http::get("/healthz")).await.during(&node.name)?;
        ensure(alive.status == 200, || format!("{} lives and says {}", node.name, alive.status))?;
        Ok(reason)
    }

    /// How long it takes until the node exchanges, answers and is ready again. Nothing but 503 may come before.
    pub(crate) async fn until_open(&self, node: &Node, limit: Duration) -> Outcome<Duration> {
        let started = Instant::now();
        let mut client = node.client();
        loop {
            let exchanged = client.send(&self.exchange()).await;
            let called = client.send(&self.call()).await;
            let (exchange, call) =
                (reply(&exchanged, recording_client::of_exchange), reply(&called, recording_client::of_call));
            if (exchange, call) == (Reply::Done, Reply::Done)
                && node.readiness().await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(started.elapsed());
            }
            for (reply, answer) in [(exchange, &exchanged), (call, &called)] {
                ensure(!matches!(reply, Reply::Rejected | Reply::Wrong), || {
                    format!("{} said to good credentials: {answer:?}", node.name)
                })?;
            }
            ensure(started.elapsed() < limit, || {
                format!("{} does not work {limit:?} after its database came back: {exchanged:?}", node.name)
            })?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn reply(answer: &Result<Answer, http::Lost>, reading: recording_client::Reading) -> Reply {
    answer.as_ref().map_or(Reply::Unknown, reading)
}
