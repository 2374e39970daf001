//! A client of all nodes that writes down what it does and what it is told.

use crate::{
    history::{Act, Event, Recorder, Told},
    http::{self, Answer, Client, Lost},
    random::Dice,
};
use futures::future::join_all;
use std::sync::Arc;

/// One client with a connection to each node.
#[derive(Debug)]
pub(crate) struct Hands {
    clients: Vec<Client>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) events: Vec<Event>,
    pub(crate) dice: Dice,
}

/// How an answer is to be read.
pub(crate) type Reading = fn(&Answer) -> Told;

impl Hands {
    pub(crate) const fn new(clients: Vec<Client>, recorder: Arc<Recorder>, dice: Dice) -> Self {
        Self { clients, recorder, events: Vec::new(), dice }
    }

    /// Asks one node, whichever, and writes it down.
    pub(crate) async fn ask(&mut self, act: Act, request: &[u8], reading: Reading) -> (Told, Option<Answer>) {
        let node = self.dice.below(self.clients.len());
        let Some(client) = self.clients.get_mut(node) else { return (Told::Unavailable, None) };
        let (event, answer) = perform(&self.recorder, client, node, act, request, reading).await;
        self.events.push(event);
        (event.told, answer)
    }

    /// Asks every node at once and writes it down.
    pub(crate) async fn ask_all(&mut self, requests: &[(Act, Vec<u8>)], reading: Reading) {
        for (act, request) in requests {
            let recorder = &self.recorder;
            let asked = self.clients.iter_mut().enumerate().map(|(node, client)| {
                let act = match act {
                    Act::Exchange { secret, .. } => {
                        Act::Exchange { secret: *secret, token: recorder.token() }
                    }
                    other => *other,
                };
                perform(recorder, client, node, act, request, reading)
            });
            let events = join_all(asked).await.into_iter().map(|(event, _)| event);
            self.events.extend(events);
        }
    }
}

async fn perform(
    recorder: &Recorder,
    client: &mut Client,
    node: usize,
    act: Act,
    request: &[u8],
    reading: Reading,
) -> (Event, Option<Answer>) {
    let start = recorder.now();
    let answer = client.send(request).await;
    let end = recorder.now();
    let told = match &answer {
        Ok(answer) => reading(answer),
        Err(Lost::Unreachable(_)) => Told::Unavailable,
        Err(Lost::Unanswered(_)) => Told::Unknown,
    };
    if told == Told::Wrong {
        let text = answer
            .as_ref()
            .map_or_else(ToString::to_string, |answer| format!("{} {}", answer.status, answer.text()));
        eprintln!("an answer that must never come, to {act:?}: {text}");
    }
    let node = u32::try_from(node).unwrap_or(u32::MAX);
    (Event { act, told, node, start, end }, answer.ok())
}

/// 503 must say when to come back.
const fn unavailable(answer: &Answer, told: Told) -> Told {
    if answer.retry_after.is_some() { told } else { Told::Wrong }
}

/// Reads the answer to an exchange.
pub(crate) fn of_exchange(answer: &Answer) -> Told {
    match answer.status {
        200 => Told::Done,
        401 => Told::Refused,
        503 => unavailable(answer, Told::Unavailable),
        _ => Told::Wrong,
    }
}

/// Reads the answer to a call that only reads.
pub(crate) fn of_call(answer: &Answer) -> Told {
    match answer.status {
        200 if error_code(answer).is_empty() => Told::Done,
        // Let in, and then the data could not be read.
        200 if error_code(answer) == "INTERNAL" => Told::Unknown,
        401 => Told::Refused,
        503 => unavailable(answer, Told::Unavailable),
        _ => Told::Wrong,
    }
}

/// Reads the answer to a mutation.
pub(crate) fn of_mutation(answer: &Answer) -> Told {
    match answer.status {
        200 => match error_code(answer).as_str() {
            "" => Told::Done,
            "NOT_FOUND" | "LIMIT_REACHED" => Told::Refused,
            "INTERNAL" => Told::Unknown,
            _ => Told::Wrong,
        },
        // It may have been done just before the connection to the database broke.
        503 => unavailable(answer, Told::Unknown),
        408 => Told::Unknown,
        _ => Told::Wrong,
    }
}

/// Reads the answer to the end of a token.
pub(crate) fn of_token_end(answer: &Answer) -> Told {
    match answer.status {
        200 => Told::Done,
        401 => Told::Refused,
        503 => unavailable(answer, Told::Unknown),
        408 => Told::Unknown,
        _ => Told::Wrong,
    }
}

/// Reads the answer to a page, or to the published keys.
pub(crate) fn of_page(answer: &Answer) -> Told {
    if answer.status == 200 { Told::Done } else { Told::Unavailable }
}

/// The code of the first GraphQL error; empty if there is none.
pub(crate) fn error_code(answer: &Answer) -> String {
    if !http::contains(&answer.body, b"\"errors\"") {
        return String::new();
    }
    let code =
        answer.json().pointer("/errors/0/extensions/code").and_then(|code| code.as_str().map(str::to_owned));
    code.unwrap_or_else(|| "NONE".to_owned())
}

/// A text in an answer.
pub(crate) fn text_at(answer: Option<&Answer>, pointer: &str) -> Option<String> {
    answer?.json().pointer(pointer)?.as_str().map(str::to_owned)
}
