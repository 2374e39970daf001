//! The first start: one link, one organisation.

use crate::{
    fixture::{DAY, Fixture, at, entropy, on_both_engines, open, policy, rejection_in},
    keys::races::race,
    users::browser::{OTHER_PASSWORD, PASSWORD, secret_of, try_sign_in},
};
use domain::LinkState;
use jose::MasterKey;
use service::{Error, Rejection, Service};
use testkit::{Database, Engine};

/// Two nodes on fresh data.
async fn fresh(engine: Engine) -> (Database, [Service; 2]) {
    let database = Database::fresh(engine).await;
    let key = MasterKey::generate(&*entropy());
    let nodes = [open(&database, &key, policy(), 0).await, open(&database, &key, policy(), 0).await];
    (database, nodes)
}

async fn link(service: &Service, seconds: i64) -> Option<String> {
    let link = service.operations().make_setup_link(&at(seconds)).await.unwrap()?;
    Some(secret_of(&link, "setup"))
}

macro_rules! on_fresh_data {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(testkit::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(testkit::Engine::Postgres).await;
            }
        }
    )*};
}

on_fresh_data!(
    of_sixteen_setups_with_one_link_one_makes_the_organisation,
    nodes_that_start_at_once_leave_one_link,
    a_setup_link_works_a_day_and_a_newer_starts_one_takes_its_place,
    what_is_rejected_leaves_the_link_good,
);
on_both_engines!(there_is_no_setup_once_there_is_an_organisation);

async fn of_sixteen_setups_with_one_link_one_makes_the_organisation(engine: Engine) {
    let (database, nodes) = fresh(engine).await;
    let link = link(&nodes[0], 0).await.unwrap();
    assert!(matches!(
        nodes[1].operations().find_setup_link(&at(1), &link).await.unwrap(),
        LinkState::Open(())
    ));
    let again = link.clone();
    let answers = race(&nodes, 16, move |node, number| {
        let link = link.clone();
        async move {
            let (name, email) = (format!("Company {number}"), format!("admin{number}@acme.example"));
            node.operations().set_up(&at(1), &link, &name, &email, PASSWORD).await.map(|_| email)
        }
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 15));
    for rejection in bad {
        assert!(matches!(rejection_in(rejection), Rejection::Conflict(_)));
    }
    let count = "SELECT (SELECT COUNT(*) FROM organisations) + (SELECT COUNT(*) FROM users)";
    assert_eq!(database.number(count).await, 2);
    let email = good.into_iter().next().unwrap().unwrap();
    try_sign_in(&nodes[1], &at(2), &email, PASSWORD).await.unwrap();
    assert!(matches!(nodes[1].operations().find_setup_link(&at(2), &again).await.unwrap(), LinkState::Used));
    let damage =
        nodes[0].audit_log().verify(None).await.unwrap().into_iter().find_map(|report| report.damage);
    assert_eq!(damage, None);
}

async fn nodes_that_start_at_once_leave_one_link(engine: Engine) {
    let (database, nodes) = fresh(engine).await;
    let links = race(&nodes, 8, |node, _| async move { link(&node, 0).await.unwrap() }).await;
    let mut open = Vec::new();
    for link in &links {
        match nodes[0].operations().find_setup_link(&at(1), link).await.unwrap() {
            LinkState::Open(()) => open.push(link.clone()),
            LinkState::Used => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open.len(), 1);
    // However many of them race, with whichever link, there is one first organisation.
    let answers = race(&nodes, 8, move |node, number| {
        let link = links[number].clone();
        async move {
            node.operations()
                .set_up(&at(1), &link, &format!("Company {number}"), "ada@acme.example", PASSWORD)
                .await
        }
    });
    let mut good = 0;
    for answer in answers.await {
        match answer {
            Ok(_) => good += 1,
            Err(Error::Rejection(Rejection::Conflict(_))) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((good, database.number("SELECT COUNT(*) FROM organisations").await), (1, 1));
}

async fn a_setup_link_works_a_day_and_a_newer_starts_one_takes_its_place(engine: Engine) {
    let (database, [here, there]) = fresh(engine).await;
    let (first, second) = (link(&here, 0).await.unwrap(), link(&there, 1).await.unwrap());
    assert!(matches!(here.operations().find_setup_link(&at(1), &first).await.unwrap(), LinkState::Used));
    assert!(matches!(
        here.operations().find_setup_link(&at(DAY), &second).await.unwrap(),
        LinkState::Open(())
    ));
    assert!(matches!(
        here.operations().find_setup_link(&at(DAY + 1), &second).await.unwrap(),
        LinkState::Expired
    ));
    assert!(matches!(
        here.operations().find_setup_link(&at(1), "no link").await.unwrap(),
        LinkState::Unknown
    ));
    let before = database.dump().await;
    for (seconds, link) in [(2, &*first), (DAY + 1, &*second), (2, "no link")] {
        rejection_in(
            here.operations().set_up(&at(seconds), link, "Acme", "ada@acme.example", PASSWORD).await,
        );
    }
    assert_eq!(database.dump().await, before);
}

async fn what_is_rejected_leaves_the_link_good(engine: Engine) {
    let (database, [service, _]) = fresh(engine).await;
    let link = link(&service, 0).await.unwrap();
    let before = database.dump().await;
    for (name, email, password) in [
        (" ", "ada@acme.example", PASSWORD),
        ("Acme", "ada", PASSWORD),
        ("Acme", "ada@acme.example", "short"),
    ] {
        let rejection = rejection_in(service.operations().set_up(&at(1), &link, name, email, password).await);
        assert!(matches!(rejection, Rejection::Invalid(_)), "{rejection:?}");
    }
    assert_eq!(database.dump().await, before);
    service.operations().set_up(&at(2), &link, "Acme", "ada@acme.example", OTHER_PASSWORD).await.unwrap();
}

async fn there_is_no_setup_once_there_is_an_organisation(fixture: Fixture) {
    assert!(fixture.service.operations().make_setup_link(&at(1)).await.unwrap().is_none());
    let key = MasterKey::generate(&*entropy());
    let database = Database::fresh(Engine::Sqlite).await;
    let service = open(&database, &key, policy(), 0).await;
    let link = link(&service, 0).await.unwrap();
    // An operator was quicker.
    service.organisations().create(&at(1), "root", "Acme", "ada@acme.example", None).await.unwrap();
    assert!(matches!(service.operations().find_setup_link(&at(1), &link).await.unwrap(), LinkState::Used));
    rejection_in(service.operations().set_up(&at(1), &link, "Globex", "eve@globex.example", PASSWORD).await);
}
