//! Those who exchange and call, with what is good and with what should be dead.

use super::pool::{Pool, Token};
use crate::{
    history::{Event, Operation, Reply},
    http,
    recording_client::{self, RecordingClient},
};
use std::sync::Arc;

const CALL: &str = "{ subjects(first: 1) { id } }";

/// Works until everyone is to go home; gives what happened.
pub(super) async fn work(pool: Arc<Pool>, mut recording_client: RecordingClient) -> Vec<Event> {
    while !pool.is_over() {
        let reply = if recording_client.random.bool() {
            exchange(&pool, &mut recording_client).await
        } else {
            call(&pool, &mut recording_client).await
        };
        match reply {
            Some(Reply::Done | Reply::Rejected) => pool.used(),
            // Nobody hammers a service that is down.
            Some(Reply::Unavailable | Reply::Unknown) => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            Some(Reply::Wrong) | None => tokio::task::yield_now().await,
        }
    }
    recording_client.events
}

async fn exchange(pool: &Pool, recording_client: &mut RecordingClient) -> Option<Reply> {
    let place = recording_client.random.usize(..pool.slots.len());
    let slot = pool.slots.get(place)?;
    let (former, which) = (recording_client.random.u8(..4) == 0, recording_client.random.usize(..1 << 20));
    let (secret, is_current) = {
        let known = slot.known();
        let former = if former { known.former_at(which).cloned() } else { None };
        let is_current = former.is_none();
        (former.or_else(|| known.current.clone())?, is_current)
    };
    let number = recording_client.recorder.token();
    let request = http::exchange(&secret.client_id, &secret.text);
    let operation = Operation::Exchange { secret: secret.number, token: number };
    let (reply, answer) = recording_client.ask(operation, &request, recording_client::of_exchange).await;
    if reply == Reply::Done
        && is_current
        && let Some(text) = recording_client::text_at(answer.as_ref(), "/access_token")
    {
        slot.known().add_token(Token { number, text });
    }
    Some(reply)
}

async fn call(pool: &Pool, recording_client: &mut RecordingClient) -> Option<Reply> {
    let place = recording_client.random.usize(..pool.slots.len());
    let which = recording_client.random.usize(..1 << 20);
    let token = pool.slots.get(place)?.known().token_at(which).cloned()?;
    let operation = Operation::Call { token: token.number };
    Some(
        recording_client.ask(operation, &http::graphql(&token.text, CALL), recording_client::of_call).await.0,
    )
}

/// A call for a token that should be dead now.
pub(super) fn call_with(token: &Token) -> (Operation, Vec<u8>) {
    (Operation::Call { token: token.number }, http::graphql(&token.text, CALL))
}
