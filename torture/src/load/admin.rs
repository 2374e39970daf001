//! Those who rotate, revoke, end tokens and generate, and try at once, on every node, what they have just ended.

use super::{
    pool::{Organisation, Pool, Secret, Slot, Token},
    user::call_with,
};
use crate::{
    hands::{self, Hands},
    history::{Act, Event, Told},
    http,
    outcome::Outcome,
};
use std::{sync::Arc, time::Duration};

/// How often something that must succeed in the end is tried.
const ATTEMPTS: usize = 1200;
const PAUSE: Duration = Duration::from_millis(50);

/// Works until everyone is to go home; gives what happened.
pub(super) async fn work(pool: Arc<Pool>, mut hands: Hands) -> Outcome<Vec<Event>> {
    while !pool.is_over() {
        if pool.endings_are_ahead() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let place = hands.dice.below(pool.slots.len());
        let Some(slot) = pool.slots.get(place) else { continue };
        match hands.dice.below(100) {
            0..8 => replace(&pool, slot, &mut hands).await?,
            8..16 => end_token(slot, &mut hands).await,
            16..46 => rotate(&pool, slot, true, &mut hands).await?,
            _ => rotate(&pool, slot, false, &mut hands).await?,
        }
    }
    Ok(hands.events)
}

fn organisation<'a>(pool: &'a Pool, slot: &Slot) -> Outcome<&'a Organisation> {
    pool.organisations.get(slot.organisation).ok_or_else(|| "a key without an organisation".to_owned())
}

async fn rotate(pool: &Pool, slot: &Slot, end_tokens: bool, hands: &mut Hands) -> Outcome {
    let (key, secret, tokens) = {
        let known = slot.known();
        let Some(secret) = known.current.clone().filter(|_| known.open) else { return Ok(()) };
        (known.key, secret, known.tokens().cloned().collect::<Vec<_>>())
    };
    let number = hands.recorder.secret();
    let query = format!(
        "mutation {{ rotateApiKey(input: {{ id: \"{}\", endIssuedTokens: {end_tokens} }}) {{ clientSecret }} }}",
        secret.client_id
    );
    let request = http::graphql(&organisation(pool, slot)?.admin_token, &query);
    let act = Act::Rotate { key, secret: number, end_tokens };
    let (told, answer) = hands.ask(act, &request, hands::of_mutation).await;
    match told {
        Told::Done => {
            let text = hands::text_at(answer.as_ref(), "/data/rotateApiKey/clientSecret");
            let text = text.ok_or("a rotation without a secret")?;
            {
                let mut known = slot.known();
                if known.key == key {
                    known.renew(Secret { number, client_id: secret.client_id.clone(), text });
                }
            }
            pool.ended();
            let tokens = if end_tokens { tokens } else { Vec::new() };
            try_what_is_dead(hands, &secret, &tokens).await;
        }
        // Nobody knows the secret now: the key is of no more use.
        Told::Unknown | Told::Wrong => replace(pool, slot, hands).await?,
        Told::Refused | Told::Unavailable => tokio::time::sleep(Duration::from_millis(5)).await,
    }
    Ok(())
}

/// On every node at once, right after the answer: there is no sharper moment.
async fn try_what_is_dead(hands: &mut Hands, secret: &Secret, tokens: &[Token]) {
    let exchange = http::exchange(&secret.client_id, &secret.text);
    hands.ask_all(&[(Act::Exchange { secret: secret.number, token: 0 }, exchange)], hands::of_exchange).await;
    let calls: Vec<_> = tokens.iter().rev().take(2).map(call_with).collect();
    hands.ask_all(&calls, hands::of_call).await;
}

async fn end_token(slot: &Slot, hands: &mut Hands) {
    let (secret, token) = {
        let known = slot.known();
        match (&known.current, known.newest_token()) {
            (Some(secret), Some(token)) => (secret.clone(), token.clone()),
            _ => return,
        }
    };
    let request = http::revoke_token(&secret.client_id, &secret.text, &token.text);
    let act = Act::EndToken { token: token.number };
    let (told, _) = hands.ask(act, &request, hands::of_token_end).await;
    if told == Told::Done {
        hands.ask_all(&[call_with(&token)], hands::of_call).await;
    }
}

/// Revokes the key and generates another in its place.
async fn replace(pool: &Pool, slot: &Slot, hands: &mut Hands) -> Outcome {
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
        match hands.ask(Act::Revoke { key }, &request, hands::of_mutation).await.0 {
            Told::Done => {
                pool.ended();
                try_what_is_dead(hands, &secret, &tokens).await;
                return fill(pool, slot, hands).await;
            }
            // It is gone already: an attempt that was not answered had done it.
            Told::Refused => return fill(pool, slot, hands).await,
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    Err(format!("the key {} could not be revoked", secret.client_id))
}

/// Generates a key for an empty place. An attempt that was not answered may have left a key that nobody knows.
pub(super) async fn fill(pool: &Pool, slot: &Slot, hands: &mut Hands) -> Outcome {
    let admin = &organisation(pool, slot)?.admin_token;
    let request = http::graphql(
        admin,
        "mutation { generateApiKey(input: { label: \"Torture\" }) { clientId clientSecret } }",
    );
    for _ in 0..ATTEMPTS {
        let (key, number) = (hands.recorder.key(), hands.recorder.secret());
        let act = Act::Generate { key, secret: number };
        let (told, answer) = hands.ask(act, &request, hands::of_mutation).await;
        match told {
            Told::Done => {
                let text =
                    |name: &str| hands::text_at(answer.as_ref(), &format!("/data/generateApiKey/{name}"));
                let (Some(client_id), Some(text)) = (text("clientId"), text("clientSecret")) else {
                    return Err("a key without a pair".to_owned());
                };
                let mut known = slot.known();
                known.key = key;
                known.open = true;
                known.renew(Secret { number, client_id, text });
                return Ok(());
            }
            Told::Refused => revoke_leftovers(pool, slot.organisation, hands).await?,
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    Err("a key could not be generated".to_owned())
}

/// Keys whose generation was not answered take places that are needed.
async fn revoke_leftovers(pool: &Pool, place: usize, hands: &mut Hands) -> Outcome {
    let organisation = pool.organisations.get(place).ok_or("no organisation")?;
    let known: Vec<String> = pool
        .slots
        .iter()
        .filter(|slot| slot.organisation == place)
        .filter_map(|slot| slot.known().current.as_ref().map(|secret| secret.client_id.clone()))
        .collect();
    for id in list(hands, &organisation.admin_token).await?.iter().filter(|id| !known.contains(id)) {
        let query = format!("mutation {{ revokeApiKey(id: \"{id}\") }}");
        // A key that no client was ever given is nothing that the history could judge.
        let act = Act::Revoke { key: u32::MAX };
        hands.ask(act, &http::graphql(&organisation.admin_token, &query), hands::of_mutation).await;
        hands.events.pop();
    }
    Ok(())
}

/// The ids of an organisation's keys, as soon as a node tells.
pub(crate) async fn list(hands: &mut Hands, admin_token: &str) -> Outcome<Vec<String>> {
    let request = http::graphql(admin_token, "{ apiKeys { id } }");
    for _ in 0..ATTEMPTS {
        let (told, answer) = hands.ask(Act::Call { token: u32::MAX }, &request, hands::of_call).await;
        hands.events.pop();
        if told == Told::Done
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
