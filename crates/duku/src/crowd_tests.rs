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
fn so_many_are_worked_on_as_are_answered_in_time() {
    let second = Duration::from_secs(1);
    let allowed_at = |elapsed, done| allowed(each(elapsed, done), PATIENCE);
    // 500 answers a second: 250 of them come within the half second that requests may wait, in four turns.
    assert!((75..85).contains(&allowed_at(second, 500)), "{}", allowed_at(second, 500));
    assert!(allowed_at(second, 20_000) > 2000);
    // Before the first answer the best is believed, but not for long.
    assert_eq!(allowed_at(Duration::ZERO, 0), AT_ONCE + 125);
    assert!(allowed_at(second, 0) < AT_ONCE + 15);
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

async fn until(what: impl Fn() -> bool) {
    let done = async {
        while !what() {
            tokio::time::sleep(WATCH).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), done).await.expect("it comes to that");
}

#[tokio::test]
async fn a_crowd_narrows_the_door_and_a_quiet_moment_opens_it() {
    let crowd = Arc::new(Crowd::new(1000));
    let watch = tokio::spawn(Arc::clone(&crowd).watch(PATIENCE));
    // After a quiet time nobody is refused, however many come at once.
    tokio::time::sleep(WATCH * 3).await;
    let places: Vec<_> = (0..900).map(|_| crowd.admit("/graphql").unwrap()).collect();
    // Nobody is answered.
    until(|| crowd.allowed.load(Relaxed) < 200).await;
    assert!(crowd.admit("/graphql").is_err());
    drop(places);
    until(|| crowd.allowed.load(Relaxed) == 1000).await;
    assert!(crowd.admit("/graphql").is_ok());
    watch.abort();
}
