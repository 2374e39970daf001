//! The audit log: one entry per change, with who, from where, what and to which thing.

use crate::fixture::{ADA, Fixture, HOUR, MAX, NO_GRACE, at, on_both_engines, rejection_in};
use domain::{
    EventId, Role,
    audit::{Actor, ActorKind, AuditEvent, AuditFilter},
    product::UncheckedTarget,
};
use service::{
    Principal, Rejection,
    audit::Walk,
    keys::{GenerateKey, RotateKey},
    products::SubjectChange,
    tokens::signing_keys::operator,
};

on_both_engines!(
    every_change_of_a_key_is_one_entry,
    every_change_of_people_and_organisation_is_one_entry,
    every_change_of_products_is_one_entry,
    every_change_of_signing_keys_is_one_entry,
    what_is_only_read_or_rejected_is_no_entry,
    the_log_is_paged_and_filtered_for_admins,
    an_export_can_be_walked_by_anyone,
);

/// The newest entry of a chain, which must be the only one after number `before`.
async fn only_entry(fixture: &Fixture, chain: &str, before: i64) -> AuditEvent {
    let mut events = fixture.service.audit_log().export(chain, before).await.unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

/// What an entry must say: the actor, the action, the object's id and its name.
#[track_caller]
fn says(event: &AuditEvent, actor: &Actor, action: &str, object_id: &str, object_name: &str) {
    let who = (event.actor_kind.as_str(), event.actor_id.as_str(), event.actor_name.as_str());
    assert_eq!(who, (actor.kind.as_str(), actor.id.as_str(), actor.name.as_str()));
    let what = (event.action.as_str(), event.object_id.as_str(), event.object_name.as_str());
    assert_eq!(what, (action, object_id, object_name));
    assert_eq!(event.address.as_deref(), Some("192.0.2.7"));
}

/// Acme's newest entry, after the use case that must have made it.
async fn acmes(fixture: &Fixture, before: &mut i64) -> AuditEvent {
    let event = only_entry(fixture, fixture.acme.id.as_str(), *before).await;
    *before += 1;
    event
}

async fn every_change_of_a_key_is_one_entry(fixture: Fixture) {
    let (service, ada) = (&fixture.service, fixture.admin.actor());
    assert_eq!((ada.kind, ada.name.as_str()), (ActorKind::Person, ADA));
    let mut before = fixture.entries().await;
    let input = GenerateKey { label: "GitHub Actions".into(), expires_in_days: None };
    let pair =
        crate::fixture::Pair::from(service.keys().generate(&at(1), &fixture.admin, &input).await.unwrap());
    let event = acmes(&fixture, &mut before).await;
    says(&event, &ada, "api_key.generated", &pair.id, "GitHub Actions");
    assert_eq!(event.at, crate::fixture::time(1));
    assert!(event.details.contains("expires_at"), "{}", event.details);

    service.keys().rename(&at(1), &fixture.admin, &pair.id, " Actions ").await.unwrap();
    let event = acmes(&fixture, &mut before).await;
    says(&event, &ada, "api_key.renamed", &pair.id, "Actions");
    assert_eq!(event.details, "{\"before\":\"GitHub Actions\"}");
    // What changes nothing is no entry.
    service.keys().rename(&at(1), &fixture.admin, &pair.id, "Actions").await.unwrap();
    assert_eq!(fixture.entries().await, before);
    service.keys().rename(&at(1), &fixture.admin, &pair.id, "GitHub Actions").await.unwrap();
    acmes(&fixture, &mut before).await;

    let grace = RotateKey { grace_seconds: HOUR, end_issued_tokens: true };
    let pair = fixture.rotate(2, &pair, grace).await;
    let event = acmes(&fixture, &mut before).await;
    says(&event, &ada, "api_key.rotated", &pair.id, "GitHub Actions");
    assert!(event.details.contains("\"ended_issued_tokens\":true"), "{}", event.details);
    assert!(event.details.contains("\"grace_until\":\"2027-01-15T09:00:02Z\""), "{}", event.details);

    service.keys().end_grace(&at(3), &fixture.admin, &pair.id).await.unwrap();
    says(&acmes(&fixture, &mut before).await, &ada, "api_key.grace_ended", &pair.id, "GitHub Actions");

    let token = fixture.issue_token(4, &pair).await;
    let jti = crate::tokens::claims(&token)["jti"].as_str().unwrap().to_owned();
    service.tokens().revoke(&at(4), pair.credential(), &token).await.unwrap();
    let key = Actor { kind: ActorKind::ApiKey, id: pair.id.clone(), name: "GitHub Actions".into() };
    says(&acmes(&fixture, &mut before).await, &key, "access_token.revoked", &jti, "GitHub Actions");
    service.tokens().revoke(&at(4), pair.credential(), &token).await.unwrap();
    assert_eq!(fixture.entries().await, before);

    fixture.revoke(5, &pair).await;
    says(&acmes(&fixture, &mut before).await, &ada, "api_key.revoked", &pair.id, "GitHub Actions");
}

async fn every_change_of_people_and_organisation_is_one_entry(fixture: Fixture) {
    let (service, ada, acme) = (&fixture.service, fixture.admin.actor(), fixture.acme.id.as_str().to_owned());
    let created = service.audit_log().export(&acme, 0).await.unwrap();
    let actions: Vec<_> = created.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "organisation.created",
            "member.added",
            "member.added",
            "person.token_issued",
            "person.token_issued"
        ]
    );
    let root = fixture.operator.actor();
    assert_eq!((root.kind, root.name.as_str()), (ActorKind::Operator, "root"));
    says(&created[0], &root, "organisation.created", &acme, "Acme");

    let mut before = fixture.entries().await;
    let new =
        service.users().add_member(&at(1), &fixture.admin, "new@acme.example", Role::Member).await.unwrap();
    let event = acmes(&fixture, &mut before).await;
    says(&event, &ada, "member.added", new.id.as_str(), "new@acme.example");
    assert_eq!(event.details, "{\"role\":\"member\"}");
    service.users().change_role(&at(2), &fixture.admin, "new@acme.example", Role::Admin).await.unwrap();
    let event = acmes(&fixture, &mut before).await;
    says(&event, &ada, "member.role_changed", new.id.as_str(), "new@acme.example");
    assert_eq!(event.details, "{\"before\":\"member\",\"role\":\"admin\"}");
    service.users().remove_member(&at(3), &fixture.admin, "new@acme.example").await.unwrap();
    says(&acmes(&fixture, &mut before).await, &ada, "member.removed", new.id.as_str(), "new@acme.example");
    service.organisations().rename(&at(4), &fixture.admin, "Acme 2").await.unwrap();
    let event = acmes(&fixture, &mut before).await;
    says(&event, &ada, "organisation.renamed", &acme, "Acme 2");
    assert_eq!(event.details, "{\"before\":\"Acme\"}");
    service.organisations().set_key_policy(&at(5), &fixture.admin, 7, 30).await.unwrap();
    let event = acmes(&fixture, &mut before).await;
    says(&event, &ada, "organisation.key_policy_changed", &acme, "Acme 2");
    assert_eq!(event.details, "{\"default_days\":7,\"maximum_days\":30}");
    service.tokens().issue_for_user(&at(6), "root", MAX, None).await.unwrap();
    let event = acmes(&fixture, &mut before).await;
    says(&event, &root, "person.token_issued", &fixture.member.actor().id, MAX);
}

async fn every_change_of_products_is_one_entry(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(0, &pair).await;
    let key: Principal = fixture.service.tokens().authenticate(&at(0), &token).await.unwrap();
    let (service, actor) = (&fixture.service, key.actor());
    let mut before = fixture.entries().await;
    let shop = service.products().create_subject(&at(1), &key, "Shop", None, None).await.unwrap();
    let id = shop.id.as_str();
    says(&acmes(&fixture, &mut before).await, &actor, "subject.created", id, "Shop");
    let change = SubjectChange { name: Some("Shop 2".into()), ..SubjectChange::default() };
    service.products().update_subject(&at(2), &key, id, change).await.unwrap();
    says(&acmes(&fixture, &mut before).await, &actor, "subject.updated", id, "Shop 2");
    for action in ["target.created", "target.updated"] {
        let input = UncheckedTarget {
            build_key: "main".into(),
            name: "Staging".into(),
            version: "1".into(),
            environment: "staging".into(),
            ..UncheckedTarget::default()
        };
        let target = service.products().upsert_target(&at(3), &key, id, input).await.unwrap();
        says(&acmes(&fixture, &mut before).await, &actor, action, target.id.as_str(), "Staging");
    }
    service.products().delete_subject(&at(4), &key, id).await.unwrap();
    let event = acmes(&fixture, &mut before).await;
    says(&event, &actor, "subject.deleted", id, "Shop 2");
    assert_eq!(event.details, "{\"targets\":1}");
}

async fn every_change_of_signing_keys_is_one_entry(fixture: Fixture) {
    let first = &fixture.service.tokens().list_signing_keys(&at(0)).await.unwrap()[0];
    let system = Actor { kind: ActorKind::System, id: "system".into(), name: "duku".into() };
    says(&only_entry(&fixture, "system", 0).await, &system, "signing_key.created", &first.kid, "ES256");
    let root = operator("root");
    let made = fixture.service.tokens().rotate_signing_key(&at(1), root.clone(), true).await.unwrap();
    says(&only_entry(&fixture, "system", 1).await, &root, "signing_key.created", &made.kid, "ES256");
    fixture.service.tokens().withdraw_signing_key(&at(2), root.clone(), &first.kid).await.unwrap();
    says(&only_entry(&fixture, "system", 2).await, &root, "signing_key.withdrawn", &first.kid, "ES256");
}

async fn what_is_only_read_or_rejected_is_no_entry(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let other = fixture.generate(0).await;
    fixture.revoke(0, &other).await;
    let before = fixture.entries().await;
    let (service, admin) = (&fixture.service, &fixture.admin);
    let token = fixture.issue_token(1, &pair).await;
    assert!(fixture.accepts(1, &token).await);
    service.keys().list(admin).await.unwrap();
    service.keys().get(admin, &pair.id).await.unwrap();
    service.users().list_members(admin).await.unwrap();
    service.tokens().introspect(&at(1), pair.credential(), &token).await.unwrap();
    service.keys().flush_usage(&at(1)).await.unwrap();
    service.operations().every_minute(&at(1)).await.unwrap();
    service.operations().every_day(&at(1)).await.unwrap();
    rejection_in(service.keys().rotate(&at(2), admin, &other.id, NO_GRACE).await);
    rejection_in(service.keys().revoke(&at(2), admin, &other.id).await);
    rejection_in(service.keys().end_grace(&at(2), admin, &pair.id).await);
    rejection_in(service.keys().rotate(&at(2), &fixture.member, &pair.id, NO_GRACE).await);
    rejection_in(service.users().change_role(&at(2), admin, ADA, Role::Member).await);
    rejection_in(service.organisations().rename(&at(2), admin, "Globex").await);
    rejection_in(service.products().create_subject(&at(2), admin, "", None, None).await);
    let system = service.audit_log().export("system", 0).await.unwrap();
    assert_eq!((fixture.entries().await, system.len()), (before, 1));
}

async fn the_log_is_paged_and_filtered_for_admins(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    for second in 1..=5 {
        fixture.rotate(second, &pair, NO_GRACE).await;
    }
    let log = async |first, before: Option<&str>, action: Option<&str>| {
        let before = before.map(|id| EventId::parse(id).unwrap());
        let filter = AuditFilter { action: action.map(Into::into), object_id: None, actor_id: None };
        fixture.service.audit_log().list(&fixture.admin, first, before.as_ref(), &filter).await.unwrap()
    };
    let page = log(3, None, None).await;
    let next = log(3, Some(&page[2].id), None).await;
    let numbers: Vec<_> = page.iter().chain(&next).map(|event| event.sequence).collect();
    let last = fixture.entries().await;
    assert_eq!(numbers, (last - 5..=last).rev().collect::<Vec<_>>());
    assert_eq!(log(100, None, Some("api_key.rotated")).await.len(), 5);
    assert_eq!(log(100, None, Some("api_key.generated")).await.len(), 1);
    for first in [0, -1, 1001, i64::MAX] {
        let rejection = rejection_in(
            fixture.service.audit_log().list(&fixture.admin, first, None, &AuditFilter::default()).await,
        );
        assert!(
            matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == "first"),
            "{rejection:?}"
        );
    }
}

async fn an_export_can_be_walked_by_anyone(fixture: Fixture) {
    for second in 0..3 {
        fixture.generate(second).await;
    }
    let exported = fixture.service.audit_log().export(fixture.acme.id.as_str(), 0).await.unwrap();
    let mut walk = Walk::default();
    for event in &exported {
        walk.step(event).unwrap();
    }
    let reports = fixture.service.audit_log().verify(Some(fixture.acme.id.as_str())).await.unwrap();
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!(
        (report.entries, report.hash.as_str(), &report.damage),
        (walk.entries, walk.hash.as_str(), &None)
    );
    assert_eq!(fixture.service.audit_log().verify(None).await.unwrap().len(), 3);

    let mut walk = Walk::default();
    let missing = walk.step(&exported[1]).unwrap_err();
    assert_eq!(missing, "entry 1 is missing; 2 follows");
    let mut changed = exported[0].clone();
    changed.actor_name = "eve@globex.example".into();
    assert_eq!(walk.step(&changed).unwrap_err(), format!("entry 1 ({}) was changed", changed.id));
}
