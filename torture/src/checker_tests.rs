use super::*;

/// A history with one key (0), whose secret 0 was given in 10..20.
struct Story(Vec<Event>);

impl Story {
    fn new() -> Self {
        Self(Vec::new()).then(Operation::Generate { key: 0, secret: 0 }, Reply::Done, 10, 20)
    }

    fn then(mut self, operation: Operation, reply: Reply, start: u64, end: u64) -> Self {
        self.0.push(Event { operation, reply, node: 0, start, end });
        self
    }

    fn exchange(self, secret: Number, token: Number, reply: Reply, start: u64, end: u64) -> Self {
        self.then(Operation::Exchange { secret, token }, reply, start, end)
    }

    fn call(self, token: Number, reply: Reply, start: u64, end: u64) -> Self {
        self.then(Operation::Call { token }, reply, start, end)
    }

    fn rotate(self, secret: Number, end_tokens: bool, reply: Reply, start: u64, end: u64) -> Self {
        self.then(Operation::Rotate { key: 0, secret, end_tokens }, reply, start, end)
    }

    fn revoke(self, reply: Reply, start: u64, end: u64) -> Self {
        self.then(Operation::Revoke { key: 0 }, reply, start, end)
    }

    #[track_caller]
    fn is(self, stale: u64, lost: u64, two_secrets: u64, wrong: u64) {
        let verdict = check(&self.0);
        let found = (verdict.stale, verdict.lost, verdict.two_secrets, verdict.wrong);
        assert_eq!(found, (stale, lost, two_secrets, wrong), "{:?}", verdict.faults);
        assert_eq!(verdict.is_clean(), found == (0, 0, 0, 0));
        // Whatever the order in which workers hand their records over.
        let reversed: Vec<_> = self.0.iter().rev().copied().collect();
        let verdict = check(&reversed);
        assert_eq!((verdict.stale, verdict.lost, verdict.two_secrets, verdict.wrong), found);
    }
}

use Reply::{Done, Rejected, Unavailable, Unknown, Wrong};

#[test]
fn a_right_history_is_clean() {
    Story::new()
        .exchange(0, 0, Done, 30, 40)
        .call(0, Done, 41, 42)
        .rotate(1, false, Done, 50, 60)
        .exchange(0, 1, Done, 55, 65)
        .exchange(0, 2, Rejected, 55, 65)
        .exchange(0, 3, Rejected, 70, 80)
        .call(0, Done, 70, 80)
        .exchange(1, 4, Done, 70, 80)
        .rotate(2, true, Done, 90, 100)
        .call(0, Rejected, 110, 120)
        .revoke(Done, 130, 140)
        .exchange(2, 5, Rejected, 150, 160)
        .is(0, 0, 0, 0);
}

#[test]
fn a_planted_use_of_a_rotated_secret_is_found() {
    Story::new().rotate(1, false, Done, 30, 40).exchange(0, 0, Done, 41, 50).is(1, 0, 0, 0);
}

#[test]
fn a_use_that_started_before_the_answer_may_go_either_way() {
    for reply in [Done, Rejected] {
        Story::new().rotate(1, false, Done, 30, 40).exchange(0, 0, reply, 39, 900).is(0, 0, 0, 0);
        Story::new().revoke(Done, 30, 40).exchange(0, 0, reply, 40, 900).is(0, 0, 0, 0);
    }
}

#[test]
fn a_planted_use_of_a_revoked_key_is_found_by_secret_and_by_token() {
    Story::new()
        .exchange(0, 0, Done, 21, 25)
        .revoke(Done, 30, 40)
        .exchange(0, 1, Done, 41, 42)
        .call(0, Done, 41, 42)
        .is(2, 0, 0, 0);
}

#[test]
fn a_token_that_was_granted_while_its_key_was_revoked_is_dead_too() {
    Story::new().exchange(0, 0, Done, 35, 60).revoke(Done, 30, 40).call(0, Done, 61, 62).is(1, 0, 0, 0);
}

#[test]
fn a_planted_use_of_an_ended_token_is_found() {
    let issued = || Story::new().exchange(0, 0, Done, 21, 25);
    issued().rotate(1, true, Done, 30, 40).call(0, Done, 41, 42).is(1, 0, 0, 0);
    issued().then(Operation::EndToken { token: 0 }, Done, 30, 40).call(0, Done, 41, 42).is(1, 0, 0, 0);
    // A rotation that ends no tokens leaves them alone.
    issued().rotate(1, false, Done, 30, 40).call(0, Done, 41, 42).is(0, 0, 0, 0);
    // One that was granted during the rotation may have come after it.
    Story::new()
        .exchange(0, 0, Done, 35, 45)
        .rotate(1, true, Done, 30, 40)
        .call(0, Done, 50, 51)
        .is(0, 0, 0, 0);
}

#[test]
fn a_rejection_without_a_reason_is_found() {
    Story::new().exchange(0, 0, Rejected, 30, 40).is(0, 1, 0, 0);
    Story::new().exchange(0, 0, Done, 30, 40).call(0, Rejected, 41, 42).is(0, 1, 0, 0);
    // The reason came too late.
    Story::new().exchange(0, 0, Rejected, 30, 40).revoke(Done, 41, 50).is(0, 1, 0, 0);
    // A rotation does not end the secret that it made, nor tokens that it was not to end.
    Story::new().rotate(1, true, Done, 30, 40).exchange(1, 0, Rejected, 41, 50).is(0, 1, 0, 0);
    Story::new()
        .exchange(0, 0, Done, 21, 25)
        .rotate(1, false, Done, 30, 40)
        .call(0, Rejected, 41, 50)
        .is(0, 1, 0, 0);
    // Another rotation, answered before this secret was asked for, is no reason.
    Story::new()
        .rotate(1, false, Done, 30, 40)
        .rotate(2, false, Done, 50, 60)
        .exchange(2, 0, Rejected, 61, 70)
        .is(0, 1, 0, 0);
}

#[test]
fn an_ending_that_was_not_answered_excuses_both() {
    for reply in [Done, Rejected] {
        Story::new().rotate(1, false, Unknown, 30, 40).exchange(0, 0, reply, 900, 901).is(0, 0, 0, 0);
        Story::new().revoke(Unknown, 30, 40).exchange(0, 0, reply, 900, 901).is(0, 0, 0, 0);
    }
    // But not what happened before it was sent.
    Story::new().revoke(Unknown, 30, 40).exchange(0, 0, Rejected, 22, 29).is(0, 1, 0, 0);
    // One that was surely not done excuses nothing, and ends nothing.
    Story::new().revoke(Unavailable, 30, 40).exchange(0, 0, Rejected, 41, 50).is(0, 1, 0, 0);
    Story::new().revoke(Rejected, 30, 40).exchange(0, 0, Done, 41, 50).is(0, 0, 0, 0);
}

#[test]
fn an_outage_is_neither() {
    Story::new()
        .exchange(0, 0, Unavailable, 30, 40)
        .revoke(Done, 50, 60)
        .exchange(0, 1, Unavailable, 70, 80)
        .exchange(0, 2, Unknown, 70, 80)
        .is(0, 0, 0, 0);
}

#[test]
fn two_working_secrets_after_racing_rotations_are_found() {
    let race = || Story::new().rotate(1, false, Done, 30, 50).rotate(2, false, Done, 40, 60);
    race().exchange(1, 0, Done, 70, 71).exchange(2, 1, Rejected, 70, 71).is(0, 0, 0, 0);
    race().exchange(1, 0, Rejected, 70, 71).exchange(2, 1, Done, 70, 71).is(0, 0, 0, 0);
    race().exchange(1, 0, Done, 70, 71).exchange(2, 1, Done, 80, 81).is(0, 0, 1, 0);
}

#[test]
fn an_answer_that_must_never_come_is_found() {
    Story::new().exchange(0, 0, Wrong, 30, 40).is(0, 0, 0, 1);
}

#[test]
fn uses_and_endings_are_counted() {
    let story = Story::new()
        .exchange(0, 0, Done, 21, 22)
        .rotate(1, false, Done, 30, 40)
        .exchange(0, 1, Rejected, 41, 42)
        .exchange(1, 2, Unavailable, 43, 44)
        .then(Operation::EndToken { token: 0 }, Done, 45, 46)
        .revoke(Done, 50, 60)
        .call(0, Rejected, 70, 71);
    let verdict = check(&story.0);
    assert_eq!((verdict.uses, verdict.rejected, verdict.after_an_end), (3, 2, 2));
    assert_eq!((verdict.endings, verdict.tokens_ended, verdict.unavailable), (2, 1, 1));
}
