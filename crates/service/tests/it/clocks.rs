//! Clocks that jump: nothing panics, and what was ended stays ended.

use crate::{
    browser::{Post, asks_for_link},
    house::{
        ADA, DAY, HOUR, House, NO_GRACE, Told, at, generate, on_both_engines, open, policy, reason, rejected,
        time,
    },
};
use domain::Timestamp;
use service::{Ctx, Policy, Reject, Service, keys::RotateKey};

on_both_engines!(
    what_was_ended_stays_ended_when_the_clock_is_set_back,
    a_clock_that_runs_ahead_closes_and_a_clock_that_comes_back_opens,
    a_clock_before_everything_still_serves,
    a_clock_that_nothing_confirms_forgets_warns_and_replaces_nothing,
    a_token_whose_revocation_was_forgotten_is_refused,
    no_time_makes_anything_panic,
);

async fn what_was_ended_stays_ended_when_the_clock_is_set_back(house: House) {
    let (first, doomed) = (house.generate(0).await, house.generate(0).await);
    let ended = house.buy(100, &first).await;
    let second = house.rotate(100, &first, RotateKey { grace_seconds: 0, end_issued_tokens: true }).await;
    let revoked_token = house.buy(100, &second).await;
    house.service.revoke_token(&at(100), second.credential(), &revoked_token).await.unwrap();
    let orphan = house.buy(100, &doomed).await;
    house.revoke(100, &doomed).await;
    // The clock jumps ahead for a while; what is due every minute and every day is done there.
    for ahead in [HOUR, 10 * HOUR] {
        house.service.every_minute(&at(100 + ahead)).await.unwrap();
        house.service.every_day(&at(100 + ahead)).await.unwrap();
    }
    for now in [101, 100, 99] {
        assert_eq!(house.refusal(now, &first).await, Told::Rotated(time(100)));
        assert_eq!(house.refusal(now, &doomed).await, Told::Revoked(time(100)));
        for token in [&ended, &revoked_token, &orphan] {
            assert!(!house.accepts(now, token).await);
        }
        assert_eq!(reason(&house.service, now, &revoked_token).await, "the token was revoked");
        house.buy(now, &second).await;
    }
}

async fn a_clock_that_runs_ahead_closes_and_a_clock_that_comes_back_opens(house: House) {
    let pair = house.generate(0).await;
    let token = house.buy(100, &pair).await;
    let ahead = 31 * DAY;
    assert_eq!(house.refusal(ahead, &pair).await, Told::Expired(time(30 * DAY)));
    assert!(!house.accepts(ahead, &token).await);
    // A token that was bought ahead of time is not good before its time.
    let later = generate(&house.service, &house.admin, 10 * HOUR).await.unwrap();
    let early = house.buy(10 * HOUR, &later).await;
    assert!(house.accepts(101, &token).await);
    assert!(!house.accepts(101, &early).await);
    house.buy(101, &pair).await;
}

/// A node that believes no clock which is an hour off, and sends mail.
async fn careful_node(house: &House) -> Service {
    let careful = Policy { clock_tolerance_seconds: HOUR, ..policy() };
    let node = open(&house.database, &house.master_key, careful, 0).await;
    Post::of(&node);
    node
}

async fn a_clock_that_nothing_confirms_forgets_warns_and_replaces_nothing(house: House) {
    // Something of everything that is forgotten, warned of or replaced: a revoked token, counters, a mail, a link, keys.
    let pair = house.generate(0).await;
    let token = house.buy(0, &pair).await;
    house.service.revoke_token(&at(0), pair.credential(), &token).await.unwrap();
    house.service.flush_usage(&at(0)).await.unwrap();
    Post::of(&house.service).set_down(true);
    asks_for_link(&house.service, 0, ADA).await;
    house.service.every_minute(&at(0)).await.unwrap();
    let node = careful_node(&house).await;
    let before = house.database.dump().await;
    let ahead = 20 * DAY;
    node.every_minute(&at(ahead)).await.unwrap();
    assert!(!node.every_day(&at(500 * DAY)).await.unwrap());
    assert_eq!(house.database.dump().await, before);
    if house.service.store().engine() == "postgres" {
        // The server's clock decides, however long another runs.
        let now = house.service.store().server_facts().await.unwrap().unwrap().now;
        assert!(node.every_day(&Ctx { now, ..at(0) }).await.unwrap());
        return;
    }
    for minute in 1..60 {
        node.every_minute(&at(ahead + 60 * minute)).await.unwrap();
    }
    assert_eq!(house.database.dump().await, before);
    node.every_minute(&at(ahead + HOUR)).await.unwrap();
    assert_ne!(house.database.dump().await, before, "it ran steadily for an hour, and nobody else was there");
    assert!(!house.accepts(1, &token).await);
}

async fn a_token_whose_revocation_was_forgotten_is_refused(house: House) {
    let (pair, other) = (house.generate(0).await, house.generate(0).await);
    let (revoked, good) = (house.buy(0, &pair).await, house.buy(2, &other).await);
    let person = house.service.issue_person_token(&at(0), "root", ADA, None).await.unwrap();
    house.service.revoke_token(&at(1), pair.credential(), &revoked).await.unwrap();
    // Believed though it is three days ahead.
    house.service.every_minute(&at(3 * DAY)).await.unwrap();
    assert_eq!(house.database.number("SELECT COUNT(*) FROM revoked_tokens WHERE token_id <> ''").await, 0);
    for token in [&revoked, &good, &person] {
        assert_eq!(reason(&house.service, 3, token).await, "the token was revoked");
    }
    // Tokens that outlive what was forgotten are good, and so are all after every signing key was replaced.
    let later = house.buy(3 * DAY, &pair).await;
    assert!(house.accepts(3 * DAY, &later).await);
    house.service.end_all_access(&at(4), &service::signing::operator("root")).await.unwrap();
    let anew = house.buy(5, &pair).await;
    assert!(house.accepts(5, &anew).await);
    assert!(!house.accepts(5, &revoked).await);
}

async fn a_clock_before_everything_still_serves(house: House) {
    let before = -10 * HOUR;
    let pair = house.generate(0).await;
    let token = house.buy(before, &pair).await;
    assert!(house.accepts(before, &token).await);
    let rotated =
        house.rotate(before, &pair, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    house.buy(before, &rotated).await;
    house.buy(before, &pair).await;
    assert_eq!(house.refusal(0, &pair).await, Told::Rotated(time(before)));
    house.service.every_minute(&at(before)).await.unwrap();
    assert_eq!(house.service.list_signing_keys(&at(before)).await.unwrap().len(), 1);
    let fault = house.service.verify_audit(None).await.unwrap().into_iter().find_map(|report| report.fault);
    assert_eq!(fault, None);
}

async fn no_time_makes_anything_panic(house: House) {
    let pair = house.generate(0).await;
    for now in [i64::MIN, i64::MIN + 1, -1, 0, 1, 1 << 48, i64::MAX / 1000, i64::MAX - 1, i64::MAX] {
        let ctx = Ctx { now: Timestamp::from_ms(now), ..at(0) };
        if let Ok(bought) = house.service.exchange(&ctx, pair.credential(), "").await {
            let principal = house.service.authenticate(&ctx, &bought.access_token).await.unwrap();
            assert_eq!(principal.organisation_id, house.acme.id);
        }
        let input = service::keys::GenerateKey { label: "CI".into(), expires_in_days: Some(1) };
        match house.service.generate_key(&ctx, &house.operator, &input).await {
            Ok(generated) => {
                let id = generated.key.id.as_str();
                house.service.rotate_key(&ctx, &house.operator, id, NO_GRACE).await.unwrap();
                house.service.revoke_key(&ctx, &house.operator, id).await.unwrap();
            }
            refused => assert!(matches!(rejected(refused), Reject::Invalid(_) | Reject::LimitReached { .. })),
        }
        house.service.issue_person_token(&ctx, "root", crate::house::MAX, None).await.unwrap();
        house.service.flush_usage(&ctx).await.unwrap();
        house.service.every_minute(&ctx).await.unwrap();
        house.service.every_day(&ctx).await.unwrap();
        house.service.list_signing_keys(&ctx).await.unwrap();
    }
    let fault = house.service.verify_audit(None).await.unwrap().into_iter().find_map(|report| report.fault);
    assert_eq!(fault, None);
}
