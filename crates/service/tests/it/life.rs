//! The life of a key, one use case after the other.

use crate::house::{
    DAY, HOUR, House, NO_GRACE, Pair, Told, at, exchange, generate, on_both_engines, reason, rejected, time,
};
use service::{
    Reject,
    keys::{GenerateKey, RotateKey},
};

on_both_engines!(
    a_generated_key_buys_tokens_until_it_expires,
    a_rotated_out_secret_is_refused_from_the_answer_on,
    a_grace_lets_both_secrets_work_and_tells_them_apart,
    a_grace_ends_when_an_admin_says_so,
    ending_issued_tokens_refuses_them_at_once_and_spares_later_ones,
    an_expired_key_comes_back_by_rotation_only_into_a_free_place,
    a_revoked_key_leaves_its_last_digest_and_nothing_else,
    a_refusal_of_an_eleventh_key_names_those_that_could_go,
    an_organisations_policy_bounds_new_and_rotated_keys,
    labels_and_lifetimes_are_checked,
);

async fn a_generated_key_buys_tokens_until_it_expires(house: House) {
    let pair = house.generate(0).await;
    let bought = exchange(&house.service, 10, &pair).await.unwrap();
    assert_eq!((bought.window.issued_at, bought.window.seconds()), (time(10).seconds(), 300));
    assert_eq!(bought.secret_expires_at, time(30 * DAY));
    assert!(house.accepts(309, &bought.access_token).await);
    assert!(!house.accepts(310, &bought.access_token).await);

    let end = 30 * DAY;
    let last = exchange(&house.service, end - 100, &pair).await.unwrap();
    assert_eq!(last.window.seconds(), 100);
    assert!(house.accepts(end - 1, &last.access_token).await);
    assert!(!house.accepts(end, &last.access_token).await);
    assert_eq!(house.refusal(end, &pair).await, Told::Expired(time(end)));
    // A stranger's guess learns nothing of that.
    let guess = Pair { secret: pair.secret.replace("dks_", "dks-"), ..pair };
    assert_eq!(house.refusal(end, &guess).await, Told::Unknown);
}

async fn a_rotated_out_secret_is_refused_from_the_answer_on(house: House) {
    let other = house.another_node(0).await;
    let first = house.generate(0).await;
    let token = house.buy(50, &first).await;
    let second = house.rotate(60, &first, NO_GRACE).await;
    assert_eq!(second.id, first.id);
    for service in [&house.service, &other] {
        assert_eq!(exchange(service, 60, &first).await.unwrap_err(), Told::Rotated(time(60)));
        let bought = exchange(service, 60, &second).await.unwrap();
        assert_eq!(bought.secret_expires_at, time(60 + 30 * DAY));
        // Tokens bought before live out their time.
        assert!(crate::house::accepts(service, 349, &token).await);
    }
    let third = house.rotate(70, &second, NO_GRACE).await;
    assert_eq!(house.refusal(80, &first).await, Told::Rotated(time(60)));
    assert_eq!(house.refusal(80, &second).await, Told::Rotated(time(70)));
    house.buy(80, &third).await;
}

async fn a_grace_lets_both_secrets_work_and_tells_them_apart(house: House) {
    let first = house.generate(0).await;
    let grace = RotateKey { grace_seconds: DAY, end_issued_tokens: false };
    let second = house.rotate(100, &first, grace).await;
    let by_grace = exchange(&house.service, 200, &first).await.unwrap();
    assert_eq!(by_grace.secret_expires_at, time(100 + DAY));
    let by_secret = exchange(&house.service, 200, &second).await.unwrap();
    assert_eq!(by_secret.secret_expires_at, time(100 + 30 * DAY));
    assert!(house.accepts(201, &by_grace.access_token).await);

    house.service.flush_usage(&at(201)).await.unwrap();
    let overview = house.service.get_key(&house.admin, &first.id).await.unwrap();
    assert_eq!(overview.key.running_grace(time(200)).unwrap().until, time(100 + DAY));
    let mut session = house.service.store().reader().await.unwrap();
    let days = session.key_days(&overview.key.id, 0).await.unwrap();
    assert_eq!(
        days.iter().map(|day| (day.exchanges, day.grace_exchanges, day.api_calls)).collect::<Vec<_>>(),
        [(2, 1, 1)]
    );
    let sources = session.key_sources(&overview.key.id, time(0)).await.unwrap();
    let mut previous: Vec<_> =
        sources.iter().map(|source| (source.previous_secret, source.address.as_str())).collect();
    previous.sort_unstable();
    assert_eq!(previous, [(false, "192.0.2.7"), (true, "192.0.2.7")]);

    exchange(&house.service, 100 + DAY - 1, &first).await.unwrap();
    assert_eq!(house.refusal(100 + DAY, &first).await, Told::Rotated(time(100)));
    house.buy(100 + DAY, &second).await;
    // A second rotation ends the first one's grace with the secret that it had.
    let third = house.rotate(200, &second, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    assert_eq!(house.refusal(201, &first).await, Told::Rotated(time(100)));
    house.buy(201, &second).await;
    house.buy(201, &third).await;
}

async fn a_grace_ends_when_an_admin_says_so(house: House) {
    let first = house.generate(0).await;
    let grace = RotateKey { grace_seconds: 7 * DAY, end_issued_tokens: false };
    let second = house.rotate(100, &first, grace).await;
    let ended = house.service.end_grace(&at(200), &house.admin, &first.id).await.unwrap();
    assert_eq!(ended.key.grace, None);
    assert_eq!(house.refusal(200, &first).await, Told::Rotated(time(100)));
    house.buy(200, &second).await;
    let again = rejected(house.service.end_grace(&at(201), &house.admin, &first.id).await);
    assert_eq!(again, Reject::Conflict("no grace runs: the previous secret does not work already".into()));
    let too_long = RotateKey { grace_seconds: 7 * DAY + 1, end_issued_tokens: false };
    let refusal = rejected(house.service.rotate_key(&at(202), &house.admin, &first.id, too_long).await);
    assert!(matches!(&refusal, Reject::Invalid(invalid) if invalid.field == "graceSeconds"), "{refusal:?}");
    house.buy(203, &second).await;
}

async fn ending_issued_tokens_refuses_them_at_once_and_spares_later_ones(house: House) {
    let other = house.another_node(0).await;
    let first = house.generate(0).await;
    let token = house.buy(100, &first).await;
    assert!(house.accepts(100, &token).await);
    let leak = RotateKey { grace_seconds: HOUR, end_issued_tokens: true };
    let second = house.rotate(100, &first, leak).await;
    let why = "an Admin ended the tokens issued before the key's last rotation";
    assert_eq!(reason(&house.service, 100, &token).await, why);
    assert_eq!(reason(&other, 100, &token).await, why);
    // Bought in the same second, after the rotation.
    for pair in [&first, &second] {
        assert!(house.accepts(100, &house.buy(100, pair).await).await);
    }
}

async fn an_expired_key_comes_back_by_rotation_only_into_a_free_place(house: House) {
    let expired = house.generate(0).await;
    let later = 31 * DAY;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(house.generate(later).await);
    }
    let full = house.service.rotate_key(&at(later), &house.admin, &expired.id, NO_GRACE).await;
    assert!(matches!(rejected(full), Reject::LimitReached { limit: 10, .. }));
    assert_eq!(house.refusal(later, &expired).await, Told::Expired(time(30 * DAY)));
    // Rotating an Active key needs no place.
    let rotated = house.rotate(later, &others[0], NO_GRACE).await;
    house.buy(later, &rotated).await;

    house.revoke(later, &others[1]).await;
    let grace = RotateKey { grace_seconds: HOUR, end_issued_tokens: false };
    let back = house.rotate(later, &expired, grace).await;
    house.buy(later, &back).await;
    assert_eq!(house.refusal(later, &expired).await, Told::Rotated(time(later)));
    assert!(matches!(
        rejected(generate(&house.service, &house.admin, later).await),
        Reject::LimitReached { .. }
    ));
}

async fn a_revoked_key_leaves_its_last_digest_and_nothing_else(house: House) {
    let other = house.another_node(0).await;
    let first = house.generate(0).await;
    let second = house.rotate(10, &first, NO_GRACE).await;
    let third = house.rotate(20, &second, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    let token = house.buy(30, &third).await;
    house.service.flush_usage(&at(30)).await.unwrap();
    house.revoke(40, &third).await;
    for service in [&house.service, &other] {
        assert_eq!(reason(service, 40, &token).await, "the API key of this token was revoked");
        assert_eq!(exchange(service, 40, &third).await.unwrap_err(), Told::Revoked(time(40)));
        for former in [&first, &second] {
            assert_eq!(exchange(service, 40, former).await.unwrap_err(), Told::Unknown);
        }
    }
    let gone = Reject::NotFound { kind: "API key", id: third.id.clone() };
    let service = &house.service;
    assert_eq!(rejected(service.get_key(&house.admin, &third.id).await), gone);
    assert_eq!(rejected(service.revoke_key(&at(41), &house.admin, &third.id).await), gone);
    assert_eq!(rejected(service.rotate_key(&at(41), &house.admin, &third.id, NO_GRACE).await), gone);
    assert_eq!(rejected(service.end_grace(&at(41), &house.admin, &third.id).await), gone);
    let dump = house.database.dump().await;
    let left = dump.lines().filter(|line| line.contains(&third.id) && !line.starts_with("audit_events"));
    let left: Vec<_> = left.collect();
    assert!(
        matches!(left[..], [line] if line.starts_with("retired_secrets: ") && line.contains("revoked")),
        "{left:?}"
    );
}

async fn a_refusal_of_an_eleventh_key_names_those_that_could_go(house: House) {
    let mut pairs = Vec::new();
    for number in 0..10 {
        let input = GenerateKey { label: format!("Key {number}"), expires_in_days: None };
        let generated = house.service.generate_key(&at(number), &house.admin, &input).await.unwrap();
        pairs.push(Pair::from(generated));
    }
    // All but two have been used: some written, some not yet.
    for (second, number) in [(100, 1), (90, 2), (120, 3), (110, 4), (130, 6), (140, 8)] {
        house.buy(second, &pairs[number]).await;
    }
    house.service.flush_usage(&at(200)).await.unwrap();
    for (second, number) in [(300, 0), (310, 9)] {
        house.buy(second, &pairs[number]).await;
    }
    let refusal = rejected(generate(&house.service, &house.admin, 400).await);
    let Reject::LimitReached { limit: 10, candidates } = &refusal else { panic!("{refusal:?}") };
    let labels: Vec<_> = candidates.iter().map(|candidate| candidate.label.as_str()).collect();
    assert_eq!(
        labels,
        ["Key 5", "Key 7", "Key 2", "Key 1", "Key 4", "Key 3", "Key 6", "Key 8", "Key 0", "Key 9"]
    );
    assert_eq!(candidates[2].last_used_at, Some(time(90)));
    let message = refusal.message();
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

async fn an_organisations_policy_bounds_new_and_rotated_keys(house: House) {
    let (service, admin) = (&house.service, &house.admin);
    let long = service
        .generate_key(&at(0), admin, &GenerateKey { label: "Long".into(), expires_in_days: Some(365) })
        .await
        .unwrap();
    service.set_key_policy(&at(1), admin, 7, 30).await.unwrap();
    let input = |days| GenerateKey { label: "CI".into(), expires_in_days: days };
    let by_default = service.generate_key(&at(2), admin, &input(None)).await.unwrap();
    assert_eq!(by_default.key.expires_at, time(2 + 7 * DAY));
    service.generate_key(&at(2), admin, &input(Some(30))).await.unwrap();
    let refusal = rejected(service.generate_key(&at(2), admin, &input(Some(31))).await);
    assert_eq!(refusal.message(), "expiresInDays: this organisation allows at most 30 days; 31 is more");
    let id = long.key.id.as_str().to_owned();
    let rotated = service.rotate_key(&at(3), admin, &id, NO_GRACE).await.unwrap();
    assert_eq!(rotated.key.expires_at, time(3 + 30 * DAY));
    for (default, maximum) in [(31, 30), (0, 30), (7, 366)] {
        let refusal = rejected(service.set_key_policy(&at(4), admin, default, maximum).await);
        assert!(matches!(refusal, Reject::Invalid(_)), "{refusal:?}");
    }
}

async fn labels_and_lifetimes_are_checked(house: House) {
    let before = house.database.dump().await;
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
        let refusal = rejected(house.service.generate_key(&at(0), &house.admin, &input).await);
        assert!(matches!(&refusal, Reject::Invalid(invalid) if invalid.field == field), "{refusal:?}");
    }
    assert_eq!(house.database.dump().await, before);
    let longest = GenerateKey { label: format!(" {} ", "ü".repeat(64)), expires_in_days: Some(365) };
    let generated = house.service.generate_key(&at(0), &house.admin, &longest).await.unwrap();
    assert_eq!(generated.key.label.as_str(), "ü".repeat(64));
    assert_eq!(generated.key.created_by, crate::house::ADA);
    assert_eq!(generated.key.expires_at, time(365 * DAY));
}
