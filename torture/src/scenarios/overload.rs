//! Five times more requests than the server can answer.
//!
//! First clients that wait for their answers find out how many it can answer. Then five times as many come, at their own
//! time and whether or not others are waiting; no client comes back early to be nice. Then it is quiet again.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node},
    history::Reply,
    http::{self, Client},
    measure::{self, Times, percentile},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    process,
    recording_client::{self, Reading},
    report::{Figures, ms, tenths},
};
use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

const TIMES: f64 = 5.0;
/// With fewer than so many times the capacity, the burst is none: the machine that makes it is what everyone waits for.
const TOO_MANY: f64 = 3.0;
/// How many wait for their answers while the capacity is measured.
const STEADY: usize = 32;
/// The most connections: one for each request that is under way.
const CONNECTIONS: usize = 4000;
const PATIENCE: Duration = Duration::from_secs(20);
/// What a served request may take while five times too many come: the wait that the server allows, and the work. A build
/// without optimisation beside other tests may take longer, but not for ever, as without a limit.
const BOUND: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(8));
/// The same once the server knows of the burst: those who come in its first second are admitted before anyone can know.
const KNOWN_AFTER: Duration = Duration::from_secs(1);
const BOUND_KNOWN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(8));
/// "At once."
const RECOVERED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));

/// Requests that wait for the processor.
pub(super) async fn processor(bench: &Bench) -> Outcome<Figures> {
    let mut cluster = Cluster::prepare(bench, None, 1, &[("DUKU_GRAPHQL_ALIASES", "1000")])?;
    let _apart = Apart::here()?;
    for node in &mut cluster.nodes {
        node.set_prefix(&["taskset", "-c", "0"]);
        node.start().await?;
    }
    let probe = Probe::new(&cluster).await?;
    // Many reads: so dear to answer that five times as many can be asked by the same machine.
    let reads = bench.amount(500, 50);
    let fields: Vec<String> =
        (0..reads).map(|number| format!("s{number}: subjects(first: 1) {{ id }}")).collect();
    let query = format!("{{ {} }}", fields.join(" "));
    overload(bench, &cluster, &http::graphql(&probe.token, &query), recording_client::of_call).await
}

/// The burst has processors of its own: what its requests wait for at home says nothing of the server.
pub(super) struct Apart(usize);

impl Apart {
    pub(super) fn here() -> Outcome<Self> {
        let cores = std::thread::available_parallelism().during("how many processors there are")?.get();
        Self::keep(&if cores > 1 { format!("1-{}", cores - 1) } else { "0".to_owned() })?;
        Ok(Self(cores))
    }

    fn keep(cores: &str) -> Outcome {
        let own = std::process::id().to_string();
        process::read(Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", cores, &own]))
            .map(drop)
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // Where that fails, the next ones have less room and say so.
        let _ = Self::keep(&format!("0-{}", self.0 - 1));
    }
}

/// Requests that wait for the database.
pub(super) async fn database(bench: &Bench) -> Outcome<Figures> {
    let cluster = Cluster::start(bench, Engine::Postgres, 1, &[]).await?;
    cluster.organisation("Crowded")?;
    // Changes in one organisation follow one another: its row is locked, and its audit log is a chain.
    let query = "mutation { createSubject(input: { name: \"Shop\" }) { id } }";
    let request = http::graphql(&cluster.admin_token("Crowded")?, query);
    overload(bench, &cluster, &request, recording_client::of_mutation).await
}

async fn overload(bench: &Bench, cluster: &Cluster, request: &[u8], reading: Reading) -> Outcome<Figures> {
    let span = bench.amount(Duration::from_secs(20), Duration::from_secs(2));
    let node = cluster.nodes.first().ok_or("no node")?;
    let quiet = bench.amount(Duration::from_secs(5), Duration::from_secs(1));
    let before = steady(node, request, reading, quiet).await?;
    let capacity = rate(before.len(), quiet);
    let Burst { times, later, sent } = burst(node, request, reading, capacity * TIMES, span).await?;
    let recovery = recovery(node, request, reading).await?;
    let after = steady(node, request, reading, Duration::from_secs(1)).await?;
    let shed = node.metric("duku_requests_shed_total").await?;
    let (p99, p99_later) = (percentile(&times.served, 99), percentile(&later, 99));
    let figures = Figures::new()
        .with("answers a second that it can give", tenths(capacity))
        .with("requests a second that came", tenths(rate(sent, span)))
        .with("answers a second that it gave", tenths(rate(times.served.len(), span)))
        .with("rejected with 503 and Retry-After", times.shed.len())
        .with("median of those served before, in milliseconds", ms(percentile(&before, 50)))
        .with("p99 of those served before, in milliseconds", ms(percentile(&before, 99)))
        .with("median of those served, in milliseconds", ms(percentile(&times.served, 50)))
        .with("p99 of those served, in milliseconds", ms(p99))
        .with("p99 of those served who came after the first second, in milliseconds", ms(p99_later))
        .with("p99 of the rejections, in milliseconds", ms(percentile(&times.shed, 99)))
        .with("p99 of those served afterwards, in milliseconds", ms(percentile(&after, 99)))
        .with(
            "from the last of the burst to a second without a rejection began, in milliseconds",
            ms(recovery),
        );
    let broken = |what: &str| format!("{what}\n{}", figures.lines());
    ensure(times.wrong.is_empty(), || broken(&format!("wrong answers: {:?}", times.wrong.first())))?;
    ensure(rate(sent, span) > capacity * bench.amount(TOO_MANY, 1.0), || {
        broken("this machine could not make the burst, so nothing is shown")
    })?;
    ensure(!times.shed.is_empty() && shed > 0.0, || broken("nothing was shed"))?;
    ensure(times.served.len() > 20, || broken("next to nothing was served"))?;
    ensure(p99 < bench.amount(BOUND.0, BOUND.1), || broken("the served waited too long"))?;
    ensure(p99_later < bench.amount(BOUND_KNOWN.0, BOUND_KNOWN.1), || {
        broken("those who came later waited too long")
    })?;
    ensure(recovery < bench.amount(RECOVERED.0, RECOVERED.1), || broken("it did not recover at once"))?;
    Ok(figures)
}

/// What a burst came to.
#[derive(Debug, Default)]
struct Burst {
    times: Times,
    /// Of those served, who came after [`KNOWN_AFTER`].
    later: Vec<Duration>,
    sent: usize,
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
fn rate(count: usize, span: Duration) -> f64 {
    count as f64 / span.as_secs_f64()
}

/// Clients that wait for their answers, all of which are good.
async fn steady(node: &Node, request: &[u8], reading: Reading, span: Duration) -> Outcome<Vec<Duration>> {
    let clients = (0..STEADY).map(|_| node.client());
    let all = measure::steady(clients, request, reading, span, Duration::ZERO).await?;
    ensure(all.rejected() == 0, || {
        format!("{} of {STEADY} clients were rejected: {:?}", all.shed.len(), all.wrong.first())
    })?;
    Ok(all.served)
}

/// So many requests a second, each at its time on whichever connection is free, or on a new one.
async fn burst(node: &Node, request: &[u8], reading: Reading, rate: f64, span: Duration) -> Outcome<Burst> {
    let idle: Arc<Mutex<Vec<Client>>> = Arc::default();
    let burst: Arc<Mutex<Burst>> = Arc::default();
    let (started, mut sent, mut open) = (Instant::now(), 0_u32, 0);
    let mut tasks = tokio::task::JoinSet::new();
    while started.elapsed() < span {
        let due = started + Duration::from_secs_f64(f64::from(sent) / rate);
        if due > Instant::now() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let free = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let client = match free {
            Some(client) => client,
            None if open < CONNECTIONS => {
                open += 1;
                Client::new(node.address, PATIENCE)
            }
            None => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
        };
        sent += 1;
        let (idle, burst, request) = (Arc::clone(&idle), Arc::clone(&burst), request.to_vec());
        tasks.spawn(async move {
            let (mut client, sent) = (client, Instant::now());
            let answer = client.send(&request).await;
            let took = sent.elapsed();
            let mut burst = burst.lock().unwrap_or_else(PoisonError::into_inner);
            if burst.times.note(&answer, reading, took) && sent - started > KNOWN_AFTER {
                burst.later.push(took);
            }
            drop(burst);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    let mut burst = std::mem::take(&mut *burst.lock().unwrap_or_else(PoisonError::into_inner));
    burst.sent = usize::try_from(sent).unwrap_or_default();
    Ok(burst)
}

/// How long ordinary clients are still rejected after the burst has gone.
async fn recovery(node: &Node, request: &[u8], reading: Reading) -> Outcome<Duration> {
    let started = Instant::now();
    let (mut client, mut good_since) = (node.client(), Instant::now());
    while good_since.elapsed() < Duration::from_secs(1) {
        let answer = client.send(request).await.during("after the burst")?;
        if reading(&answer) != Reply::Done {
            ensure(answer.status == 503, || answer.text())?;
            good_since = Instant::now();
        }
        ensure(started.elapsed() < PATIENCE, || "it does not recover".to_owned())?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(good_since - started)
}
