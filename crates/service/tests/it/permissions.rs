//! Who may do what, and that another organisation's things are not there.

use crate::house::{HOUR, House, MAX, NO_GRACE, Pair, at, on_both_engines, rejected};
use domain::{Role, ScopeSet, SubjectId, TargetId, product::UncheckedTarget};
use service::{
    Holder, Principal, Reject,
    keys::{GenerateKey, RotateKey},
    products::SubjectChange,
};
use std::fmt::Debug;
use store::AuditFilter;

on_both_engines!(
    members_and_keys_are_kept_out_of_every_admin_use_case,
    a_token_for_reading_reads_and_changes_nothing,
    another_organisations_things_are_not_found,
    ids_that_are_none_are_not_found,
);

/// An API key of Acme, as its token makes it.
async fn key_principal(house: &House, pair: &Pair) -> Principal {
    let token = house.buy(1, pair).await;
    house.service.authenticate(&at(1), &token).await.unwrap()
}

/// Calls every use case that is for Admins, on things of Acme, and gives what each answered.
async fn admin_use_cases(house: &House, principal: &Principal, key: &str) -> Vec<(&'static str, Reject)> {
    let service = &house.service;
    let input = GenerateKey { label: "CI".into(), expires_in_days: None };
    vec![
        ("list_keys", rejected(service.list_keys(principal).await)),
        ("get_key", rejected(service.get_key(principal, key).await)),
        ("generate_key", rejected(service.generate_key(&at(2), principal, &input).await)),
        ("rotate_key", rejected(service.rotate_key(&at(2), principal, key, NO_GRACE).await)),
        ("end_grace", rejected(service.end_grace(&at(2), principal, key).await)),
        ("revoke_key", rejected(service.revoke_key(&at(2), principal, key).await)),
        ("list_members", rejected(service.list_members(principal).await)),
        (
            "add_member",
            rejected(service.add_member(&at(2), principal, "new@acme.example", Role::Admin).await),
        ),
        ("change_role", rejected(service.change_role(&at(2), principal, MAX, Role::Admin).await)),
        ("remove_member", rejected(service.remove_member(&at(2), principal, MAX).await)),
        ("rename_organisation", rejected(service.rename_organisation(&at(2), principal, "Mine").await)),
        ("set_key_policy", rejected(service.set_key_policy(&at(2), principal, 1, 365).await)),
        ("audit_log", rejected(service.audit_log(principal, 10, None, &AuditFilter::default()).await)),
    ]
}

async fn members_and_keys_are_kept_out_of_every_admin_use_case(house: House) {
    let pair = house.generate(0).await;
    house.rotate(0, &pair, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    let pair = house.generate(0).await;
    let key = key_principal(&house, &pair).await;
    house.service.flush_usage(&at(1)).await.unwrap();
    let before = house.database.dump().await;
    for principal in [&house.member, &key] {
        for (name, refusal) in admin_use_cases(&house, principal, &pair.id).await {
            let Reject::Forbidden(message) = &refusal else { panic!("{name}: {refusal:?}") };
            let hint = if matches!(principal.holder, Holder::ApiKey { .. }) {
                "sign in as an Admin"
            } else {
                "only Admins can"
            };
            assert!(message.contains(hint), "{name}: {message}");
        }
        // The rest is for everyone.
        assert_eq!(house.service.organisation(principal).await.unwrap().id, house.acme.id);
        assert_eq!(house.service.list_subjects(principal, 10, None).await.unwrap(), []);
    }
    assert_eq!(house.database.dump().await, before);
}

fn target() -> UncheckedTarget {
    UncheckedTarget {
        build_key: "main".into(),
        name: "Staging".into(),
        version: "1".into(),
        environment: "staging".into(),
        ..UncheckedTarget::default()
    }
}

/// Calls every use case that changes a product of Acme.
async fn changes(house: &House, principal: &Principal, subject: &str) -> Vec<(&'static str, Reject)> {
    let service = &house.service;
    let change = SubjectChange { name: Some("Mine".into()), ..SubjectChange::default() };
    vec![
        ("update_subject", rejected(service.update_subject(&at(2), principal, subject, change).await)),
        ("delete_subject", rejected(service.delete_subject(&at(2), principal, subject).await)),
        ("upsert_target", rejected(service.upsert_target(&at(2), principal, subject, target()).await)),
    ]
}

async fn a_token_for_reading_reads_and_changes_nothing(house: House) {
    let pair = house.generate(0).await;
    let shop = house.service.create_subject(&at(0), &house.member, "Shop", None, None).await.unwrap();
    let made = house.service.upsert_target(&at(0), &house.member, shop.id.as_str(), target()).await.unwrap();
    let bought = house.service.exchange(&at(1), pair.credential(), "platform:read openid").await.unwrap();
    assert_eq!(bought.scopes.to_string(), "openid platform:read");
    let reader = house.service.authenticate(&at(1), &bought.access_token).await.unwrap();
    house.service.flush_usage(&at(1)).await.unwrap();
    let before = house.database.dump().await;
    let mut refusals = changes(&house, &reader, shop.id.as_str()).await;
    refusals.push((
        "create_subject",
        rejected(house.service.create_subject(&at(2), &reader, "New", None, None).await),
    ));
    for (name, refusal) in refusals {
        let Reject::Forbidden(message) = &refusal else { panic!("{name}: {refusal:?}") };
        assert!(message.contains("this access token may only read"), "{name}: {message}");
    }
    assert_eq!(house.database.dump().await, before);
    assert_eq!(house.service.list_subjects(&reader, 10, None).await.unwrap(), std::slice::from_ref(&shop));
    assert_eq!(house.service.find_subject(&reader, &shop.id).await.unwrap(), Some(shop.clone()));
    let listed = house.service.list_targets(&reader, Some(&shop.id), 10, None).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&made));
    assert_eq!(house.service.find_target(&reader, &made.id).await.unwrap(), Some(made));
    // An Admin's token that may only read administers nothing either.
    let reading_admin =
        Principal { scopes: ScopeSet::parse("platform:read").unwrap(), ..house.admin.clone() };
    for (name, refusal) in admin_use_cases(&house, &reading_admin, &pair.id).await {
        assert!(matches!(refusal, Reject::Forbidden(_)), "{name}: {refusal:?}");
    }
}

/// Nothing of `found` is Acme's.
fn not_there<T: Debug + PartialEq>(found: &[T]) {
    assert_eq!(found, [] as [T; 0]);
}

async fn another_organisations_things_are_not_found(house: House) {
    let pair = house.generate(0).await;
    let shop = house.service.create_subject(&at(0), &house.member, "Shop", None, None).await.unwrap();
    let made = house.service.upsert_target(&at(0), &house.member, shop.id.as_str(), target()).await.unwrap();
    let event = house.service.audit_log(&house.admin, 1, None, &AuditFilter::default()).await.unwrap();
    let before = house.database.dump().await;
    let (service, eve) = (&house.service, &house.outsider);

    let key = Reject::NotFound { kind: "API key", id: pair.id.clone() };
    assert_eq!(rejected(service.get_key(eve, &pair.id).await), key);
    assert_eq!(rejected(service.rotate_key(&at(2), eve, &pair.id, NO_GRACE).await), key);
    assert_eq!(rejected(service.end_grace(&at(2), eve, &pair.id).await), key);
    assert_eq!(rejected(service.revoke_key(&at(2), eve, &pair.id).await), key);
    assert!(service.list_keys(eve).await.unwrap().is_empty());

    for (name, refusal) in changes(&house, eve, shop.id.as_str()).await {
        assert_eq!(refusal, Reject::NotFound { kind: "product", id: shop.id.as_str().into() }, "{name}");
    }
    assert_eq!(service.find_subject(eve, &shop.id).await.unwrap(), None);
    assert_eq!(service.find_target(eve, &made.id).await.unwrap(), None);
    not_there(&service.list_subjects(eve, 10, None).await.unwrap());
    not_there(&service.list_targets(eve, None, 10, None).await.unwrap());
    not_there(&service.list_targets(eve, Some(&shop.id), 10, None).await.unwrap());

    let member = Reject::NotFound { kind: "member", id: MAX.into() };
    assert_eq!(rejected(service.change_role(&at(2), eve, MAX, Role::Admin).await), member);
    assert_eq!(rejected(service.remove_member(&at(2), eve, MAX).await), member);
    assert_eq!(service.list_members(eve).await.unwrap().len(), 1);

    let log = service.audit_log(eve, 100, None, &AuditFilter::default()).await.unwrap();
    assert!(log.iter().all(|event| event.chain == eve.organisation_id.as_str()), "{log:?}");
    let event = domain::EventId::parse(&event[0].id).unwrap();
    not_there(&service.audit_log(eve, 100, Some(&event), &AuditFilter::default()).await.unwrap());
    let about_the_key = AuditFilter { object_id: Some(pair.id), action: None, actor_id: None };
    not_there(&service.audit_log(eve, 100, None, &about_the_key).await.unwrap());
    assert_eq!(house.database.dump().await, before);
}

async fn ids_that_are_none_are_not_found(house: House) {
    let service = &house.service;
    for id in ["", "key_", "sbj_0", "'; DROP TABLE api_keys; --", "\0", &*"x".repeat(10_000)] {
        for refusal in [
            rejected(service.get_key(&house.admin, id).await),
            rejected(service.rotate_key(&at(0), &house.admin, id, NO_GRACE).await),
            rejected(service.revoke_key(&at(0), &house.admin, id).await),
            rejected(service.delete_subject(&at(0), &house.admin, id).await),
            rejected(service.upsert_target(&at(0), &house.admin, id, target()).await),
        ] {
            assert!(matches!(refusal, Reject::NotFound { .. }), "{refusal:?}");
            assert!(refusal.message().len() < 150, "{}", refusal.message().len());
        }
    }
    let nothing = SubjectId::generate(crate::house::time(0), &*crate::house::entropy());
    not_there(&service.list_subjects(&house.member, 10, Some(&nothing)).await.unwrap());
    let nothing = TargetId::generate(crate::house::time(0), &*crate::house::entropy());
    assert_eq!(service.find_target(&house.member, &nothing).await.unwrap(), None);
}
