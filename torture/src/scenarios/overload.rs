//! Five times more requests than the server can answer.
//!
//! First clients that wait for their answers find out how many it can answer. Then five times as many come, at their own
//! time and whether or not others are waiting; no client comes back early to be nice. Then it is quiet again.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node},
    history::Reply,
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    process,
    recording_client::{self, Reading},
    report::{Figures, tenths},
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
    let before =
        steady(node, request, reading, bench.amount(Duration::from_secs(5), Duration::from_secs(1))).await?;
    let rate = before.rate() * TIMES;
    let burst = burst(node, request, reading, rate, span).await?;
    let recovery = recovery(node, request, reading).await?;
    let after = steady(node, request, reading, Duration::from_secs(1)).await?;
    let shed = node.metric("duku_requests_shed_total").await?;
    let figures = Figures::new()
        .with("answers a second that it can give", tenths(before.rate()))
        .with("requests a second that came", tenths(burst.rate_of(burst.sent)))
        .with("answers a second that it gave", tenths(burst.rate()))
        .with("refused with 503 and Retry-After", burst.shed.len())
        .with("median of those served before, in milliseconds", ms(before.quantile(0.5)))
        .with("p99 of those served before, in milliseconds", ms(before.quantile(0.99)))
        .with("median of those served, in milliseconds", ms(burst.quantile(0.5)))
        .with("p99 of those served, in milliseconds", ms(burst.quantile(0.99)))
        .with(
            "p99 of those served who came after the first second, in milliseconds",
            ms(quantile(&burst.served_later, 0.99)),
        )
        .with("p99 of the rejections, in milliseconds", ms(quantile(&burst.shed, 0.99)))
        .with("p99 of those served afterwards, in milliseconds", ms(after.quantile(0.99)))
        .with(
            "from the last of the burst to a second without a rejection began, in milliseconds",
            ms(recovery),
        );
    let broken = |what: &str| format!("{what}\n{}", figures.lines());
    ensure(burst.wrong.is_empty(), || broken(&format!("wrong answers: {:?}", burst.wrong.first())))?;
    ensure(burst.rate_of(burst.sent) > before.rate() * bench.amount(TOO_MANY, 1.0), || {
        broken("this machine could not make the burst, so nothing is shown")
    })?;
    ensure(!burst.shed.is_empty() && shed > 0.0, || broken("nothing was shed"))?;
    ensure(burst.served.len() > 20, || broken("next to nothing was served"))?;
    ensure(burst.quantile(0.99) < bench.amount(BOUND.0, BOUND.1), || broken("the served waited too long"))?;
    ensure(quantile(&burst.served_later, 0.99) < bench.amount(BOUND_KNOWN.0, BOUND_KNOWN.1), || {
        broken("those who came later waited too long")
    })?;
    ensure(recovery < bench.amount(RECOVERED.0, RECOVERED.1), || broken("it did not recover at once"))?;
    Ok(figures)
}

fn ms(duration: Duration) -> serde_json::Value {
    tenths(duration.as_secs_f64() * 1000.0)
}

/// Times of requests, by how they ended.
#[derive(Debug, Default)]
struct Times {
    served: Vec<Duration>,
    /// Of these, who came after [`KNOWN_AFTER`].
    served_later: Vec<Duration>,
    shed: Vec<Duration>,
    wrong: Vec<String>,
    sent: usize,
    span: Duration,
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
impl Times {
    fn rate(&self) -> f64 {
        self.rate_of(self.served.len())
    }

    fn rate_of(&self, count: usize) -> f64 {
        count as f64 / self.span.as_secs_f64()
    }

    fn quantile(&self, part: f64) -> Duration {
        quantile(&self.served, part)
    }

    fn note(&mut self, answer: &Result<http::Answer, http::Lost>, reading: Reading, took: Duration) {
        match answer {
            Ok(answer) if answer.status == 503 && answer.retry_after.is_some() => self.shed.push(took),
            Ok(answer) if reading(answer) == Reply::Done => self.served.push(took),
            other => self.wrong.push(format!("{other:?}")),
        }
    }
}

fn quantile(times: &[Duration], part: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count"
    )]
    let place = (sorted.len().saturating_sub(1) as f64 * part) as usize;
    sorted.get(place).copied().unwrap_or_default()
}

/// Clients that wait for their answers.
async fn steady(node: &Node, request: &[u8], reading: Reading, span: Duration) -> Outcome<Times> {
    let started = Instant::now();
    let clients = (0..STEADY).map(|_| {
        let (mut client, request) = (node.client(), request.to_vec());
        tokio::spawn(async move {
            let mut times = Times::default();
            while started.elapsed() < span {
                let sent = Instant::now();
                let answer = client.send(&request).await;
                times.note(&answer, reading, sent.elapsed());
            }
            times
        })
    });
    let mut all = Times { span, ..Times::default() };
    for client in clients.collect::<Vec<_>>() {
        let times = client.await.during("a client")?;
        all.served.extend(times.served);
        all.shed.extend(times.shed);
        all.wrong.extend(times.wrong);
    }
    ensure(all.wrong.is_empty() && all.shed.is_empty(), || {
        format!("{} of {STEADY} clients were refused: {:?}", all.shed.len(), all.wrong.first())
    })?;
    Ok(all)
}

/// So many requests a second, each at its time on whichever connection is free, or on a new one.
async fn burst(node: &Node, request: &[u8], reading: Reading, rate: f64, span: Duration) -> Outcome<Times> {
    let idle: Arc<Mutex<Vec<Client>>> = Arc::default();
    let times: Arc<Mutex<Times>> = Arc::new(Mutex::new(Times { span, ..Times::default() }));
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
        let (idle, times, request) = (Arc::clone(&idle), Arc::clone(&times), request.to_vec());
        tasks.spawn(async move {
            let (mut client, sent) = (client, Instant::now());
            let answer = client.send(&request).await;
            let took = sent.elapsed();
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            let served = times.served.len();
            times.note(&answer, reading, took);
            if times.served.len() > served && sent - started > KNOWN_AFTER {
                times.served_later.push(took);
            }
            drop(times);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    let mut times = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    times.sent = usize::try_from(sent).unwrap_or_default();
    Ok(times)
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
