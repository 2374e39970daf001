use super::*;
use std::net::Ipv4Addr;

const PATIENCE: Duration = Duration::from_millis(500);

fn headers(credential: &str) -> HeaderMap {
    [(header::AUTHORIZATION, HeaderValue::from_str(credential).unwrap())].into_iter().collect()
}

fn admit(shedder: &LoadShedder, class: Class) -> Result<Permit, Overloaded> {
    admit_as(shedder, class, 1, "Bearer a")
}

fn admit_as(shedder: &LoadShedder, class: Class, last: u8, credential: &str) -> Result<Permit, Overloaded> {
    shedder.admit(class, Ipv4Addr::new(192, 0, 2, last).into(), &headers(credential))
}

fn working(shedder: &LoadShedder) -> usize {
    shedder.classes.iter().map(|class| class.working.load(Relaxed)).sum()
}

#[test]
fn every_path_has_a_class() {
    let classes = [
        ("/healthz", Class::Probe),
        ("/readyz", Class::Probe),
        ("/realms/duku/protocol/openid-connect/token", Class::Token),
        ("/realms/duku/protocol/openid-connect/token/introspect", Class::Token),
        ("/realms/duku/protocol/openid-connect/certs", Class::Token),
        ("/realms/duku", Class::Token),
        ("/.well-known/oauth-authorization-server/realms/duku", Class::Token),
        ("/realms/duku/protocol/openid-connect/auth", Class::SignIn),
        ("/realms/duku/protocol/openid-connect/auth/device", Class::SignIn),
        ("/graphql", Class::Graphql),
        ("/settings/api-keys", Class::Page),
        ("/docs", Class::Page),
        ("/", Class::Page),
    ];
    for (path, class) in classes {
        assert_eq!(Class::of(path), class, "{path}");
    }
}

#[test]
fn those_beyond_the_most_are_rejected_and_permits_come_back() {
    let shedder = LoadShedder::new(2, usize::MAX);
    let (one, two) = (admit(&shedder, Class::Graphql).unwrap(), admit(&shedder, Class::Graphql).unwrap());
    for after in ["1", "2", "3", "1"] {
        let rejected = admit(&shedder, Class::Graphql).unwrap_err().respond();
        assert_eq!(rejected.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(rejected.headers()[header::RETRY_AFTER], after);
    }
    // Whoever waits for a client does not work.
    one.work(false);
    let three = admit(&shedder, Class::Graphql).unwrap();
    one.work(true);
    assert!(admit(&shedder, Class::Graphql).is_err());
    drop((one, two, three));
    assert_eq!(working(&shedder), 0);
    assert!(admit(&shedder, Class::Graphql).is_ok());
}

#[test]
fn a_class_that_stands_still_takes_nothing_of_another() {
    let shedder = LoadShedder::new(3, usize::MAX);
    let held: Vec<_> = (0..3).map(|_| admit(&shedder, Class::Graphql).unwrap()).collect();
    assert!(admit(&shedder, Class::Graphql).is_err());
    for other in [Class::Probe, Class::Token, Class::SignIn, Class::Page] {
        for _ in 0..3 {
            admit(&shedder, other).unwrap();
        }
    }
    drop(held);
}

async fn until(what: impl Fn() -> bool) {
    let done = async {
        while !what() {
            tokio::time::sleep(MEASURE).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), done).await.expect("it comes to that");
}

#[tokio::test]
async fn an_overload_narrows_its_class_and_a_quiet_moment_opens_it() {
    let shedder = Arc::new(LoadShedder::new(1000, usize::MAX));
    let watch = tokio::spawn(Arc::clone(&shedder).watch(PATIENCE));
    let allowed = |class: Class| {
        shedder.classes.iter().find(|permits| permits.class == class).unwrap().allowed.load(Relaxed)
    };
    // After a quiet time nobody is rejected, however many come at once.
    tokio::time::sleep(MEASURE * 3).await;
    let permits: Vec<_> = (0..900).map(|_| admit(&shedder, Class::Graphql).unwrap()).collect();
    // Nobody is answered.
    until(|| allowed(Class::Graphql) < 60).await;
    assert!(admit(&shedder, Class::Graphql).is_err());
    assert_eq!(allowed(Class::Token), 1000);
    // Others of the class, from elsewhere or with another credential, get their share.
    let share: Vec<_> = (0..8).map(|_| admit_as(&shedder, Class::Graphql, 2, "Bearer a").unwrap()).collect();
    let neighbour = ["Bearer b", "Bearer c", "Bearer d", "Bearer e"]
        .into_iter()
        .filter(|credential| admit_as(&shedder, Class::Graphql, 1, credential).is_ok());
    assert!(neighbour.count() >= 3, "one of them may be counted with the first by chance");
    drop((permits, share));
    until(|| allowed(Class::Graphql) == 1000).await;
    admit(&shedder, Class::Graphql).unwrap();
    watch.abort();
}
