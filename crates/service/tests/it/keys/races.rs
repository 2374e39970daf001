//! Many at once, on two nodes: limits hold, and nothing that was ended works on.

use crate::fixture::{
    ADA, DAY, Fixture, HOUR, MAX, NO_GRACE, Pair, Reply, at, exchange, generate, on_both_engines, policy,
    rejection_in, time,
};
use domain::{Role, product::UncheckedTarget};
use futures::future::join_all;
use service::{Error, Policy, Principal, Rejection, Service, keys::RotateKey};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use testkit::Engine;

on_both_engines!(
    two_hundred_racing_generations_give_exactly_ten_keys,
    racing_rotations_leave_one_working_secret,
    a_previous_secret_is_rejected_from_the_answer_of_the_rotation_on,
    a_race_of_rotation_and_revocation_leaves_no_working_secret,
    generations_and_revocations_never_exceed_the_limit,
    racing_returns_to_life_stop_at_the_limit,
    an_organisation_keeps_an_admin_however_its_admins_race,
    a_person_added_in_two_organisations_at_once_is_one_person,
    racing_upserts_of_a_build_key_make_one_target,
    a_product_that_is_deleted_under_an_upsert_leaves_no_target,
);

pub(crate) async fn nodes(fixture: &Fixture) -> [Service; 2] {
    [fixture.service.clone(), fixture.another_node(0).await]
}

/// Starts every job at once, the odd ones on the second node.
pub(crate) async fn race<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    nodes: &[Service; 2],
    times: usize,
    job: impl Fn(Service, usize) -> F,
) -> Vec<T> {
    let jobs: Vec<_> =
        (0..times).map(|number| tokio::spawn(job(nodes[number % 2].clone(), number))).collect();
    join_all(jobs).await.into_iter().map(Result::unwrap).collect()
}

async fn active(fixture: &Fixture, seconds: i64) -> usize {
    let mut reader = fixture.service.store().reader().await.unwrap();
    reader.count_active_keys(&fixture.acme.id, time(seconds)).await.unwrap()
}

async fn two_hundred_racing_generations_give_exactly_ten_keys(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    let admin = fixture.admin.clone();
    let answers = race(&nodes, 200, move |node, _| {
        let admin = admin.clone();
        async move { generate(&node, &admin, 0).await }
    });
    let (made, rejected): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), rejected.len()), (10, 190));
    for rejection in rejected {
        assert!(matches!(rejection_in(rejection), Rejection::LimitReached { limit: 10, .. }));
    }
    let ids: BTreeSet<_> = made.iter().map(|pair| pair.as_ref().unwrap().id.clone()).collect();
    let listed = fixture.service.keys().list(&fixture.admin).await.unwrap();
    assert_eq!(ids, listed.iter().map(|overview| overview.key.id.as_str().to_owned()).collect());
    for pair in made {
        fixture.issue_token(1, &pair.unwrap()).await;
    }
    let damage =
        fixture.service.audit_log().verify(None).await.unwrap().into_iter().find_map(|report| report.damage);
    assert_eq!(damage, None);
}

async fn racing_rotations_leave_one_working_secret(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    let first = fixture.generate(0).await;
    let (admin, id) = (fixture.admin.clone(), first.id.clone());
    let answers = race(&nodes, 12, move |node, _| {
        let (admin, id) = (admin.clone(), id.clone());
        async move { node.keys().rotate(&at(10), &admin, &id, NO_GRACE).await }
    });
    let pairs: Vec<Pair> = answers.await.into_iter().map(|rotated| rotated.unwrap().into()).collect();
    let mut working = 0;
    for pair in &pairs {
        match exchange(&fixture.service, 11, pair).await {
            Ok(_) => working += 1,
            Err(told) => assert_eq!(told, Reply::Rotated(time(10))),
        }
    }
    assert_eq!(working, 1);
    assert_eq!(fixture.rejection(11, &first).await, Reply::Rotated(time(10)));
    assert_eq!(
        fixture.actions_after(0).await.iter().filter(|action| *action == "api_key.rotated").count(),
        12
    );
}

async fn a_previous_secret_is_rejected_from_the_answer_of_the_rotation_on(fixture: Fixture) {
    let [here, there] = nodes(&fixture).await;
    let mut pair = fixture.generate(0).await;
    for round in 1..=15 {
        let answered = Arc::new(AtomicBool::new(false));
        let asking: Vec<_> = [here.clone(), there.clone()]
            .into_iter()
            .map(|node| {
                let (answered, previous) = (answered.clone(), pair.clone());
                tokio::spawn(async move {
                    loop {
                        let after = answered.load(Ordering::SeqCst);
                        match exchange(&node, round, &previous).await {
                            Ok(_) => assert!(!after, "issued after the answer"),
                            Err(told) if after => return told,
                            Err(_) => {}
                        }
                    }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let next = fixture.rotate(round, &pair, NO_GRACE).await;
        answered.store(true, Ordering::SeqCst);
        for told in join_all(asking).await {
            assert_eq!(told.unwrap(), Reply::Rotated(time(round)));
        }
        pair = next;
    }
}

async fn a_race_of_rotation_and_revocation_leaves_no_working_secret(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    for _ in 0..8 {
        let first = fixture.generate(0).await;
        let (admin, id) = (fixture.admin.clone(), first.id.clone());
        let answers = race(&nodes, 4, move |node, number| {
            let (admin, id) = (admin.clone(), id.clone());
            async move {
                if number == 1 {
                    return node.keys().revoke(&at(10), &admin, &id).await.map(|_| None);
                }
                let grace = RotateKey { grace_seconds: HOUR, end_issued_tokens: false };
                node.keys().rotate(&at(10), &admin, &id, grace).await.map(|rotated| Some(Pair::from(rotated)))
            }
        });
        let mut pairs = vec![first];
        for (number, answer) in answers.await.into_iter().enumerate() {
            match answer {
                Ok(pair) => pairs.extend(pair),
                Err(Error::Rejection(Rejection::NotFound { .. })) if number != 1 => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let mut tombstones = 0;
        for pair in &pairs {
            match fixture.rejection(11, pair).await {
                Reply::Revoked(when) if when == time(10) => tombstones += 1,
                Reply::Unknown => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(tombstones, 1);
    }
    assert_eq!(active(&fixture, 11).await, 0);
}

async fn generations_and_revocations_never_exceed_the_limit(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(fixture.generate(0).await.id);
    }
    let ids = Arc::new(ids);
    let admin = fixture.admin.clone();
    let seen = race(&nodes, 60, move |node, number| {
        let (admin, ids) = (admin.clone(), ids.clone());
        async move {
            if number % 6 == 0 {
                node.keys().revoke(&at(1), &admin, &ids[number / 6]).await.unwrap();
            } else {
                match generate(&node, &admin, 1).await {
                    Ok(_) | Err(Error::Rejection(Rejection::LimitReached { .. })) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            let mut reader = node.store().reader().await.unwrap();
            reader.count_active_keys(&admin.organisation_id, time(1)).await.unwrap()
        }
    });
    let seen = seen.await;
    assert!(seen.iter().all(|count| *count <= 10), "{seen:?}");
    assert_eq!(fixture.service.keys().list(&fixture.admin).await.unwrap().len(), active(&fixture, 1).await);
}

async fn racing_returns_to_life_stop_at_the_limit(fixture: Fixture) {
    let mut expired = Vec::new();
    for batch in 0..2 {
        for _ in 0..8 {
            expired.push(fixture.generate(batch * 31 * DAY).await.id);
        }
    }
    let nodes = nodes(&fixture).await;
    let later = 62 * DAY;
    let (admin, expired) = (fixture.admin.clone(), Arc::new(expired));
    let answers = race(&nodes, 16, move |node, number| {
        let (admin, expired) = (admin.clone(), expired.clone());
        async move { node.keys().rotate(&at(later), &admin, &expired[number], NO_GRACE).await }
    });
    let (back, rejected): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!((back.len(), active(&fixture, later).await), (10, 10));
    for rejection in rejected {
        assert!(matches!(rejection_in(rejection), Rejection::LimitReached { limit: 10, .. }));
    }
}

async fn an_organisation_keeps_an_admin_however_its_admins_race(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    for round in 0..6 {
        fixture.service.users().change_role(&at(0), &fixture.operator, MAX, Role::Admin).await.unwrap();
        let operator = fixture.operator.clone();
        // Each takes the other's role away, or removes the other.
        let answers = race(&nodes, 2, move |node, number| {
            let operator = operator.clone();
            async move {
                let other = if number == 0 { ADA } else { MAX };
                if (round + number) % 2 == 0 {
                    node.users().change_role(&at(1), &operator, other, Role::Member).await.map(drop)
                } else {
                    node.users().remove_member(&at(1), &operator, other).await
                }
            }
        });
        let (done, rejected): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        for rejection in rejected {
            let Rejection::Conflict(message) = rejection_in(rejection) else { panic!("no conflict") };
            assert!(message.contains("keeps at least one Admin"), "{message}");
        }
        let members = fixture.service.users().list_members(&fixture.operator).await.unwrap();
        assert_eq!(members.iter().filter(|member| member.role == Role::Admin).count(), 1);
        // Both are there and Admin again for the next round.
        for email in [ADA, MAX] {
            let _ = fixture.service.users().add_member(&at(2), &fixture.operator, email, Role::Admin).await;
            fixture.service.users().change_role(&at(2), &fixture.operator, email, Role::Admin).await.unwrap();
        }
    }
}

async fn a_person_added_in_two_organisations_at_once_is_one_person(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    for round in 0..10 {
        let (acme, globex) = (fixture.admin.clone(), fixture.outsider.clone());
        let answers = race(&nodes, 4, move |node, number| {
            let principal = if number < 2 { acme.clone() } else { globex.clone() };
            async move {
                node.users()
                    .add_member(&at(0), &principal, &format!("new{round}@example.org"), Role::Member)
                    .await
            }
        });
        let answers = answers.await;
        for half in answers.chunks(2) {
            assert_eq!(half.iter().filter(|answer| answer.is_ok()).count(), 1, "{half:?}");
        }
        let mut ids = BTreeSet::new();
        for answer in answers {
            match answer {
                Ok(member) => drop(ids.insert(member.id)),
                rejected => assert!(matches!(rejection_in(rejected), Rejection::Conflict(_))),
            }
        }
        assert_eq!(ids.len(), 1);
    }
}

fn target(build_key: &str) -> UncheckedTarget {
    UncheckedTarget {
        build_key: build_key.into(),
        name: "Staging".into(),
        version: "1".into(),
        environment: "staging".into(),
        ..UncheckedTarget::default()
    }
}

async fn racing_upserts_of_a_build_key_make_one_target(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    let shop =
        fixture.service.products().create_subject(&at(0), &fixture.member, "Shop", None, None).await.unwrap();
    let (member, id) = (fixture.member.clone(), shop.id.as_str().to_owned());
    let answers = race(&nodes, 20, move |node, _| {
        let (member, id) = (member.clone(), id.clone());
        async move { node.products().upsert_target(&at(1), &member, &id, target("main")).await.unwrap().id }
    });
    let ids: BTreeSet<_> = answers.await.into_iter().collect();
    assert_eq!(ids.len(), 1);
    let mut actions = fixture.actions_after(0).await;
    actions.retain(|action| action.starts_with("target."));
    assert_eq!(actions[0], "target.created");
    assert_eq!(
        (actions.len(), actions.iter().filter(|action| *action == "target.updated").count()),
        (20, 19)
    );
}

async fn a_product_that_is_deleted_under_an_upsert_leaves_no_target(fixture: Fixture) {
    let nodes = nodes(&fixture).await;
    for _ in 0..8 {
        let shop = fixture
            .service
            .products()
            .create_subject(&at(0), &fixture.member, "Shop", None, None)
            .await
            .unwrap();
        let (member, id) = (fixture.member.clone(), shop.id.as_str().to_owned());
        let answers = race(&nodes, 4, move |node, number| {
            let (member, id) = (member.clone(), id.clone());
            async move {
                if number == 0 {
                    node.products().delete_subject(&at(1), &member, &id).await.map(drop)
                } else {
                    node.products()
                        .upsert_target(&at(1), &member, &id, target(&format!("{number}")))
                        .await
                        .map(drop)
                }
            }
        });
        for (number, answer) in answers.await.into_iter().enumerate() {
            match answer {
                Ok(()) => {}
                Err(Error::Rejection(Rejection::NotFound { kind: "product", .. })) if number > 0 => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    let left = fixture.service.products().list_targets(&fixture.member, None, 100, None).await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_limit_holds_as_well() {
    let fixture = Fixture::with(Engine::Sqlite, Policy { active_keys: 3, ..policy() }).await;
    let nodes = nodes(&fixture).await;
    let admin: Principal = fixture.admin.clone();
    let answers = race(&nodes, 20, move |node, _| {
        let admin = admin.clone();
        async move { generate(&node, &admin, 0).await.is_ok() }
    });
    assert_eq!(answers.await.into_iter().filter(|made| *made).count(), 3);
}
