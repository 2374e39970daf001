//! Judges a history: was anything accepted that had been ended, was anything rejected that had to work?
//!
//! Every operation took effect at one moment between its start and its end; one that was not answered, at any moment since
//! its start, or never. From that alone follows, without knowing any clock but the recorder's:
//!
//! * A rotation that was answered ends every secret that was there when it started. Whoever *started* to use such a secret
//!   after the rotation's answer must have been rejected. A revocation ends every secret and token of its key, a rotation
//!   that ends tokens those that had been granted when it started.
//! * Of two rotations that overlapped, one came first and its secret is dead when both are answered. If both secrets let
//!   somebody in after that, a key had two working secrets.
//! * What no operation can have ended yet must not be rejected. 503 is no rejection and no acceptance.

use crate::history::{Event, Number, Operation, Reply};
use std::collections::HashMap;

/// How many findings are told in full.
const TOLD: usize = 20;
/// Later than everything: the end of an operation that was not answered.
const NEVER: u64 = u64::MAX;

/// What the history came to.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Token requests and API calls that were accepted or rejected.
    pub(crate) uses: u64,
    /// Of these, those that were rejected.
    pub(crate) rejected: u64,
    /// Rotations and revocations that were answered.
    pub(crate) endings: u64,
    /// Single tokens that were ended.
    pub(crate) tokens_ended: u64,
    /// Uses that started after an end had been answered, and so could have been stale.
    pub(crate) after_an_end: u64,
    /// Operations that were answered 503 or met no node.
    pub(crate) unavailable: u64,
    /// Operations without an answer that tells.
    pub(crate) unknown: u64,
    /// Uses of what had been ended.
    pub(crate) stale: u64,
    /// Rejections of what had to work: something acknowledged was lost.
    pub(crate) lost: u64,
    /// Keys with two working secrets.
    pub(crate) two_secrets: u64,
    /// Answers that must never come.
    pub(crate) wrong: u64,
    /// The first faults, each with the operations that show it.
    pub(crate) faults: Vec<String>,
}

impl Verdict {
    pub(crate) const fn is_clean(&self) -> bool {
        self.stale + self.lost + self.two_secrets + self.wrong == 0
    }

    fn tell(&mut self, fault: impl FnOnce() -> String) {
        if self.faults.len() < TOLD {
            self.faults.push(fault());
        }
    }
}

/// Something that came to be at one moment of an interval, and until when it surely lived and from when it was surely dead.
#[derive(Debug, Clone, Copy)]
struct Thing {
    key: Number,
    born: Event,
    /// Before this nothing can have ended it.
    doubtful: u64,
    /// From this on it is over, and this is what ended it.
    dead: u64,
    ended_by: Option<Event>,
    last_accepted: u64,
}

impl Thing {
    const fn new(key: Number, born: Event) -> Self {
        Self { key, born, doubtful: NEVER, dead: NEVER, ended_by: None, last_accepted: 0 }
    }

    /// An operation that ends whatever is there at its moment. `covers_later`: also what comes to be afterwards.
    fn meet(&mut self, ending: &Event, covers_later: bool) {
        let end = end_of(ending);
        if covers_later || end >= self.born.start {
            self.doubtful = self.doubtful.min(ending.start);
        }
        if (covers_later || ending.start > self.born.end) && end < self.dead {
            self.dead = end;
            self.ended_by = Some(*ending);
        }
    }
}

/// When an operation had surely happened.
const fn end_of(event: &Event) -> u64 {
    match event.reply {
        Reply::Done => event.end,
        _ => NEVER,
    }
}

/// Whether it may have happened.
const fn may_have_happened(reply: Reply) -> bool {
    matches!(reply, Reply::Done | Reply::Unknown | Reply::Wrong)
}

/// Judges the history; its order does not matter.
pub(crate) fn check(events: &[Event]) -> Verdict {
    let (mut secrets, mut tokens) = born(events);
    let endings = endings(events);
    for (number, secret) in &mut secrets {
        for ending in endings.get(&secret.key).into_iter().flatten() {
            match ending.operation {
                Operation::Rotate { secret: made, .. } if made != *number => secret.meet(ending, false),
                Operation::Revoke { .. } => secret.meet(ending, true),
                _ => {}
            }
        }
    }
    for token in tokens.values_mut() {
        for ending in endings.get(&token.key).into_iter().flatten() {
            match ending.operation {
                Operation::Rotate { end_tokens: true, .. } => token.meet(ending, false),
                Operation::Revoke { .. } => token.meet(ending, true),
                _ => {}
            }
        }
    }
    for event in events.iter().filter(|event| may_have_happened(event.reply)) {
        if let Operation::EndToken { token } = event.operation
            && let Some(token) = tokens.get_mut(&token)
        {
            token.meet(event, true);
        }
    }
    let mut verdict = Verdict::default();
    for event in events {
        count(&mut verdict, event);
        let thing = match event.operation {
            Operation::Exchange { secret, .. } => secrets.get_mut(&secret),
            Operation::Call { token } => tokens.get_mut(&token),
            _ => None,
        };
        if let Some(thing) = thing {
            judge(&mut verdict, thing, event);
        }
    }
    two_working_secrets(&mut verdict, &secrets, &endings);
    verdict
}

type Things = HashMap<Number, Thing>;

/// Every secret and token that a client was given.
fn born(events: &[Event]) -> (Things, Things) {
    let mut secrets = Things::new();
    for event in events.iter().filter(|event| event.reply == Reply::Done) {
        if let Operation::Generate { key, secret } | Operation::Rotate { key, secret, .. } = event.operation {
            secrets.insert(secret, Thing::new(key, *event));
        }
    }
    let granted = events.iter().filter(|event| event.reply == Reply::Done).filter_map(|event| {
        let Operation::Exchange { secret, token } = event.operation else { return None };
        Some((token, Thing::new(secrets.get(&secret)?.key, *event)))
    });
    let tokens = granted.collect();
    (secrets, tokens)
}

/// Rotations and revocations of each key that may have happened.
fn endings(events: &[Event]) -> HashMap<Number, Vec<Event>> {
    let mut endings: HashMap<Number, Vec<Event>> = HashMap::new();
    for event in events.iter().filter(|event| may_have_happened(event.reply)) {
        if let Operation::Rotate { key, .. } | Operation::Revoke { key } = event.operation {
            endings.entry(key).or_default().push(*event);
        }
    }
    endings
}

fn count(verdict: &mut Verdict, event: &Event) {
    match event.reply {
        Reply::Done if event.operation.is_ending() => verdict.endings += 1,
        Reply::Done if matches!(event.operation, Operation::EndToken { .. }) => verdict.tokens_ended += 1,
        Reply::Done | Reply::Rejected if event.operation.is_use() => {
            verdict.uses += 1;
            verdict.rejected += u64::from(event.reply == Reply::Rejected);
        }
        Reply::Unavailable => verdict.unavailable += 1,
        Reply::Unknown => verdict.unknown += 1,
        Reply::Wrong => {
            verdict.wrong += 1;
            verdict.tell(|| format!("an answer that must never come: {event}"));
        }
        Reply::Done | Reply::Rejected => {}
    }
}

fn judge(verdict: &mut Verdict, thing: &mut Thing, event: &Event) {
    let comes_after_the_end = event.start > thing.dead;
    match event.reply {
        Reply::Done => {
            verdict.after_an_end += u64::from(comes_after_the_end);
            thing.last_accepted = thing.last_accepted.max(event.start);
            if comes_after_the_end {
                verdict.stale += 1;
                let (born, ended_by) =
                    (thing.born, thing.ended_by.map(|event| event.to_string()).unwrap_or_default());
                verdict.tell(|| {
                    format!(
                        "STALE: {event} was accepted with what came by {born} and was ended by {ended_by}"
                    )
                });
            }
        }
        Reply::Rejected => {
            verdict.after_an_end += u64::from(comes_after_the_end);
            if event.end < thing.doubtful {
                verdict.lost += 1;
                let (born, doubtful) = (thing.born, thing.doubtful);
                verdict.tell(|| format!("LOST: {event} was rejected with what came by {born}; nothing can have ended it before {doubtful}"));
            }
        }
        Reply::Unavailable | Reply::Unknown | Reply::Wrong => {}
    }
}

fn two_working_secrets(verdict: &mut Verdict, secrets: &Things, endings: &HashMap<Number, Vec<Event>>) {
    for rotations in endings.values() {
        let answered: Vec<_> = rotations
            .iter()
            .filter_map(|event| match event.operation {
                Operation::Rotate { secret, .. } if event.reply == Reply::Done => {
                    Some((event, secrets.get(&secret)?))
                }
                _ => None,
            })
            .collect();
        for (place, (one, first)) in answered.iter().enumerate() {
            let later = answered.iter().skip(place + 1);
            for (other, second) in later.filter(|(other, _)| other.start <= one.end && one.start <= other.end)
            {
                if first.last_accepted > other.end && second.last_accepted > one.end {
                    verdict.two_secrets += 1;
                    verdict.tell(|| {
                        format!("TWO SECRETS: both {one} and {other} were accepted after both were answered")
                    });
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "checker_tests.rs"]
mod tests;
