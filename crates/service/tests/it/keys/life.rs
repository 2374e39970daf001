//! The life of a key, one use case after the other.

use crate::fixture::{
    DAY, Fixture, HOUR, NO_GRACE, Pair, Reply, at, exchange, generate, on_both_engines, reason, rejection_in,
    time,
};
use service::{
    Rejection,
    keys::{GenerateKey, RotateKey},
};

on_both_engines!(
    a_generated_key_buys_tokens_until_it_expires,
    a_rotated_out_secret_is_rejected_from_the_answer_on,
    a_grace_lets_both_secrets_work_and_tells_them_apart,
    a_grace_ends_when_an_admin_says_so,
    ending_issued_tokens_rejects_them_at_once_and_spares_later_ones,
    an_expired_key_comes_back_by_rotation_only_into_a_free_place,
    a_revoked_key_leaves_its_last_digest_and_nothing_else,
    a_rejection_of_an_eleventh_key_names_those_that_could_go,
    an_organisations_policy_bounds_new_and_rotated_keys,
    labels_and_lifetimes_are_checked,
    a_renamed_key_changes_its_label_and_nothing_else,
);

async fn a_generated_key_buys_tokens_until_it_expires(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let issued = exchange(&fixture.service, 10, &pair).await.unwrap();
    assert_eq!((issued.window.issued_at, issued.window.seconds()), (time(10).seconds(), 300));
    assert_eq!(issued.secret_expires_at, Some(time(30 * DAY)));
    assert!(fixture.accepts(309, &issued.access_token).await);
    assert!(!fixture.accepts(310, &issued.access_token).await);

    let end = 30 * DAY;
    let last = exchange(&fixture.service, end - 100, &pair).await.unwrap();
    assert_eq!(last.window.seconds(), 100);
    assert!(fixture.accepts(end - 1, &last.access_token).await);
    assert!(!fixture.accepts(end, &last.access_token).await);
    assert_eq!(fixture.rejection(end, &pair).await, Reply::Expired(time(end)));
    // A stranger's guess learns nothing of that.
    let guess = Pair { secret: pair.secret.replace("dks_", "dks-"), ..pair };
    assert_eq!(fixture.rejection(end, &guess).await, Reply::Unknown);
}

async fn a_rotated_out_secret_is_rejected_from_the_answer_on(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let first = fixture.generate(0).await;
    let token = fixture.issue_token(50, &first).await;
    let second = fixture.rotate(60, &first, NO_GRACE).await;
    assert_eq!(second.id, first.id);
    for service in [&fixture.service, &other] {
        assert_eq!(exchange(service, 60, &first).await.unwrap_err(), Reply::Rotated(time(60)));
        let issued = exchange(service, 60, &second).await.unwrap();
        assert_eq!(issued.secret_expires_at, Some(time(60 + 30 * DAY)));
        // Tokens issued before live out their time.
        assert!(crate::fixture::accepts(service, 349, &token).await);
    }
    let third = fixture.rotate(70, &second, NO_GRACE).await;
    assert_eq!(fixture.rejection(80, &first).await, Reply::Rotated(time(60)));
    assert_eq!(fixture.rejection(80, &second).await, Reply::Rotated(time(70)));
    fixture.issue_token(80, &third).await;
}

async fn a_grace_lets_both_secrets_work_and_tells_them_apart(fixture: Fixture) {
    let first = fixture.generate(0).await;
    let grace = RotateKey { grace_seconds: DAY, end_issued_tokens: false };
    let second = fixture.rotate(100, &first, grace).await;
    let by_grace = exchange(&fixture.service, 200, &first).await.unwrap();
    assert_eq!(by_grace.secret_expires_at, Some(time(100 + DAY)));
    let by_secret = exchange(&fixture.service, 200, &second).await.unwrap();
    assert_eq!(by_secret.secret_expires_at, Some(time(100 + 30 * DAY)));
    assert!(fixture.accepts(201, &by_grace.access_token).await);

    fixture.service.keys().flush_usage(&at(201)).await.unwrap();
    let overview = fixture.service.keys().get(&fixture.admin, &first.id).await.unwrap();
    assert_eq!(overview.key.running_grace(time(200)).unwrap().until, time(100 + DAY));
    let mut reader = fixture.service.store().reader().await.unwrap();
    let days = reader.key_days(&overview.key.id, 0).await.unwrap();
    assert_eq!(
        days.iter().map(|day| (day.exchanges, day.grace_exchanges, day.api_calls)).collect::<Vec<_>>(),
        [(2, 1, 1)]
    );
    let sources = reader.key_sources(&overview.key.id, time(0)).await.unwrap();
    let mut previous: Vec<_> =
        sources.iter().map(|source| (source.previous_secret, source.address.as_str())).collect();
    previous.sort_unstable();
    assert_eq!(previous, [(false, "192.0.2.7"), (true, "192.0.2.7")]);

    exchange(&fixture.service, 100 + DAY - 1, &first).await.unwrap();
    assert_eq!(fixture.rejection(100 + DAY, &first).await, Reply::Rotated(time(100 + DAY)));
    fixture.issue_token(100 + DAY, &second).await;
    // A second rotation ends the first one's grace with the secret that it had.
    let third =
        fixture.rotate(200, &second, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    assert_eq!(fixture.rejection(201, &first).await, Reply::Rotated(time(200)));
    fixture.issue_token(201, &second).await;
    fixture.issue_token(201, &third).await;
}

async fn a_grace_ends_when_an_admin_says_so(fixture: Fixture) {
    let first = fixture.generate(0).await;
    let grace = RotateKey { grace_seconds: 7 * DAY, end_issued_tokens: false };
    let second = fixture.rotate(100, &first, grace).await;
    let ended = fixture.service.keys().end_grace(&at(200), &fixture.admin, &first.id).await.unwrap();
    assert_eq!(ended.key.grace, None);
    assert_eq!(fixture.rejection(200, &first).await, Reply::Rotated(time(200)));
    fixture.issue_token(200, &second).await;
    let again = rejection_in(fixture.service.keys().end_grace(&at(201), &fixture.admin, &first.id).await);
    assert_eq!(again, Rejection::Conflict("no grace runs: the previous secret does not work already".into()));
    let too_long = RotateKey { grace_seconds: 7 * DAY + 1, end_issued_tokens: false };
    let rejection =
        rejection_in(fixture.service.keys().rotate(&at(202), &fixture.admin, &first.id, too_long).await);
    assert!(
        matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == "graceSeconds"),
        "{rejection:?}"
    );
    fixture.issue_token(203, &second).await;
}

async fn ending_issued_tokens_rejects_them_at_once_and_spares_later_ones(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let first = fixture.generate(0).await;
    let token = fixture.issue_token(100, &first).await;
    assert!(fixture.accepts(100, &token).await);
    let leak = RotateKey { grace_seconds: HOUR, end_issued_tokens: true };
    let second = fixture.rotate(100, &first, leak).await;
    let why = "an Admin ended the tokens issued before the key's last rotation";
    assert_eq!(reason(&fixture.service, 100, &token).await, why);
    assert_eq!(reason(&other, 100, &token).await, why);
    // Issued in the same second, after the rotation.
    for pair in [&first, &second] {
        assert!(fixture.accepts(100, &fixture.issue_token(100, pair).await).await);
    }
}

async fn an_expired_key_comes_back_by_rotation_only_into_a_free_place(fixture: Fixture) {
    let expired = fixture.generate(0).await;
    let later = 31 * DAY;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(fixture.generate(later).await);
    }
    let full = fixture.service.keys().rotate(&at(later), &fixture.admin, &expired.id, NO_GRACE).await;
    assert!(matches!(rejection_in(full), Rejection::LimitReached { limit: 10, .. }));
    assert_eq!(fixture.rejection(later, &expired).await, Reply::Expired(time(30 * DAY)));
    // Rotating an Active key needs no place.
    let rotated = fixture.rotate(later, &others[0], NO_GRACE).await;
    fixture.issue_token(later, &rotated).await;

    fixture.revoke(later, &others[1]).await;
    let grace = RotateKey { grace_seconds: HOUR, end_issued_tokens: false };
    let back = fixture.rotate(later, &expired, grace).await;
    fixture.issue_token(later, &back).await;
    assert_eq!(fixture.rejection(later, &expired).await, Reply::Rotated(time(later)));
    assert!(matches!(
        rejection_in(generate(&fixture.service, &fixture.admin, later).await),
        Rejection::LimitReached { .. }
    ));
}

async fn a_revoked_key_leaves_its_last_digest_and_nothing_else(fixture: Fixture) {
    let other = fixture.another_node(0).await;
    let first = fixture.generate(0).await;
    let second = fixture.rotate(10, &first, NO_GRACE).await;
    let third =
        fixture.rotate(20, &second, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    let token = fixture.issue_token(30, &third).await;
    fixture.service.keys().flush_usage(&at(30)).await.unwrap();
    fixture.revoke(40, &third).await;
    for service in [&fixture.service, &other] {
        assert_eq!(reason(service, 40, &token).await, "the API key of this token was revoked");
        assert_eq!(exchange(service, 40, &third).await.unwrap_err(), Reply::Revoked(time(40)));
        for former in [&first, &second] {
            assert_eq!(exchange(service, 40, former).await.unwrap_err(), Reply::Unknown);
        }
    }
    let gone = Rejection::NotFound { kind: "API key", id: third.id.clone() };
    let service = &fixture.service;
    assert_eq!(rejection_in(service.keys().get(&fixture.admin, &third.id).await), gone);
    assert_eq!(rejection_in(service.keys().revoke(&at(41), &fixture.admin, &third.id).await), gone);
    assert_eq!(rejection_in(service.keys().rotate(&at(41), &fixture.admin, &third.id, NO_GRACE).await), gone);
    assert_eq!(rejection_in(service.keys().end_grace(&at(41), &fixture.admin, &third.id).await), gone);
    let dump = fixture.database.dump().await;
    let left = dump.lines().filter(|line| line.contains(&third.id) && !line.starts_with("audit_events"));
    let left: Vec<_> = left.collect();
    assert!(
        matches!(left[..], [line] if line.starts_with("retired_secrets: ") && line.contains("revoked")),
        "{left:?}"
    );
}

async fn a_rejection_of_an_eleventh_key_names_those_that_could_go(fixture: Fixture) {
    let mut pairs = Vec::new();
    for number in 0..10 {
        let input = GenerateKey { label: format!("Key {number}"), expires_in_days: None };
        let generated = fixture.service.keys().generate(&at(number), &fixture.admin, &input).await.unwrap();
        pairs.push(Pair::from(generated));
    }
    // All but two have been used: some written, some not yet.
    for (second, number) in [(100, 1), (90, 2), (120, 3), (110, 4), (130, 6), (140, 8)] {
        fixture.issue_token(second, &pairs[number]).await;
    }
    fixture.service.keys().flush_usage(&at(200)).await.unwrap();
    for (second, number) in [(300, 0), (310, 9)] {
        fixture.issue_token(second, &pairs[number]).await;
    }
    let rejection = rejection_in(generate(&fixture.service, &fixture.admin, 400).await);
    let Rejection::LimitReached { limit: 10, candidates } = &rejection else { panic!("{rejection:?}") };
    let labels: Vec<_> = candidates.iter().map(|candidate| candidate.label.as_str()).collect();
    assert_eq!(
        labels,
        ["Key 5", "Key 7", "Key 2", "Key 1", "Key 4", "Key 3", "Key 6", "Key 8", "Key 0", "Key 9"]
    );
    assert_eq!(candidates[2].last_used_at, Some(time(90)));
    let message = rejection.message();
    let expected = format!(
        "all 10 places for Active keys are taken; revoke one that is not needed any more, for example: \
         Key 5 ({}, never used), Key 7 ({}, never used), Key 2 ({}, last used {})",
        pairs[5].id,
        pairs[7].id,
        pairs[2].id,
        time(90)
    );
    assert_eq!(message, expected);
}

async fn an_organisations_policy_bounds_new_and_rotated_keys(fixture: Fixture) {
    let (service, admin) = (&fixture.service, &fixture.admin);
    let long = service
        .keys()
        .generate(&at(0), admin, &GenerateKey { label: "Long".into(), expires_in_days: Some(365) })
        .await
        .unwrap();
    service.organisations().set_key_policy(&at(1), admin, 7, 30).await.unwrap();
    let input = |days| GenerateKey { label: "CI".into(), expires_in_days: days };
    let by_default = service.keys().generate(&at(2), admin, &input(None)).await.unwrap();
    assert_eq!(by_default.key.expires_at, time(2 + 7 * DAY));
    service.keys().generate(&at(2), admin, &input(Some(30))).await.unwrap();
    let rejection = rejection_in(service.keys().generate(&at(2), admin, &input(Some(31))).await);
    assert_eq!(rejection.message(), "expiresInDays: this organisation allows at most 30 days; 31 is more");
    let id = long.key.id.as_str().to_owned();
    let rotated = service.keys().rotate(&at(3), admin, &id, NO_GRACE).await.unwrap();
    assert_eq!(rotated.key.expires_at, time(3 + 30 * DAY));
    for (default, maximum) in [(31, 30), (0, 30), (7, 366)] {
        let rejection =
            rejection_in(service.organisations().set_key_policy(&at(4), admin, default, maximum).await);
        assert!(matches!(rejection, Rejection::Invalid(_)), "{rejection:?}");
    }
}

async fn labels_and_lifetimes_are_checked(fixture: Fixture) {
    let before = fixture.database.dump().await;
    for (label, days, field) in [
        ("", None, "label"),
        ("   ", None, "label"),
        ("\u{200b}", None, "label"),
        (&*"x".repeat(65), None, "label"),
        ("CI", Some(0), "expiresInDays"),
        ("CI", Some(366), "expiresInDays"),
        ("CI", Some(i64::MIN), "expiresInDays"),
    ] {
        let input = GenerateKey { label: label.into(), expires_in_days: days };
        let rejection = rejection_in(fixture.service.keys().generate(&at(0), &fixture.admin, &input).await);
        assert!(matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == field), "{rejection:?}");
    }
    assert_eq!(fixture.database.dump().await, before);
    let longest = GenerateKey { label: format!(" {} ", "ü".repeat(64)), expires_in_days: Some(365) };
    let generated = fixture.service.keys().generate(&at(0), &fixture.admin, &longest).await.unwrap();
    assert_eq!(generated.key.label.as_str(), "ü".repeat(64));
    assert_eq!(generated.key.created_by, crate::fixture::ADA);
    assert_eq!(generated.key.expires_at, time(365 * DAY));
}

async fn a_renamed_key_changes_its_label_and_nothing_else(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(1, &pair).await;
    let keys = fixture.service.keys();
    let before = keys.get(&fixture.admin, &pair.id).await.unwrap().key;
    let renamed = keys.rename(&at(2), &fixture.admin, &pair.id, "  Nightly build ").await.unwrap().key;
    assert_eq!(renamed.label.as_str(), "Nightly build");
    assert_eq!(domain::ApiKey { label: before.label.clone(), ..renamed }, before);
    assert!(fixture.accepts(3, &token).await);
    fixture.issue_token(3, &pair).await;
    // Two keys may have one label, and an expired key has one, too.
    let other = fixture.generate(4).await;
    keys.rename(&at(40 * DAY), &fixture.admin, &other.id, "Nightly build").await.unwrap();
    for label in ["", " \u{200b}", &"x".repeat(65)] {
        let rejection = rejection_in(keys.rename(&at(5), &fixture.admin, &pair.id, label).await);
        assert!(
            matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == "label"),
            "{rejection:?}"
        );
    }
    fixture.revoke(6, &pair).await;
    let gone = Rejection::NotFound { kind: "API key", id: pair.id.clone() };
    assert_eq!(rejection_in(keys.rename(&at(7), &fixture.admin, &pair.id, "CI").await), gone);
    let label = keys.find_revoked_label(&fixture.admin, &pair.id).await.unwrap();
    assert_eq!(label.as_deref(), Some("Nightly build"));
    assert_eq!(keys.find_revoked_label(&fixture.admin, &other.id).await.unwrap(), None);
    assert_eq!(keys.find_revoked_label(&fixture.outsider, &pair.id).await.unwrap(), None);
}
