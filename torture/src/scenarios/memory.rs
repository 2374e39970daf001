//! A node in a small cgroup, and everyone who wants to fill its memory, at once.

use super::overload::Apart;
use crate::{
    Bench,
    cluster::{Cluster, node::Node},
    history::Reply,
    http,
    http2::{bodies_held_back, connect_from, pages_without_window, send_and_wait},
    measure::{self, Times},
    outcome::{During, Outcome, ensure},
    probe::Probe,
    recording_client,
    report::{Figures, ms},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    runtime::{Builder, Runtime},
    task::JoinSet,
};

/// What an honest exchange may take meanwhile; a build without optimisation beside other tests may take longer.
const BOUND: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
const MEBIBYTE: u64 = 1 << 20;
/// A shell's command that runs its arguments on the first processor.
const ON_FIRST_CORE: &str = "exec taskset -c 0 \"$0\" \"$@\"";
/// Where the honest client is, and where clients of the API are that ask for all they can get.
const HONEST: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
const GREEDY: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 2);
/// The page that is asked for most, because it is the largest.
const PAGE: &str = "/docs/operating/settings";

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for limit in bench.amount([512, 128].as_slice(), &[256]) {
        figures = attack(bench, figures, *limit).await.map_err(|why| format!("{limit} MiB: {why}"))?;
    }
    Ok(figures)
}

async fn attack(bench: &Bench, figures: Figures, mebibytes: u64) -> Outcome<Figures> {
    let group = Group::make(mebibytes);
    let memory = (mebibytes * MEBIBYTE).to_string();
    let mut settings = vec![("DUKU_RATE_LIMIT", "on")];
    if group.is_none() {
        settings.push(("DUKU_MEMORY_BYTES", memory.as_str()));
    }
    let mut cluster = Cluster::prepare(bench, None, 1, &settings)?;
    let node = cluster.node(0)?;
    // Here clients have addresses of their own.
    node.set("DUKU_CONNECTIONS_PER_ADDRESS", "0");
    // The attackers have a processor of their own, as they would at home.
    let _apart = Apart::here()?;
    let enter = group.as_ref().map_or_else(|| ON_FIRST_CORE.to_owned(), Group::entry);
    node.set_prefix(&["sh", "-c", enter.as_str()]);
    node.start().await?;
    let probe = Probe::new(&cluster).await?;
    let node = cluster.nodes.first().ok_or("no node")?;
    fill(node, &probe).await?;
    let before = exchanges(node, &probe, Duration::from_secs(1)).await?;
    let over = Arc::new(AtomicBool::new(false));
    let theirs = background()?;
    let attackers = {
        let _theirs = theirs.enter();
        attackers(bench, node.address, &probe, &over)
    };
    let span = bench.amount(Duration::from_mins(10), Duration::from_secs(8));
    let meanwhile = exchanges(node, &probe, span).await;
    over.store(true, Ordering::Relaxed);
    drop(attackers);
    theirs.shutdown_background();
    let peak = node.status_kib("VmHWM").map_err(|why| format!("the node is gone: {why}"))?;
    let meanwhile = meanwhile?;
    let p99 = measure::percentile(&meanwhile.served, 99);
    let figures = figures
        .with(&format!("{mebibytes} MiB: seconds of all attacks at once"), span.as_secs())
        .with(&format!("{mebibytes} MiB: the limit is a cgroup's"), group.is_some())
        .with(&format!("{mebibytes} MiB: most memory of the node, in MiB"), peak / 1024)
        .with(
            &format!("{mebibytes} MiB: exchanges of an honest client"),
            meanwhile.served.len() + meanwhile.rejected(),
        )
        .with(&format!("{mebibytes} MiB: of these rejected"), meanwhile.rejected())
        .with(
            &format!("{mebibytes} MiB: p99 before, in milliseconds"),
            ms(measure::percentile(&before.served, 99)),
        )
        .with(&format!("{mebibytes} MiB: p99 meanwhile, in milliseconds"), ms(p99));
    let broken = |what: &str| format!("{what}\n{}", figures.lines());
    ensure(peak / 1024 <= mebibytes, || broken("it took more memory than it may"))?;
    ensure(meanwhile.rejected() == 0, || broken("an honest client was rejected"))?;
    ensure(p99 < bench.amount(BOUND.0, BOUND.1), || broken("an honest client waited too long"))?;
    Ok(figures)
}

/// Threads that get the processor only when the honest client does not want it: what is measured is the server.
fn background() -> Outcome<Runtime> {
    let lower_priority = || {
        // Without the right to do so all are equal, and the figures are worse.
        let _ = rustix::process::setpriority_process(None, 19);
    };
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().on_thread_start(lower_priority).build().during("a runtime")
}

/// Products whose metadata make long answers.
async fn fill(node: &Node, probe: &Probe) -> Outcome {
    let mut client = node.client();
    let made = "mutation { createSubject(input: { name: \"Shop\" }) { id } }";
    let made = client.send(&http::graphql(&probe.token, made)).await.during("filling")?;
    let subject =
        recording_client::text_at(Some(&made), "/data/createSubject/id").ok_or_else(|| made.text())?;
    let text = "x".repeat(3000);
    for number in 0..60 {
        let query = format!(
            "mutation {{ upsertSimulationTarget(input: {{ subjectId: \"{subject}\", name: \"Target\", version: \"1\", \
             environment: \"staging\", buildKey: \"{number}\", metadata: {{ text: \"{text}\" }} }}) {{ id }} }}"
        );
        let answer = client.send(&http::graphql(&probe.token, &query)).await.during("filling")?;
        ensure(recording_client::of_mutation(&answer) == Reply::Done, || answer.text())?;
    }
    Ok(())
}

/// All of them, until it is over. They end when the set is dropped.
fn attackers(bench: &Bench, server: SocketAddr, probe: &Probe, over: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut attackers = JoinSet::new();
    let connections: u8 = bench.amount(200, 20);
    let pages = pages_without_window(PAGE, 120);
    let token = Some(probe.token.as_str());
    let endless = [b"GET / HTTP/1.1\r\nhost: duku.test\r\nx: ".as_slice(), &vec![b'a'; 400_000]].concat();
    let kinds = [
        pages,
        bodies_held_back("/graphql", token, 64, 900),
        bodies_held_back("/realms/duku/protocol/openid-connect/token", None, 64, 900),
        endless,
    ];
    for (kind, bytes) in kinds.into_iter().enumerate() {
        let (bytes, kind) = (Arc::new(bytes), u8::try_from(kind).unwrap_or_default());
        for number in 0..connections {
            let (bytes, over) = (Arc::clone(&bytes), Arc::clone(over));
            let source = Ipv4Addr::new(127, 0, 2 + kind, 1 + number % 4);
            attackers.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(stream) = connect_from(source, server).await {
                        send_and_wait(stream, &bytes).await;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    }
    let aliases: Vec<_> =
        (0..20).map(|number| format!("a{number}: targets(first: 1000) {{ metadata }}")).collect();
    let document = http::graphql(&probe.token, &format!("{{ {} }}", aliases.join(" ")));
    for _ in 0..bench.amount(40, 6) {
        let (document, over) = (document.clone(), Arc::clone(over));
        attackers.spawn(async move {
            let mut client = http::Client::new(server, Duration::from_secs(30)).at(GREEDY);
            while !over.load(Ordering::Relaxed) {
                let _ = client.send(&document).await;
            }
        });
    }
    // A thousand addresses with ten slow connections each.
    for number in 0..bench.amount(1000_u16, 30) {
        let [high, low] = number.to_be_bytes();
        let source = Ipv4Addr::new(127, 1 + high, low, 7);
        for _ in 0..10 {
            let over = Arc::clone(over);
            attackers.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(mut stream) = connect_from(source, server).await {
                        while stream.write_all(b"G").await.is_ok() && !over.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_secs(2)).await;
                        }
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
    }
    attackers
}

/// An honest client that exchanges now and then.
async fn exchanges(node: &Node, probe: &Probe, span: Duration) -> Outcome<Times> {
    let (client, pause) = (std::iter::once(node.client().at(HONEST)), Duration::from_millis(2));
    measure::steady(client, &probe.exchange(), recording_client::of_exchange, span, pause).await
}

/// A cgroup with a limit of memory, where we may make one.
struct Group(PathBuf);

impl Group {
    fn make(mebibytes: u64) -> Option<Self> {
        let name = format!("duku-torture-{}-{mebibytes}", std::process::id());
        for (root, file) in
            [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
        {
            let folder = Path::new(root).join(&name);
            if std::fs::create_dir(&folder).is_ok() {
                let group = Self(folder);
                if std::fs::write(group.0.join(file), (mebibytes * MEBIBYTE).to_string()).is_ok() {
                    return Some(group);
                }
            }
        }
        None
    }

    /// A shell's command that runs its arguments in the group.
    fn entry(&self) -> String {
        format!("echo $$ > {}/cgroup.procs && {ON_FIRST_CORE}", self.0.display())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The node has ended before; if it has not, the group goes with the machine.
        let _ = std::fs::remove_dir(&self.0);
    }
}
