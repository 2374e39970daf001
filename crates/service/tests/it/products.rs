//! Products and targets through the use cases.

use crate::fixture::{Fixture, at, on_both_engines, rejection_in, time};
use domain::product::UncheckedTarget;
use serde_json::json;
use service::{Rejection, products::SubjectChange};

on_both_engines!(
    a_change_of_a_product_leaves_what_it_does_not_name,
    the_same_build_key_updates_and_another_creates,
    a_deleted_product_is_gone_with_its_targets,
    pages_are_bounded_and_follow_each_other,
    inputs_are_rejected_with_the_name_of_the_field,
);

async fn a_change_of_a_product_leaves_what_it_does_not_name(fixture: Fixture) {
    let (service, max) = (&fixture.service, &fixture.member);
    let url = "https://shop.example/";
    let shop = service
        .products()
        .create_subject(&at(0), max, " Shop ", Some("Sells\nthings"), Some(url))
        .await
        .unwrap();
    let id = shop.id.as_str();
    assert_eq!(shop.details.name.as_str(), "Shop");
    let change = SubjectChange { name: Some("Store".into()), ..SubjectChange::default() };
    let renamed = service.products().update_subject(&at(5), max, id, change).await.unwrap();
    assert_eq!((renamed.created_at, renamed.updated_at), (time(0), time(5)));
    assert_eq!(renamed.details.description.as_deref(), Some("Sells\nthings"));
    assert_eq!(renamed.details.base_url.as_deref(), Some(url));
    let change = SubjectChange { description: Some(None), base_url: Some(None), name: None, seen_at: None };
    let bare = service.products().update_subject(&at(6), max, id, change).await.unwrap();
    assert_eq!(
        (bare.details.name.as_str(), &bare.details.description, &bare.details.base_url),
        ("Store", &None, &None)
    );
    assert_eq!(service.products().find_subject(max, id).await.unwrap(), bare);
}

fn target(build_key: &str, version: &str) -> UncheckedTarget {
    UncheckedTarget {
        build_key: build_key.into(),
        name: "Staging".into(),
        version: version.into(),
        environment: "staging".into(),
        metadata: Some(json!({ "commit": "abc", "nested": { "list": [1, 2.5, null, "\u{0}"] } })),
        ..UncheckedTarget::default()
    }
}

async fn the_same_build_key_updates_and_another_creates(fixture: Fixture) {
    let (service, max) = (&fixture.service, &fixture.member);
    let shop = service.products().create_subject(&at(0), max, "Shop", None, None).await.unwrap();
    let id = shop.id.as_str();
    let first = service.products().upsert_target(&at(1), max, id, target("main", "1")).await.unwrap();
    let again = service.products().upsert_target(&at(2), max, id, target(" main ", "2")).await.unwrap();
    let other = service.products().upsert_target(&at(3), max, id, target("Main", "3")).await.unwrap();
    assert_eq!((&again.id, again.created_at, again.updated_at), (&first.id, time(1), time(2)));
    assert_ne!(other.id, first.id);
    assert_eq!(service.products().find_target(max, first.id.as_str()).await.unwrap(), again);
    assert_eq!(again.details.version, "2");
    assert_eq!(again.details.metadata, target("main", "2").metadata);
    assert_eq!(service.products().list_targets(max, Some(&shop.id), 10, None).await.unwrap(), [again, other]);
}

async fn a_deleted_product_is_gone_with_its_targets(fixture: Fixture) {
    let (service, max) = (&fixture.service, &fixture.member);
    let shop = service.products().create_subject(&at(0), max, "Shop", None, None).await.unwrap();
    let kept = service.products().create_subject(&at(0), max, "Blog", None, None).await.unwrap();
    let made =
        service.products().upsert_target(&at(1), max, shop.id.as_str(), target("main", "1")).await.unwrap();
    let spared =
        service.products().upsert_target(&at(1), max, kept.id.as_str(), target("main", "1")).await.unwrap();
    assert_eq!(service.products().delete_subject(&at(2), max, shop.id.as_str()).await.unwrap(), shop.id);
    assert_eq!(service.products().list_targets(max, None, 10, None).await.unwrap(), [spared]);
    let gone = Rejection::NotFound { kind: "target", id: made.id.as_str().into() };
    assert_eq!(rejection_in(service.products().find_target(max, made.id.as_str()).await), gone);
    let gone = Rejection::NotFound { kind: "product", id: shop.id.as_str().into() };
    assert_eq!(rejection_in(service.products().find_subject(max, shop.id.as_str()).await), gone);
    assert_eq!(rejection_in(service.products().delete_subject(&at(3), max, shop.id.as_str()).await), gone);
    assert_eq!(
        rejection_in(
            service.products().upsert_target(&at(3), max, shop.id.as_str(), target("main", "1")).await
        ),
        gone
    );
    assert_eq!(
        rejection_in(
            service.products().update_subject(&at(3), max, shop.id.as_str(), SubjectChange::default()).await
        ),
        gone
    );
}

async fn pages_are_bounded_and_follow_each_other(fixture: Fixture) {
    let (service, max) = (&fixture.service, &fixture.member);
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(
            service
                .products()
                .create_subject(&at(number), max, &format!("Product {number}"), None, None)
                .await
                .unwrap(),
        );
    }
    let first = service.products().list_subjects(max, 3, None).await.unwrap();
    let rest = service.products().list_subjects(max, 3, Some(&first[2].id)).await.unwrap();
    assert_eq!([first, rest].concat(), made, "oldest first");
    for first in [0, -1, 1001, i64::MIN, i64::MAX] {
        for rejection in [
            rejection_in(service.products().list_subjects(max, first, None).await),
            rejection_in(service.products().list_targets(max, None, first, None).await),
        ] {
            assert!(
                matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == "first"),
                "{rejection:?}"
            );
        }
    }
    assert_eq!(service.products().list_subjects(max, 1000, None).await.unwrap().len(), 5);
}

async fn inputs_are_rejected_with_the_name_of_the_field(fixture: Fixture) {
    let (service, max) = (&fixture.service, &fixture.member);
    let shop = service.products().create_subject(&at(0), max, "Shop", None, None).await.unwrap();
    let before = fixture.database.dump().await;
    let field = |rejection: Rejection| match rejection {
        Rejection::Invalid(invalid) => invalid.field,
        other => panic!("{other:?}"),
    };
    for (name, description, url, expected) in [
        ("", None, None, "name"),
        ("a\0b", None, None, "name"),
        ("Shop", Some("\0"), None, "description"),
        ("Shop", Some(&*"x".repeat(4001)), None, "description"),
        ("Shop", None, Some("javascript:alert(1)"), "baseUrl"),
        ("Shop", None, Some("https://user:password@shop.example/"), "baseUrl"),
    ] {
        assert_eq!(
            field(rejection_in(service.products().create_subject(&at(1), max, name, description, url).await)),
            expected
        );
    }
    let good = || target("main", "1");
    for (input, expected) in [
        (UncheckedTarget { build_key: " ".into(), ..good() }, "buildKey"),
        (UncheckedTarget { name: "\u{202e}".into(), ..good() }, "name"),
        (UncheckedTarget { version: "x".repeat(513), ..good() }, "version"),
        (UncheckedTarget { environment: String::new(), ..good() }, "environment"),
        (UncheckedTarget { build_number: Some(-1), ..good() }, "buildNumber"),
        (UncheckedTarget { build_url: Some("ci".into()), ..good() }, "buildUrl"),
        (UncheckedTarget { metadata: Some(json!("x".repeat(16 * 1024))), ..good() }, "metadata"),
    ] {
        let rejection =
            rejection_in(service.products().upsert_target(&at(1), max, shop.id.as_str(), input).await);
        assert_eq!(field(rejection), expected);
    }
    assert_eq!(fixture.database.dump().await, before);
}
