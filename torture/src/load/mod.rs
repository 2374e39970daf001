//! Clients that use, rotate, revoke, end and generate while something is done to the cluster, and the verdict on it.

mod admin;
mod pool;
mod user;

pub(crate) use pool::Goals;

use crate::{
    checker::{self, Verdict},
    cluster::Cluster,
    history::{Event, Operation, Recorder, Reply},
    http::{self, Client},
    outcome::{During, Outcome, ensure},
    recording_client::{self, RecordingClient},
    report::{Figures, tenths},
};
use pool::{Organisation, Pool};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Below the limit of ten, so that a generation that was not answered does not block the next.
const KEYS_EACH: usize = 8;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many clients of which kind do how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) organisations: usize,
    pub(crate) users: u64,
    pub(crate) admins: u64,
    pub(crate) goals: Goals,
}

/// Clients at work.
#[derive(Debug)]
pub(crate) struct Load {
    pool: Arc<Pool>,
    recorder: Arc<Recorder>,
    addresses: Vec<SocketAddr>,
    organisations: usize,
    first: Vec<Event>,
    users: Vec<JoinHandle<Vec<Event>>>,
    admins: Vec<JoinHandle<Outcome<Vec<Event>>>>,
    began: Instant,
}

impl Load {
    /// Makes organisations and keys and lets the clients loose.
    pub(crate) async fn start(cluster: &Cluster, shape: Shape) -> Outcome<Self> {
        let addresses: Vec<SocketAddr> = cluster.nodes.iter().map(|node| node.address).collect();
        let organisations = (0..shape.organisations).map(|number| {
            let name = organisation_name(number);
            cluster.organisation(&name)?;
            Ok(Organisation {
                admin_token: cluster.admin_token(&name)?,
                replacing: tokio::sync::Mutex::default(),
            })
        });
        let pool = Arc::new(Pool::new(organisations.collect::<Outcome<_>>()?, KEYS_EACH, shape.goals));
        let mut load = Self {
            pool,
            recorder: Arc::new(Recorder::new()),
            addresses,
            organisations: shape.organisations,
            first: Vec::new(),
            users: Vec::new(),
            admins: Vec::new(),
            began: Instant::now(),
        };
        let mut first = load.recording_client(0);
        for slot in &load.pool.slots {
            admin::fill(&load.pool, slot, &mut first).await?;
        }
        load.first = first.events;
        load.began = Instant::now();
        for seed in 1..=shape.users {
            load.users.push(tokio::spawn(user::work(Arc::clone(&load.pool), load.recording_client(seed))));
        }
        for seed in 1..=shape.admins {
            load.admins
                .push(tokio::spawn(admin::work(Arc::clone(&load.pool), load.recording_client(1000 + seed))));
        }
        Ok(load)
    }

    fn recording_client(&self, seed: u64) -> RecordingClient {
        let clients = self.addresses.iter().map(|address| Client::new(*address, PATIENCE)).collect();
        RecordingClient::new(clients, Arc::clone(&self.recorder), fastrand::Rng::with_seed(seed))
    }

    /// Whether enough was done, or a client has given up, which is heard at the end.
    pub(crate) fn is_done(&self) -> bool {
        self.pool.is_done() || self.admins.iter().any(JoinHandle::is_finished)
    }

    /// Sends the clients home, asks every node about everything, and judges.
    pub(crate) async fn finish(self, cluster: &Cluster) -> Outcome<Judged> {
        self.pool.end();
        let seconds = self.began.elapsed().as_secs_f64();
        let last = self.recording_client(9999);
        let mut events = self.first;
        for user in self.users {
            events.extend(user.await.during("a user")?);
        }
        for admin in self.admins {
            events.extend(admin.await.during("an Admin")??);
        }
        events.extend(sweep(&self.pool, last).await?);
        let verdict = checker::check(&events);
        ensure(verdict.is_clean(), || reply(&verdict))?;
        cluster.verify_audit()?;
        compare_with_the_audit_log(cluster, self.organisations, &events)?;
        Ok(Judged { verdict, seconds })
    }
}

fn organisation_name(number: usize) -> String {
    format!("Organisation {number}")
}

/// When all is quiet, every node is asked about everything that is known: nothing acknowledged may be lost, and what is
/// dead stays dead.
async fn sweep(pool: &Pool, mut recording_client: RecordingClient) -> Outcome<Vec<Event>> {
    for slot in &pool.slots {
        let requests: Vec<_> = {
            let known = slot.known();
            let secrets = known.former().chain(&known.current);
            let exchanges = secrets.map(|secret| {
                let operation = Operation::Exchange { secret: secret.number, token: 0 };
                (operation, http::exchange(&secret.client_id, &secret.text))
            });
            exchanges.collect()
        };
        recording_client.ask_all(&requests, recording_client::of_exchange).await;
        let calls: Vec<_> = slot.known().tokens().map(user::call_with).collect();
        recording_client.ask_all(&calls, recording_client::of_call).await;
    }
    let silent =
        recording_client.events.iter().find(|event| !matches!(event.reply, Reply::Done | Reply::Rejected));
    ensure(silent.is_none(), || format!("a quiet cluster does not answer: {silent:?}"))?;
    Ok(recording_client.events)
}

/// Every rotation that was answered is in the audit log, and what is there without having been answered is not more than
/// what was left unanswered.
fn compare_with_the_audit_log(cluster: &Cluster, organisations: usize, events: &[Event]) -> Outcome {
    let mut written = 0;
    for number in 0..organisations {
        let log = cluster.run(&["audit", "export", "--org", &organisation_name(number)])?;
        written += log.lines().filter(|line| line.contains("\"api_key.rotated\"")).count();
    }
    let count = |reply: Reply| {
        events
            .iter()
            .filter(|event| matches!(event.operation, Operation::Rotate { .. }) && event.reply == reply)
            .count()
    };
    let (answered, open) = (count(Reply::Done), count(Reply::Unknown));
    ensure((answered..=answered + open).contains(&written), || {
        format!("{answered} rotations were answered and {open} left open, but {written} are in the audit log")
    })
}

fn reply(verdict: &Verdict) -> String {
    format!(
        "{} stale, {} lost, {} keys with two secrets, {} wrong answers\n{}",
        verdict.stale,
        verdict.lost,
        verdict.two_secrets,
        verdict.wrong,
        verdict.faults.join("\n")
    )
}

/// A history that was found to be clean.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    seconds: f64,
}

impl Judged {
    #[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
    pub(crate) fn figures(&self) -> Figures {
        let verdict = &self.verdict;
        Figures::new()
            .with("exchanges and API calls that were accepted or rejected", verdict.uses)
            .with("of these rejected", verdict.rejected)
            .with("of these started after an end had been answered", verdict.after_an_end)
            .with("rotations and revocations answered", verdict.endings)
            .with("single tokens ended", verdict.tokens_ended)
            .with("stale acceptances", verdict.stale)
            .with("acknowledged and lost", verdict.lost)
            .with("keys with two working secrets", verdict.two_secrets)
            .with("answers that must never come", verdict.wrong)
            .with("operations answered 503 or met by no node", verdict.unavailable)
            .with("operations without an answer", verdict.unknown)
            .with("uses a second, everything on one machine", tenths(verdict.uses as f64 / self.seconds))
    }
}
