//! Who may do what, and that another organisation's things are not there.

use crate::fixture::{Fixture, HOUR, MAX, NO_GRACE, Pair, at, on_both_engines, rejection_in};
use domain::{Role, ScopeSet, SubjectId, TargetId, audit::AuditFilter, product::UncheckedTarget};
use service::{
    Principal, PrincipalKind, Rejection,
    keys::{GenerateKey, RotateKey},
    products::SubjectChange,
};
use std::fmt::Debug;

on_both_engines!(
    members_and_keys_are_kept_out_of_every_admin_use_case,
    a_token_for_reading_reads_and_changes_nothing,
    another_organisations_things_are_not_found,
    ids_that_are_none_are_not_found,
);

/// An API key of Acme, as its token makes it.
async fn key_principal(fixture: &Fixture, pair: &Pair) -> Principal {
    let token = fixture.issue_token(1, pair).await;
    fixture.service.tokens().authenticate(&at(1), &token).await.unwrap()
}

/// Calls every use case that is for Admins, on things of Acme, and gives what each answered.
async fn admin_use_cases(
    fixture: &Fixture,
    principal: &Principal,
    key: &str,
) -> Vec<(&'static str, Rejection)> {
    let service = &fixture.service;
    let input = GenerateKey { label: "CI".into(), expires_in_days: None };
    vec![
        ("keys().list", rejection_in(service.keys().list(principal).await)),
        ("keys().get", rejection_in(service.keys().get(principal, key).await)),
        ("keys().generate", rejection_in(service.keys().generate(&at(2), principal, &input).await)),
        ("keys().rotate", rejection_in(service.keys().rotate(&at(2), principal, key, NO_GRACE).await)),
        ("keys().rename", rejection_in(service.keys().rename(&at(2), principal, key, "Mine").await)),
        ("end_grace", rejection_in(service.keys().end_grace(&at(2), principal, key).await)),
        ("keys().revoke", rejection_in(service.keys().revoke(&at(2), principal, key).await)),
        ("list_members", rejection_in(service.users().list_members(principal).await)),
        (
            "add_member",
            rejection_in(
                service.users().add_member(&at(2), principal, "new@acme.example", Role::Admin).await,
            ),
        ),
        ("change_role", rejection_in(service.users().change_role(&at(2), principal, MAX, Role::Admin).await)),
        ("remove_member", rejection_in(service.users().remove_member(&at(2), principal, MAX).await)),
        (
            "organisations().rename",
            rejection_in(service.organisations().rename(&at(2), principal, "Mine").await),
        ),
        (
            "set_key_policy",
            rejection_in(service.organisations().set_key_policy(&at(2), principal, 1, 365).await),
        ),
        (
            "audit_log",
            rejection_in(service.audit_log().list(principal, 10, None, &AuditFilter::default()).await),
        ),
    ]
}

async fn members_and_keys_are_kept_out_of_every_admin_use_case(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    fixture.rotate(0, &pair, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    let pair = fixture.generate(0).await;
    let key = key_principal(&fixture, &pair).await;
    fixture.service.keys().flush_usage(&at(1)).await.unwrap();
    let before = fixture.database.dump().await;
    for principal in [&fixture.member, &key] {
        for (name, rejection) in admin_use_cases(&fixture, principal, &pair.id).await {
            let Rejection::Forbidden(message) = &rejection else { panic!("{name}: {rejection:?}") };
            let hint = if matches!(principal.holder, PrincipalKind::ApiKey { .. }) {
                "sign in as an Admin"
            } else {
                "only Admins can"
            };
            assert!(message.contains(hint), "{name}: {message}");
        }
        // The rest is for everyone.
        assert_eq!(fixture.service.organisations().get(principal).await.unwrap().id, fixture.acme.id);
        assert_eq!(fixture.service.products().list_subjects(principal, 10, None).await.unwrap(), []);
    }
    assert_eq!(fixture.database.dump().await, before);
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
async fn changes(fixture: &Fixture, principal: &Principal, subject: &str) -> Vec<(&'static str, Rejection)> {
    let service = &fixture.service;
    let change = SubjectChange { name: Some("Mine".into()), ..SubjectChange::default() };
    vec![
        (
            "update_subject",
            rejection_in(service.products().update_subject(&at(2), principal, subject, change).await),
        ),
        ("delete_subject", rejection_in(service.products().delete_subject(&at(2), principal, subject).await)),
        (
            "upsert_target",
            rejection_in(service.products().upsert_target(&at(2), principal, subject, target()).await),
        ),
    ]
}

async fn a_token_for_reading_reads_and_changes_nothing(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let shop =
        fixture.service.products().create_subject(&at(0), &fixture.member, "Shop", None, None).await.unwrap();
    let made = fixture
        .service
        .products()
        .upsert_target(&at(0), &fixture.member, shop.id.as_str(), target())
        .await
        .unwrap();
    let issued = fixture
        .service
        .tokens()
        .issue_for_client(&at(1), pair.credential(), "platform:read openid")
        .await
        .unwrap();
    assert_eq!(issued.scopes.to_string(), "openid platform:read");
    let reader = fixture.service.tokens().authenticate(&at(1), &issued.access_token).await.unwrap();
    fixture.service.keys().flush_usage(&at(1)).await.unwrap();
    let before = fixture.database.dump().await;
    let mut rejections = changes(&fixture, &reader, shop.id.as_str()).await;
    rejections.push((
        "create_subject",
        rejection_in(fixture.service.products().create_subject(&at(2), &reader, "New", None, None).await),
    ));
    for (name, rejection) in rejections {
        let Rejection::Forbidden(message) = &rejection else { panic!("{name}: {rejection:?}") };
        assert!(message.contains("this access token may only read"), "{name}: {message}");
    }
    assert_eq!(fixture.database.dump().await, before);
    assert_eq!(
        fixture.service.products().list_subjects(&reader, 10, None).await.unwrap(),
        std::slice::from_ref(&shop)
    );
    assert_eq!(fixture.service.products().find_subject(&reader, shop.id.as_str()).await.unwrap(), shop);
    let listed = fixture.service.products().list_targets(&reader, Some(&shop.id), 10, None).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&made));
    assert_eq!(fixture.service.products().find_target(&reader, made.id.as_str()).await.unwrap(), made);
    // An Admin's token that may only read administers nothing either.
    let reading_admin =
        Principal { scopes: ScopeSet::parse("platform:read").unwrap(), ..fixture.admin.clone() };
    for (name, rejection) in admin_use_cases(&fixture, &reading_admin, &pair.id).await {
        assert!(matches!(rejection, Rejection::Forbidden(_)), "{name}: {rejection:?}");
    }
}

/// Nothing of `found` is Acme's.
fn not_there<T: Debug + PartialEq>(found: &[T]) {
    assert_eq!(found, [] as [T; 0]);
}

async fn another_organisations_things_are_not_found(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let shop =
        fixture.service.products().create_subject(&at(0), &fixture.member, "Shop", None, None).await.unwrap();
    let made = fixture
        .service
        .products()
        .upsert_target(&at(0), &fixture.member, shop.id.as_str(), target())
        .await
        .unwrap();
    let event =
        fixture.service.audit_log().list(&fixture.admin, 1, None, &AuditFilter::default()).await.unwrap();
    let before = fixture.database.dump().await;
    let (service, eve) = (&fixture.service, &fixture.outsider);

    let key = Rejection::NotFound { kind: "API key", id: pair.id.clone() };
    assert_eq!(rejection_in(service.keys().get(eve, &pair.id).await), key);
    assert_eq!(rejection_in(service.keys().rotate(&at(2), eve, &pair.id, NO_GRACE).await), key);
    assert_eq!(rejection_in(service.keys().rename(&at(2), eve, &pair.id, "Mine").await), key);
    assert_eq!(rejection_in(service.keys().end_grace(&at(2), eve, &pair.id).await), key);
    assert_eq!(rejection_in(service.keys().revoke(&at(2), eve, &pair.id).await), key);
    assert!(service.keys().list(eve).await.unwrap().is_empty());

    for (name, rejection) in changes(&fixture, eve, shop.id.as_str()).await {
        assert_eq!(rejection, Rejection::NotFound { kind: "product", id: shop.id.as_str().into() }, "{name}");
    }
    let missing = rejection_in(service.products().find_subject(eve, shop.id.as_str()).await);
    assert_eq!(missing, Rejection::NotFound { kind: "product", id: shop.id.to_string() });
    let missing = rejection_in(service.products().find_target(eve, made.id.as_str()).await);
    assert_eq!(missing, Rejection::NotFound { kind: "target", id: made.id.to_string() });
    not_there(&service.products().list_subjects(eve, 10, None).await.unwrap());
    not_there(&service.products().list_targets(eve, None, 10, None).await.unwrap());
    not_there(&service.products().list_targets(eve, Some(&shop.id), 10, None).await.unwrap());

    let member = Rejection::NotFound { kind: "member", id: MAX.into() };
    assert_eq!(rejection_in(service.users().change_role(&at(2), eve, MAX, Role::Admin).await), member);
    assert_eq!(rejection_in(service.users().remove_member(&at(2), eve, MAX).await), member);
    assert_eq!(service.users().list_members(eve).await.unwrap().len(), 1);

    let log = service.audit_log().list(eve, 100, None, &AuditFilter::default()).await.unwrap();
    assert!(log.iter().all(|event| event.chain == eve.organisation_id.as_str()), "{log:?}");
    let event = domain::EventId::parse(&event[0].id).unwrap();
    not_there(&service.audit_log().list(eve, 100, Some(&event), &AuditFilter::default()).await.unwrap());
    let about_the_key = AuditFilter { object_id: Some(pair.id), action: None, actor_id: None };
    not_there(&service.audit_log().list(eve, 100, None, &about_the_key).await.unwrap());
    assert_eq!(fixture.database.dump().await, before);
}

async fn ids_that_are_none_are_not_found(fixture: Fixture) {
    let service = &fixture.service;
    for id in ["", "key_", "sbj_0", "'; DROP TABLE api_keys; --", "\0", &*"x".repeat(10_000)] {
        for rejection in [
            rejection_in(service.keys().get(&fixture.admin, id).await),
            rejection_in(service.keys().rotate(&at(0), &fixture.admin, id, NO_GRACE).await),
            rejection_in(service.keys().revoke(&at(0), &fixture.admin, id).await),
            rejection_in(service.products().delete_subject(&at(0), &fixture.admin, id).await),
            rejection_in(service.products().upsert_target(&at(0), &fixture.admin, id, target()).await),
        ] {
            assert!(matches!(rejection, Rejection::NotFound { .. }), "{rejection:?}");
            assert!(rejection.message().len() < 150, "{}", rejection.message().len());
        }
    }
    let nothing = SubjectId::generate(crate::fixture::time(0), &*crate::fixture::entropy());
    not_there(&service.products().list_subjects(&fixture.member, 10, Some(&nothing)).await.unwrap());
    let nothing = TargetId::generate(crate::fixture::time(0), &*crate::fixture::entropy());
    let missing = rejection_in(service.products().find_target(&fixture.member, nothing.as_str()).await);
    assert_eq!(missing, Rejection::NotFound { kind: "target", id: nothing.to_string() });
}
