//! Those who exchange and call, with what is good and with what should be dead.

use super::pool::{Pool, Token};
use crate::{
    hands::{self, Hands},
    history::{Act, Event, Told},
    http,
};
use std::sync::Arc;

const CALL: &str = "{ subjects(first: 1) { id } }";

/// Works until everyone is to go home; gives what happened.
pub(super) async fn work(pool: Arc<Pool>, mut hands: Hands) -> Vec<Event> {
    while !pool.is_over() {
        let told = if hands.dice.percent(50) {
            exchange(&pool, &mut hands).await
        } else {
            call(&pool, &mut hands).await
        };
        match told {
            Some(Told::Done | Told::Refused) => pool.used(),
            // Nobody hammers a service that is down.
            Some(Told::Unavailable | Told::Unknown) => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            Some(Told::Wrong) | None => tokio::task::yield_now().await,
        }
    }
    hands.events
}

async fn exchange(pool: &Pool, hands: &mut Hands) -> Option<Told> {
    let place = hands.dice.below(pool.slots.len());
    let slot = pool.slots.get(place)?;
    let (former, which) = (hands.dice.percent(25), hands.dice.below(1 << 20));
    let (secret, is_current) = {
        let known = slot.known();
        let former = if former { known.former_at(which).cloned() } else { None };
        let is_current = former.is_none();
        (former.or_else(|| known.current.clone())?, is_current)
    };
    let number = hands.recorder.token();
    let request = http::exchange(&secret.client_id, &secret.text);
    let act = Act::Exchange { secret: secret.number, token: number };
    let (told, answer) = hands.ask(act, &request, hands::of_exchange).await;
    if told == Told::Done
        && is_current
        && let Some(text) = hands::text_at(answer.as_ref(), "/access_token")
    {
        slot.known().add_token(Token { number, text });
    }
    Some(told)
}

async fn call(pool: &Pool, hands: &mut Hands) -> Option<Told> {
    let place = hands.dice.below(pool.slots.len());
    let which = hands.dice.below(1 << 20);
    let token = pool.slots.get(place)?.known().token_at(which).cloned()?;
    let act = Act::Call { token: token.number };
    Some(hands.ask(act, &http::graphql(&token.text, CALL), hands::of_call).await.0)
}

/// A call for a token that should be dead now.
pub(super) fn call_with(token: &Token) -> (Act, Vec<u8>) {
    (Act::Call { token: token.number }, http::graphql(&token.text, CALL))
}
