//! Keys without a secret on three nodes: conditions that change and keys that are revoked while workloads exchange, and one token at
//! all nodes at once.

use crate::{
    Bench,
    cluster::{Cluster, Engine, node::Node},
    http::{self, Answer, Client, Lost},
    outcome::{During, Outcome, ensure},
    recording_client,
    report::Figures,
};
use futures::future::{join_all, try_join_all};
use jose::assertion::{AssertionAlgorithm, AssertionSigner};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

const NODES: usize = 3;
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "http://duku.test/realms/duku";
const WORKLOADS: [&str; 2] = ["blue", "green"];
/// So many workloads exchange at each node.
const WORKERS: usize = 4;

/// Whom a key accepts, or nobody once it is revoked.
type Accepted = Option<&'static str>;

/// What was asked of a key, in order; how much of it was answered. What was begun and not answered may count already.
#[derive(Debug, Default)]
struct History {
    key: String,
    asked: Vec<Accepted>,
    answered: usize,
}

impl History {
    /// Whether an exchange could be granted to `workload` that began when so much was answered.
    fn allows(&self, workload: &str, answered: usize) -> bool {
        let from = answered.saturating_sub(1);
        self.asked.iter().skip(from).any(|accepted| *accepted == Some(workload))
    }
}

struct Shared {
    history: Mutex<History>,
    signer: AssertionSigner,
    number: AtomicU64,
    granted: AtomicU64,
    rejected: AtomicU64,
    is_over: AtomicBool,
}

impl Shared {
    fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token of one of the workloads, each with a `jti` of its own.
    #[expect(clippy::disallowed_methods, reason = "an issuer has a clock of its own")]
    fn token(&self, workload: &str) -> Outcome<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).during("the clock")?.as_secs();
        let jti = self.number.fetch_add(1, Ordering::Relaxed).to_string();
        let claims = json!({
            "iss": ISSUER, "sub": workload, "aud": AUDIENCE, "iat": now, "exp": now + 300, "jti": jti,
        });
        self.signer.sign_claims("k", &claims).during("signing")
    }
}

pub(super) async fn run(bench: &Bench) -> Outcome<Figures> {
    let (changes, races) = bench.amount((1500, 400), (30, 12));
    let cluster = Cluster::start(bench, Engine::Postgres, NODES, &[]).await?;
    cluster.organisation("Probe")?;
    let admin = cluster.admin_token("Probe")?;
    let shared = Arc::new(Shared {
        history: Mutex::default(),
        signer: AssertionSigner::generate(AssertionAlgorithm::Es256).during("a key pair")?,
        number: AtomicU64::new(0),
        granted: AtomicU64::new(0),
        rejected: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    });
    let mut client = first(&cluster)?.client();
    generate(&shared, &mut client, &admin, "blue").await?;
    race(&cluster, &shared, races).await?;
    let workers = cluster.nodes.iter().flat_map(|node| (0..WORKERS).map(move |_| node.client()));
    let workers = workers.map(|client| tokio::spawn(exchange_on(Arc::clone(&shared), client)));
    let workers: Vec<_> = workers.collect();
    let decided = decide(&cluster, &shared, &admin, changes).await;
    shared.is_over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.during("a worker")??;
    }
    decided?;
    cluster.verify_audit()?;
    let (granted, rejected) =
        (shared.granted.load(Ordering::Relaxed), shared.rejected.load(Ordering::Relaxed));
    ensure(granted > 0 && rejected > 0, || {
        format!("{granted} granted, {rejected} rejected: nothing was tried")
    })?;
    Ok(Figures::new()
        .with("changes of conditions and revocations", changes)
        .with("exchanges granted", granted)
        .with("exchanges rejected", rejected)
        .with("exchanges granted against what was answered before they began", 0)
        .with("tokens presented to all nodes at once, each exchanged exactly once", races))
}

fn first(cluster: &Cluster) -> Outcome<&Node> {
    cluster.nodes.first().ok_or_else(|| "no node".to_owned())
}

/// Presents one token at every node at once, often: exactly one exchange is granted.
async fn race(cluster: &Cluster, shared: &Shared, races: usize) -> Outcome {
    let key = shared.history().key.clone();
    let mut clients: Vec<Client> =
        cluster.nodes.iter().flat_map(|node| [node.client(), node.client()]).collect();
    for _ in 0..races {
        let request = http::exchange_assertion(&key, &shared.token("blue")?);
        let answers = join_all(clients.iter_mut().map(|client| client.send(&request))).await;
        let granted =
            answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)).count();
        ensure(granted == 1, || format!("one token at all nodes at once was exchanged {granted} times"))?;
    }
    Ok(())
}

/// Exchanges tokens of either workload, and judges each answer.
async fn exchange_on(shared: Arc<Shared>, mut client: Client) -> Outcome {
    while !shared.is_over.load(Ordering::Relaxed) {
        let workload = if fastrand::bool() { WORKLOADS[0] } else { WORKLOADS[1] };
        let (key, answered) = {
            let history = shared.history();
            (history.key.clone(), history.answered)
        };
        let request = http::exchange_assertion(&key, &shared.token(workload)?);
        let answer = client.send(&request).await;
        let is_granted = is_granted(answer)?;
        let history = shared.history();
        // A key that was replaced meanwhile has another history.
        if history.key != key {
            continue;
        }
        if is_granted {
            shared.granted.fetch_add(1, Ordering::Relaxed);
            ensure(history.allows(workload, answered), || {
                format!("{workload} got a token of {key} although it was not accepted any more when it asked")
            })?;
        } else {
            shared.rejected.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn is_granted(answer: Result<Answer, Lost>) -> Outcome<bool> {
    let answer = answer.during("an exchange")?;
    match answer.status {
        200 => Ok(true),
        401 | 503 => Ok(false),
        _ => Err(format!("an exchange was answered {} {}", answer.status, answer.text())),
    }
}

/// Changes whom the key accepts, on any node, and now and then revokes it and generates another.
async fn decide(cluster: &Cluster, shared: &Shared, admin: &str, changes: usize) -> Outcome {
    let mut clients: Vec<Client> = cluster.nodes.iter().map(Node::client).collect();
    for number in 0..changes {
        let place = fastrand::usize(..clients.len());
        let client = clients.get_mut(place).ok_or("no client")?;
        if number % 10 == 9 {
            let key = shared.history().key.clone();
            ask(shared, client, admin, None, &format!("mutation {{ revokeApiKey(id: \"{key}\") }}")).await?;
            // Whoever has it finds it dead on every node, at once.
            let request = http::exchange_assertion(&key, &shared.token(WORKLOADS[0])?);
            let answers =
                try_join_all(clients.iter_mut().map(async |client| is_granted(client.send(&request).await)));
            ensure(!answers.await?.contains(&true), || format!("the revoked key {key} was accepted"))?;
            let client = clients.get_mut(place).ok_or("no client")?;
            generate(shared, client, admin, WORKLOADS[0]).await?;
        } else {
            let workload = if number % 2 == 0 { WORKLOADS[1] } else { WORKLOADS[0] };
            let key = shared.history().key.clone();
            let change = format!(
                "mutation {{ changeApiKeyAuthentication(input: {{ id: \"{key}\", {} }}) {{ clientId }} }}",
                identity(shared, workload)
            );
            ask(shared, client, admin, Some(workload), &change).await?;
        }
    }
    Ok(())
}

/// Asks for a change, and notes when it was asked for and when answered.
async fn ask(
    shared: &Shared,
    client: &mut Client,
    admin: &str,
    accepted: Accepted,
    query: &str,
) -> Outcome<Answer> {
    shared.history().asked.push(accepted);
    let answer = client.send(&http::graphql(admin, query)).await.during("a change")?;
    ensure(answer.status == 200 && answer.json().get("errors").is_none(), || answer.text())?;
    let mut history = shared.history();
    history.answered = history.asked.len();
    Ok(answer)
}

async fn generate(shared: &Shared, client: &mut Client, admin: &str, workload: &'static str) -> Outcome {
    let query = format!(
        "mutation {{ generateSecretlessApiKey(input: {{ label: \"Workload\", {} }}) {{ clientId }} }}",
        identity(shared, workload)
    );
    let answer = client.send(&http::graphql(admin, &query)).await.during("generating")?;
    let key = recording_client::text_at(Some(&answer), "/data/generateSecretlessApiKey/clientId");
    let key = key.ok_or_else(|| answer.text())?;
    *shared.history() = History { key, asked: vec![Some(workload)], answered: 1 };
    Ok(())
}

/// What a key accepts, as GraphQL has it. The issuer's keys are given: nothing is fetched.
fn identity(shared: &Shared, workload: &str) -> String {
    let jwks = json!({ "keys": [shared.signer.public_jwk("k")] }).to_string();
    format!(
        "workloadIdentity: {{ preset: OIDC, issuer: \"{ISSUER}\", keySet: {}, pins: [{{ claim: \"sub\", equals: [\"{workload}\"] }}] }}",
        Value::String(jwks)
    )
}
