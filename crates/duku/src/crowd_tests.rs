use super::*;

const PATIENCE: Duration = Duration::from_millis(500);

#[test]
fn those_beyond_the_most_are_refused_and_places_come_back() {
    let crowd = Arc::new(Crowd::new(2));
    let (one, two) = (crowd.admit("/graphql").unwrap(), crowd.admit("/graphql").unwrap());
    for after in ["1", "2", "3", "1"] {
        let refused = crowd.admit("/graphql").unwrap_err().respond();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[header::RETRY_AFTER], after);
    }
    assert!(crowd.admit("/readyz").is_ok() && crowd.admit("/healthz").is_ok(), "probes are let in");
    // Whoever waits for a client does not work.
    one.work(false);
    let three = crowd.admit("/graphql").unwrap();
    one.work(true);
    assert!(crowd.admit("/graphql").is_err());
    drop((one, two, three));
    assert_eq!(crowd.working.load(Relaxed), 0);
    assert!(crowd.admit("/graphql").is_ok());
}

#[test]
fn a_share_is_served_and_neighbours_are_not_treated_alike() {
    let crowd = Arc::new(Crowd::new(usize::MAX));
    crowd.share.store(ALL / 4, Relaxed);
    let served: Vec<bool> = (0..4096).map(|_| crowd.admit("/graphql").is_ok()).collect();
    assert_eq!(served.iter().filter(|served| **served).count(), 1024);
    let longest = served.chunk_by(|one, other| one == other).map(<[bool]>::len).max();
    assert!(longest < Some(8), "{longest:?}");
}

#[test]
fn the_share_settles_where_the_wait_is_as_long_as_it_may_be() {
    // 2,000 clients that come back at once; a request takes a millisecond, a refusal ten microseconds.
    let mut share = ALL;
    let mut waits = Duration::ZERO;
    for _ in 0..20 {
        let served = u32::try_from(share).unwrap();
        let each = (Duration::from_millis(1) * served + Duration::from_micros(10) * (1024 - served)) / 1024;
        let before = std::mem::replace(&mut waits, each * 2000);
        share = next_share(share, waits, before, PATIENCE);
    }
    assert!((PATIENCE * 9 / 10..PATIENCE * 11 / 10).contains(&waits), "{waits:?}");
    assert!((200..300).contains(&share), "{share}");
}

#[test]
fn a_crowd_that_is_gone_is_forgotten_within_a_second() {
    let mut share = LEAST;
    for _ in 0..7 {
        share = next_share(share, Duration::ZERO, Duration::ZERO, PATIENCE);
    }
    assert_eq!(share, ALL);
    assert_eq!(next_share(ALL, PATIENCE * 1000, Duration::ZERO, PATIENCE), ALL / 4);
    assert_eq!(next_share(LEAST, Duration::MAX, Duration::ZERO, PATIENCE), LEAST);
}

#[test]
fn a_crowd_that_does_not_come_back_by_itself_does_not_make_the_queue_swing() {
    // Five times too many, at their own time: a request takes a millisecond, a refusal ten microseconds.
    let watch = Duration::from_millis(25);
    let (mut share, mut queue, mut before) = (ALL, 0.0_f64, Duration::ZERO);
    let mut longest = Duration::ZERO;
    for round in 0..800 {
        let part = f64::from(u32::try_from(share).unwrap()) / 1024.0;
        let each = Duration::from_millis(1).mul_f64(part) + Duration::from_micros(10).mul_f64(1.0 - part);
        queue = (queue + 5000.0 * watch.as_secs_f64() - watch.as_secs_f64() / each.as_secs_f64()).max(0.0);
        let waits = each.mul_f64(queue);
        share = next_share(share, waits, before, PATIENCE);
        before = waits;
        if round > 100 {
            longest = longest.max(waits);
        }
    }
    assert!(longest < PATIENCE * 3 / 2, "{longest:?}");
}

#[test]
fn a_wait_is_the_queue_times_the_turns_before_one_of_its_own() {
    assert_eq!(wait(AT_ONCE + 300, Duration::from_millis(1)), Duration::from_millis(1800));
    assert_eq!(
        wait(AT_ONCE, Duration::from_secs(1)),
        Duration::ZERO,
        "a few are no crowd, however slow they are"
    );
}

#[test]
fn so_many_are_worked_on_as_are_answered_in_time() {
    let second = Duration::from_secs(1);
    let allowed_at = |elapsed, done| allowed(each(elapsed, done), PATIENCE);
    // 500 answers a second: 250 of them come within the half second that requests may wait.
    assert!((300..330).contains(&allowed_at(second, 500)), "{}", allowed_at(second, 500));
    assert!(allowed_at(second, 20_000) > 9000);
    // Before the first answer the best is believed, but not for long.
    assert_eq!(allowed_at(Duration::ZERO, 0), AT_ONCE + 500);
    assert!(allowed_at(second, 0) < AT_ONCE + 50);
    assert_eq!(allowed(Duration::ZERO, Duration::MAX), usize::MAX);
}

#[test]
fn a_rate_is_that_of_the_last_watches() {
    let (start, mut rate) = (Instant::now(), Rate::over(4));
    for watch in 0..10 {
        let fast = if watch < 5 { 0 } else { 1000 * (watch - 5) };
        rate.each(start + WATCH * u32::try_from(watch).unwrap(), fast);
    }
    // Four watches ago there were 1,000 fewer each.
    let each = rate.each(start + WATCH * 10, 5000);
    assert!(each < Duration::from_micros(50), "{each:?}");
}
