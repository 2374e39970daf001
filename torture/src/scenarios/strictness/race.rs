//! Many generations at once on every node: exactly ten keys.

use crate::{
    history::{Operation, Recorder, Reply},
    http::{self, Client},
    load,
    outcome::{Outcome, ensure},
    random::SeededRandom,
    recording_client::{self, RecordingClient},
};
use futures::future::join_all;
use std::{net::SocketAddr, sync::Arc};

const LIMIT: usize = 10;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
const RACERS: usize = 30;

/// What the races came to.
#[derive(Debug, Default)]
pub(super) struct Races {
    pub(super) run: u64,
    /// Those in which enough requests were answered to tell.
    pub(super) exact: u64,
}

/// Races in one organisation of its own, again and again until told to stop.
pub(super) async fn run(admin_token: String, addresses: Vec<SocketAddr>, rounds: u64) -> Outcome<Races> {
    let recorder = Arc::new(Recorder::new());
    let clients = |number: usize| {
        let clients = addresses.iter().map(|address| Client::new(*address, PATIENCE)).collect();
        RecordingClient::new(
            clients,
            Arc::clone(&recorder),
            SeededRandom::new(u64::try_from(number).unwrap_or_default()),
        )
    };
    let mut racers: Vec<_> = (0..RACERS).map(clients).collect();
    let mut judge = clients(RACERS);
    let mut done = Races::default();
    let request =
        http::graphql(&admin_token, "mutation { generateApiKey(input: { label: \"Race\" }) { clientId } }");
    for _ in 0..rounds {
        let attempts = racers.iter_mut().map(|racer| {
            let operation =
                Operation::Generate { key: racer.recorder.key(), secret: racer.recorder.secret() };
            racer.ask(operation, &request, recording_client::of_mutation)
        });
        let reply: Vec<Reply> = join_all(attempts).await.into_iter().map(|(reply, _)| reply).collect();
        let count = |which: Reply| reply.iter().filter(|reply| **reply == which).count();
        let keys = settled(&mut judge, &admin_token, count(Reply::Unknown) > 0).await?;
        let (made, rejected, listed) = (count(Reply::Done), count(Reply::Rejected), keys.len());
        let shown =
            || format!("{made} generations were answered, {rejected} refused, {listed} keys are listed");
        ensure(made <= LIMIT && listed <= LIMIT && made <= listed, shown)?;
        // Whoever was rejected was told that there are ten.
        ensure(rejected == 0 || listed == LIMIT, shown)?;
        done.exact += u64::from(made == LIMIT && made + rejected == RACERS);
        done.run += 1;
        for key in keys {
            let query = format!("mutation {{ revokeApiKey(id: \"{key}\") }}");
            let revoke = http::graphql(&admin_token, &query);
            while !matches!(
                judge.ask(Operation::Revoke { key: 0 }, &revoke, recording_client::of_mutation).await.0,
                Reply::Done | Reply::Rejected
            ) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    Ok(done)
}

/// The keys, once what was not answered has happened or never will.
async fn settled(
    judge: &mut RecordingClient,
    admin_token: &str,
    was_unanswered: bool,
) -> Outcome<Vec<String>> {
    let mut keys = load::list(judge, admin_token).await?;
    if !was_unanswered {
        return Ok(keys);
    }
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let again = load::list(judge, admin_token).await?;
        if again == keys {
            return Ok(keys);
        }
        keys = again;
    }
}
