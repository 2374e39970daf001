//! A form that is sent more than once is carried out once.

use crate::{
    fixture::{ADA, DAY, EVE, Fixture, MAX, NO_GRACE, at, on_both_engines, rejection_in},
    keys::races::{nodes, race},
    users::browser::Guest,
};
use domain::Role;
use service::{
    Principal, Rejection,
    keys::{
        GenerateKey,
        sent_forms::{KeyForm, Sent},
    },
};

on_both_engines!(
    a_form_that_is_sent_sixteen_times_makes_one_key,
    a_form_that_is_sent_sixteen_times_rotates_once,
    another_persons_form_is_nothing,
    a_rejected_form_may_be_sent_again,
    a_form_is_remembered_for_thirty_days,
);

fn input() -> GenerateKey {
    GenerateKey { label: "CI".into(), expires_in_days: None }
}

async fn principal(fixture: &Fixture, email: &str) -> Principal {
    let guest = Guest::of(fixture, 0, email).await;
    guest.user(&fixture.service, 0).await.principal.unwrap()
}

/// The key that was made now, and the ones that the others were told.
fn sorted(answers: Vec<Sent>) -> (Vec<String>, Vec<String>) {
    let (mut now, mut before) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Sent::Now(generated) => now.push(generated.key.id.as_str().to_owned()),
            Sent::Before(id) => before.push(id),
        }
    }
    (now, before)
}

async fn a_form_that_is_sent_sixteen_times_makes_one_key(fixture: Fixture) {
    let (ada, nodes) = (principal(&fixture, ADA).await, nodes(&fixture).await);
    let entries = fixture.entries().await;
    let who = ada.clone();
    let answers = race(&nodes, 16, move |node, _| {
        let ada = who.clone();
        async move { node.keys().carry_out(&at(1), &ada, "nonce", KeyForm::Generate(&input())).await.unwrap() }
    });
    let (now, before) = sorted(answers.await);
    assert_eq!((now.len(), before.len()), (1, 15));
    assert!(before.iter().all(|id| *id == now[0]));
    assert_eq!(fixture.service.keys().list(&ada).await.unwrap().len(), 1);
    assert_eq!(fixture.actions_after(entries).await, ["api_key.generated"]);
    let found = fixture.service.keys().find_sent_form(&ada, "nonce").await.unwrap();
    assert_eq!(found.as_deref(), Some(&*now[0]));
}

async fn a_form_that_is_sent_sixteen_times_rotates_once(fixture: Fixture) {
    let (ada, nodes) = (principal(&fixture, ADA).await, nodes(&fixture).await);
    let key = fixture.generate(0).await;
    let entries = fixture.entries().await;
    let (who, id) = (ada.clone(), key.id.clone());
    let answers = race(&nodes, 16, move |node, _| {
        let (ada, id) = (who.clone(), id.clone());
        async move { node.keys().carry_out(&at(1), &ada, "nonce", KeyForm::Rotate(&id, NO_GRACE)).await.unwrap() }
    });
    let (now, before) = sorted(answers.await);
    assert_eq!((now, before), (vec![key.id.clone()], vec![key.id; 15]));
    assert_eq!(fixture.actions_after(entries).await, ["api_key.rotated"]);
}

async fn another_persons_form_is_nothing(fixture: Fixture) {
    let service = &fixture.service;
    service.users().change_role(&at(0), &fixture.operator, MAX, Role::Admin).await.unwrap();
    let (ada, max, eve) =
        (principal(&fixture, ADA).await, principal(&fixture, MAX).await, principal(&fixture, EVE).await);
    service.keys().carry_out(&at(1), &ada, "nonce", KeyForm::Generate(&input())).await.unwrap();
    let before = fixture.database.dump().await;
    for other in [&max, &eve] {
        assert_eq!(service.keys().find_sent_form(other, "nonce").await.unwrap(), None);
        let rejection =
            rejection_in(service.keys().carry_out(&at(1), other, "nonce", KeyForm::Generate(&input())).await);
        assert!(matches!(rejection, Rejection::Conflict(_)), "{rejection:?}");
    }
    assert_eq!(fixture.database.dump().await, before);
    assert_eq!(service.keys().find_sent_form(&ada, "another").await.unwrap(), None);
}

async fn a_rejected_form_may_be_sent_again(fixture: Fixture) {
    let (ada, service) = (principal(&fixture, ADA).await, &fixture.service);
    let wrong = GenerateKey { label: "  ".into(), expires_in_days: None };
    rejection_in(service.keys().carry_out(&at(1), &ada, "nonce", KeyForm::Generate(&wrong)).await);
    for _ in 0..10 {
        fixture.generate(1).await;
    }
    let full =
        rejection_in(service.keys().carry_out(&at(1), &ada, "nonce", KeyForm::Generate(&input())).await);
    assert!(matches!(full, Rejection::LimitReached { .. }), "{full:?}");
    let keys = service.keys().list(&ada).await.unwrap();
    service.keys().revoke(&at(2), &ada, keys[0].key.id.as_str()).await.unwrap();
    let sent = service.keys().carry_out(&at(2), &ada, "nonce", KeyForm::Generate(&input())).await.unwrap();
    assert!(matches!(sent, Sent::Now(_)));
}

async fn a_form_is_remembered_for_thirty_days(fixture: Fixture) {
    let (ada, service) = (principal(&fixture, ADA).await, &fixture.service);
    service.keys().carry_out(&at(1), &ada, "nonce", KeyForm::Generate(&input())).await.unwrap();
    service.operations().every_day(&at(30 * DAY)).await.unwrap();
    assert!(service.keys().find_sent_form(&ada, "nonce").await.unwrap().is_some());
    service.operations().every_day(&at(30 * DAY + 1)).await.unwrap();
    assert!(service.keys().find_sent_form(&ada, "nonce").await.unwrap().is_none());
}
