use super::*;
use axum::body::Body;
use std::task::Waker;

const TIMEOUTS: Timeouts = Timeouts {
    header: Duration::from_secs(10),
    idle: Duration::from_secs(75),
    write: Duration::from_secs(30),
};

fn seconds(activity: &Activity, seconds: u64) -> Verdict {
    activity.judge(activity.began + Duration::from_secs(seconds))
}

fn is_open(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Until(_))
}

fn polled(outgoing: &mut Outgoing) -> Poll<Option<usize>> {
    let polled = Pin::new(outgoing).poll_frame(&mut Context::from_waker(Waker::noop()));
    polled.map(|frame| frame.map(|frame| frame.unwrap().into_data().unwrap().len()))
}

#[test]
fn a_connection_without_a_request_ends_in_time() {
    let activity = Activity::new(TIMEOUTS);
    assert!(is_open(&seconds(&activity, 9)));
    assert_eq!(seconds(&activity, 10), Verdict::End(Reason::NoRequest));
    activity.received();
    assert_eq!(seconds(&activity, 10), Verdict::End(Reason::NoRequest), "some bytes are no request");
}

#[test]
fn a_request_that_is_worked_on_keeps_its_connection_open_and_an_idle_one_ends() {
    let activity = Activity::new(TIMEOUTS);
    let request = activity.open(false);
    assert!(is_open(&seconds(&activity, 10_000)));
    drop(request);
    assert!(is_open(&seconds(&activity, 74)));
    assert_eq!(seconds(&activity, 76), Verdict::End(Reason::Idle));
    activity.received();
    assert_eq!(seconds(&activity, 11), Verdict::End(Reason::NoRequest), "headers were begun");
    drop(activity.open(false));
    assert!(is_open(&seconds(&activity, 11)));
}

#[test]
fn pings_are_no_headers_on_a_connection_of_many_requests() {
    let activity = Activity::new(TIMEOUTS);
    drop(activity.open(true));
    activity.received();
    assert!(is_open(&seconds(&activity, 70)));
    assert_eq!(seconds(&activity, 76), Verdict::End(Reason::Idle));
}

#[test]
fn a_socket_that_takes_nothing_ends_its_connection() {
    let activity = Activity::new(TIMEOUTS);
    drop(activity.open(false));
    activity.wrote(false);
    assert!(is_open(&seconds(&activity, 29)));
    assert_eq!(seconds(&activity, 31), Verdict::End(Reason::NotTaken));
    activity.wrote(true);
    assert!(is_open(&seconds(&activity, 31)));
}

#[test]
fn a_large_answer_goes_out_in_pieces_and_ends_its_connection_when_none_is_taken() {
    let activity = Activity::new(TIMEOUTS);
    let mut outgoing = Outgoing::new(Body::from(vec![0; 40_000]), activity.open(true), None);
    let mut sizes = Vec::new();
    while !outgoing.is_end_stream() {
        assert_eq!(seconds(&activity, 31), Verdict::End(Reason::NotTaken));
        assert_eq!(outgoing.size_hint().exact(), Some(40_000 - sizes.iter().sum::<usize>() as u64));
        let Poll::Ready(Some(size)) = polled(&mut outgoing) else { panic!("nothing came") };
        sizes.push(size);
    }
    assert_eq!(sizes, [PIECE, PIECE, 40_000 - 2 * PIECE]);
    // Others that get on beside it do not keep it.
    activity.last_taken.set(31_000);
    assert_eq!(seconds(&activity, 31), Verdict::End(Reason::NotTaken));
    drop(outgoing);
    assert!(is_open(&seconds(&activity, 31)));
    assert!(activity.large().is_empty());
}

#[test]
fn an_answer_that_is_still_made_is_not_held_against_its_client() {
    let activity = Activity::new(TIMEOUTS);
    let waiting = Body::from_stream(futures::stream::pending::<Result<Bytes, io::Error>>());
    let mut outgoing = Outgoing::new(waiting, activity.open(true), None);
    assert_eq!(polled(&mut outgoing), Poll::Pending);
    assert!(is_open(&seconds(&activity, 10_000)));
    drop(outgoing);
    assert_eq!(activity.untaken.load(Relaxed), 0);
    assert_eq!(seconds(&activity, 76), Verdict::End(Reason::Idle));
}
