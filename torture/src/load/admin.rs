//! Those who rotate, revoke, end tokens and generate, and try at once, on every node, what they have just ended.

use super::{
    pool::{Organisation, Pool, Secret, Slot, Token},
    user::call_with,
};
use crate::{
    history::{Event, Operation, Reply},
    http,
    outcome::Outcome,
    recording_client::{self, RecordingClient},
};
use std::{sync::Arc, time::Duration};

/// How often something that must succeed in the end is tried.
const ATTEMPTS: usize = 1200;
const PAUSE: Duration = Duration::from_millis(50);

/// Works until everyone is to go home; gives what happened.
pub(super) async fn work(pool: Arc<Pool>, mut recording_client: RecordingClient) -> Outcome<Vec<Event>> {
    while !pool.is_over() {
        if pool.endings_are_ahead() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let place = recording_client.random.usize(..pool.slots.len());
        let Some(slot) = pool.slots.get(place) else { continue };
        match recording_client.random.usize(..100) {
            0..8 => replace(&pool, slot, &mut recording_client).await?,
            8..16 => end_token(slot, &mut recording_client).await,
            16..46 => rotate(&pool, slot, true, &mut recording_client).await?,
            _ => rotate(&pool, slot, false, &mut recording_client).await?,
        }
    }
    Ok(recording_client.events)
}

fn organisation<'a>(pool: &'a Pool, slot: &Slot) -> Outcome<&'a Organisation> {
    pool.organisations.get(slot.organisation).ok_or_else(|| "a key without an organisation".to_owned())
}

async fn rotate(
    pool: &Pool,
    slot: &Slot,
    end_tokens: bool,
    recording_client: &mut RecordingClient,
) -> Outcome {
    let (key, secret, tokens) = {
        let known = slot.known();
        let Some(secret) = known.current.clone().filter(|_| known.open) else { return Ok(()) };
        (known.key, secret, known.tokens().cloned().collect::<Vec<_>>())
    };
    let number = recording_client.recorder.secret();
    let query = format!(
        "mutation {{ rotateApiKey(input: {{ id: \"{}\", endIssuedTokens: {end_tokens} }}) {{ clientSecret }} }}",
        secret.client_id
    );
    let request = http::graphql(&organisation(pool, slot)?.admin_token, &query);
    let operation = Operation::Rotate { key, secret: number, end_tokens };
    let (reply, answer) = recording_client.ask(operation, &request, recording_client::of_mutation).await;
    match reply {
        Reply::Done => {
            let text = recording_client::text_at(answer.as_ref(), "/data/rotateApiKey/clientSecret");
            let text = text.ok_or("a rotation without a secret")?;
            {
                let mut known = slot.known();
                if known.key == key {
                    known.renew(Secret { number, client_id: secret.client_id.clone(), text });
                }
            }
            pool.ended();
            let tokens = if end_tokens { tokens } else { Vec::new() };
            try_what_is_dead(recording_client, &secret, &tokens).await;
        }
        // Nobody knows the secret now: the key is of no more use.
        Reply::Unknown | Reply::Wrong => replace(pool, slot, recording_client).await?,
        Reply::Rejected | Reply::Unavailable => tokio::time::sleep(Duration::from_millis(5)).await,
    }
    Ok(())
}

/// On every node at once, right after the answer: there is no sharper moment.
async fn try_what_is_dead(recording_client: &mut RecordingClient, secret: &Secret, tokens: &[Token]) {
    let exchange = http::exchange(&secret.client_id, &secret.text);
    recording_client
        .ask_all(
            &[(Operation::Exchange { secret: secret.number, token: 0 }, exchange)],
            recording_client::of_exchange,
        )
        .await;
    let calls: Vec<_> = tokens.iter().rev().take(2).map(call_with).collect();
    recording_client.ask_all(&calls, recording_client::of_call).await;
}

async fn end_token(slot: &Slot, recording_client: &mut RecordingClient) {
    let (secret, token) = {
        let known = slot.known();
        match (&known.current, known.newest_token()) {
            (Some(secret), Some(token)) => (secret.clone(), token.clone()),
            _ => return,
        }
    };
    let request = http::revoke_token(&secret.client_id, &secret.text, &token.text);
    let operation = Operation::EndToken { token: token.number };
    let (reply, _) = recording_client.ask(operation, &request, recording_client::of_token_end).await;
    if reply == Reply::Done {
        recording_client.ask_all(&[call_with(&token)], recording_client::of_call).await;
    }
}

/// Revokes the key and generates another in its place.
async fn replace(pool: &Pool, slot: &Slot, recording_client: &mut RecordingClient) -> Outcome {
    let (key, secret, tokens) = {
        let mut known = slot.known();
        let Some(secret) = known.current.clone().filter(|_| known.open) else { return Ok(()) };
        known.open = false;
        (known.key, secret, known.tokens().cloned().collect::<Vec<_>>())
    };
    let organisation = organisation(pool, slot)?;
    let _replacing = organisation.replacing.lock().await;
    let query = format!("mutation {{ revokeApiKey(id: \"{}\") }}", secret.client_id);
    let request = http::graphql(&organisation.admin_token, &query);
    for _ in 0..ATTEMPTS {
        match recording_client.ask(Operation::Revoke { key }, &request, recording_client::of_mutation).await.0
        {
            Reply::Done => {
                pool.ended();
                try_what_is_dead(recording_client, &secret, &tokens).await;
                return fill(pool, slot, recording_client).await;
            }
            // It is gone already: an attempt that was not answered had done it.
            Reply::Rejected => return fill(pool, slot, recording_client).await,
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    Err(format!("the key {} could not be revoked", secret.client_id))
}

/// Generates a key for an empty place. An attempt that was not answered may have left a key that nobody knows.
pub(super) async fn fill(pool: &Pool, slot: &Slot, recording_client: &mut RecordingClient) -> Outcome {
    let admin = &organisation(pool, slot)?.admin_token;
    let request = http::graphql(
        admin,
        "mutation { generateApiKey(input: { label: \"Torture\" }) { clientId clientSecret } }",
    );
    for _ in 0..ATTEMPTS {
        let (key, number) = (recording_client.recorder.key(), recording_client.recorder.secret());
        let operation = Operation::Generate { key, secret: number };
        let (reply, answer) = recording_client.ask(operation, &request, recording_client::of_mutation).await;
        match reply {
            Reply::Done => {
                let text = |name: &str| {
                    recording_client::text_at(answer.as_ref(), &format!("/data/generateApiKey/{name}"))
                };
                let (Some(client_id), Some(text)) = (text("clientId"), text("clientSecret")) else {
                    return Err("a key without a pair".to_owned());
                };
                let mut known = slot.known();
                known.key = key;
                known.open = true;
                known.renew(Secret { number, client_id, text });
                return Ok(());
            }
            Reply::Rejected => revoke_leftovers(pool, slot.organisation, recording_client).await?,
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    Err("a key could not be generated".to_owned())
}

/// Keys whose generation was not answered take places that are needed.
async fn revoke_leftovers(pool: &Pool, place: usize, recording_client: &mut RecordingClient) -> Outcome {
    let organisation = pool.organisations.get(place).ok_or("no organisation")?;
    let known: Vec<String> = pool
        .slots
        .iter()
        .filter(|slot| slot.organisation == place)
        .filter_map(|slot| slot.known().current.as_ref().map(|secret| secret.client_id.clone()))
        .collect();
    for id in list(recording_client, &organisation.admin_token).await?.iter().filter(|id| !known.contains(id))
    {
        let query = format!("mutation {{ revokeApiKey(id: \"{id}\") }}");
        // A key that no client was ever given is nothing that the history could judge.
        let operation = Operation::Revoke { key: u32::MAX };
        recording_client
            .ask(operation, &http::graphql(&organisation.admin_token, &query), recording_client::of_mutation)
            .await;
        recording_client.events.pop();
    }
    Ok(())
}

/// The ids of an organisation's keys, as soon as a node tells.
async fn list(recording_client: &mut RecordingClient, admin_token: &str) -> Outcome<Vec<String>> {
    let request = http::graphql(admin_token, "{ apiKeys { id } }");
    for _ in 0..ATTEMPTS {
        let (reply, answer) = recording_client
            .ask(Operation::Call { token: u32::MAX }, &request, recording_client::of_call)
            .await;
        recording_client.events.pop();
        if reply == Reply::Done
            && let Some(answer) = answer
        {
            let keys = answer.json().pointer("/data/apiKeys").and_then(|keys| keys.as_array().cloned());
            let id = |key: &serde_json::Value| key.get("id").and_then(|id| id.as_str().map(str::to_owned));
            return keys.map(|keys| keys.iter().filter_map(id).collect()).ok_or_else(|| answer.text());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err("the keys could not be listed".to_owned())
}
