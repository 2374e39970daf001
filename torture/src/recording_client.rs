//! A client of all nodes that writes down what it does and what it is answered.

use crate::{
    history::{Event, Operation, Recorder, Reply},
    http::{self, Answer, Client, Lost},
};
use futures::future::join_all;
use std::sync::Arc;

/// One client with a connection to each node.
#[derive(Debug)]
pub(crate) struct RecordingClient {
    clients: Vec<Client>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) events: Vec<Event>,
    pub(crate) random: fastrand::Rng,
}

/// How an answer is to be read.
pub(crate) type Reading = fn(&Answer) -> Reply;

impl RecordingClient {
    pub(crate) const fn new(clients: Vec<Client>, recorder: Arc<Recorder>, random: fastrand::Rng) -> Self {
        Self { clients, recorder, events: Vec::new(), random }
    }

    /// Asks one node, whichever, and writes it down.
    pub(crate) async fn ask(
        &mut self,
        operation: Operation,
        request: &[u8],
        reading: Reading,
    ) -> (Reply, Option<Answer>) {
        let node = self.random.usize(..self.clients.len());
        let Some(client) = self.clients.get_mut(node) else { return (Reply::Unavailable, None) };
        let (event, answer) = perform(&self.recorder, client, node, operation, request, reading).await;
        self.events.push(event);
        (event.reply, answer)
    }

    /// Asks every node at once and writes it down.
    pub(crate) async fn ask_all(&mut self, requests: &[(Operation, Vec<u8>)], reading: Reading) {
        for (operation, request) in requests {
            let recorder = &self.recorder;
            let asked = self.clients.iter_mut().enumerate().map(|(node, client)| {
                let operation = match operation {
                    Operation::Exchange { secret, .. } => {
                        Operation::Exchange { secret: *secret, token: recorder.token() }
                    }
                    other => *other,
                };
                perform(recorder, client, node, operation, request, reading)
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
    operation: Operation,
    request: &[u8],
    reading: Reading,
) -> (Event, Option<Answer>) {
    let start = recorder.now();
    let answer = client.send(request).await;
    let end = recorder.now();
    let reply = match &answer {
        Ok(answer) => reading(answer),
        Err(Lost::Unreachable(_)) => Reply::Unavailable,
        Err(Lost::Unanswered(_)) => Reply::Unknown,
    };
    if reply == Reply::Wrong {
        let text = answer
            .as_ref()
            .map_or_else(ToString::to_string, |answer| format!("{} {}", answer.status, answer.text()));
        eprintln!("an answer that must never come, to {operation:?}: {text}");
    }
    let node = u32::try_from(node).unwrap_or(u32::MAX);
    (Event { operation, reply, node, start, end }, answer.ok())
}

/// 503 must say when to come back.
const fn unavailable(answer: &Answer, reply: Reply) -> Reply {
    if answer.retry_after.is_some() { reply } else { Reply::Wrong }
}

/// Reads the answer to an exchange.
pub(crate) fn of_exchange(answer: &Answer) -> Reply {
    match answer.status {
        200 => Reply::Done,
        401 => Reply::Rejected,
        503 => unavailable(answer, Reply::Unavailable),
        _ => Reply::Wrong,
    }
}

/// Reads the answer to a call that only reads.
pub(crate) fn of_call(answer: &Answer) -> Reply {
    match answer.status {
        200 if error_code(answer).is_empty() => Reply::Done,
        // Authenticated, and then the data could not be read.
        200 if error_code(answer) == "INTERNAL" => Reply::Unknown,
        401 => Reply::Rejected,
        503 => unavailable(answer, Reply::Unavailable),
        _ => Reply::Wrong,
    }
}

/// Reads the answer to a mutation.
pub(crate) fn of_mutation(answer: &Answer) -> Reply {
    match answer.status {
        200 => match error_code(answer).as_str() {
            "" => Reply::Done,
            "NOT_FOUND" | "LIMIT_REACHED" => Reply::Rejected,
            "INTERNAL" => Reply::Unknown,
            _ => Reply::Wrong,
        },
        // It may have been done just before the connection to the database broke.
        503 => unavailable(answer, Reply::Unknown),
        408 => Reply::Unknown,
        _ => Reply::Wrong,
    }
}

/// Reads the answer to the end of a token.
pub(crate) fn of_token_end(answer: &Answer) -> Reply {
    match answer.status {
        200 => Reply::Done,
        401 => Reply::Rejected,
        503 => unavailable(answer, Reply::Unknown),
        408 => Reply::Unknown,
        _ => Reply::Wrong,
    }
}

/// Reads the answer to a page, or to the published keys.
pub(crate) fn of_page(answer: &Answer) -> Reply {
    if answer.status == 200 { Reply::Done } else { Reply::Unavailable }
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
