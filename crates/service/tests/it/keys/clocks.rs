//! Clocks that jump: nothing panics, and what was ended stays ended.

use crate::{
    fixture::{
        ADA, DAY, Fixture, HOUR, NO_GRACE, Reply, at, generate, on_both_engines, open, policy, reason,
        rejection_in, time,
    },
    users::browser::{Post, asks_for_link},
};
use domain::Timestamp;
use service::{Policy, Rejection, RequestContext, Service, keys::RotateKey};

on_both_engines!(
    what_was_ended_stays_ended_when_the_clock_is_set_back,
    a_clock_that_runs_ahead_closes_and_a_clock_that_comes_back_opens,
    a_clock_before_everything_still_serves,
    a_clock_that_nothing_confirms_forgets_warns_and_replaces_nothing,
    a_token_whose_revocation_was_forgotten_is_rejected,
    no_time_makes_anything_panic,
);

async fn what_was_ended_stays_ended_when_the_clock_is_set_back(fixture: Fixture) {
    let (first, doomed) = (fixture.generate(0).await, fixture.generate(0).await);
    let ended = fixture.issue_token(100, &first).await;
    let second = fixture.rotate(100, &first, RotateKey { grace_seconds: 0, end_issued_tokens: true }).await;
    let revoked_token = fixture.issue_token(100, &second).await;
    fixture.service.tokens().revoke(&at(100), second.credential(), &revoked_token).await.unwrap();
    let orphan = fixture.issue_token(100, &doomed).await;
    fixture.revoke(100, &doomed).await;
    // The clock jumps ahead for a while; what is due every minute and every day is done there.
    for ahead in [HOUR, 10 * HOUR] {
        fixture.service.operations().every_minute(&at(100 + ahead)).await.unwrap();
        fixture.service.operations().every_day(&at(100 + ahead)).await.unwrap();
    }
    for now in [101, 100, 99] {
        assert_eq!(fixture.rejection(now, &first).await, Reply::Rotated(time(100)));
        assert_eq!(fixture.rejection(now, &doomed).await, Reply::Revoked(time(100)));
        for token in [&ended, &revoked_token, &orphan] {
            assert!(!fixture.accepts(now, token).await);
        }
        assert_eq!(reason(&fixture.service, now, &revoked_token).await, "the token was revoked");
        fixture.issue_token(now, &second).await;
    }
}

async fn a_clock_that_runs_ahead_closes_and_a_clock_that_comes_back_opens(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(100, &pair).await;
    let ahead = 31 * DAY;
    assert_eq!(fixture.rejection(ahead, &pair).await, Reply::Expired(time(30 * DAY)));
    assert!(!fixture.accepts(ahead, &token).await);
    // A token that was issued ahead of time is not good before its time.
    let later = generate(&fixture.service, &fixture.admin, 10 * HOUR).await.unwrap();
    let early = fixture.issue_token(10 * HOUR, &later).await;
    assert!(fixture.accepts(101, &token).await);
    assert!(!fixture.accepts(101, &early).await);
    fixture.issue_token(101, &pair).await;
}

/// A node that believes no clock which is an hour off, and sends mail.
async fn careful_node(fixture: &Fixture) -> Service {
    let careful = Policy { clock_tolerance_seconds: HOUR, ..policy() };
    let node = open(&fixture.database, &fixture.master_key, careful, 0).await;
    Post::of(&node);
    node
}

async fn a_clock_that_nothing_confirms_forgets_warns_and_replaces_nothing(fixture: Fixture) {
    // Something of everything that is forgotten, warned of or replaced: a revoked token, counters, a mail, a link, keys.
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(0, &pair).await;
    fixture.service.tokens().revoke(&at(0), pair.credential(), &token).await.unwrap();
    fixture.service.keys().flush_usage(&at(0)).await.unwrap();
    Post::of(&fixture.service).set_down(true);
    asks_for_link(&fixture.service, 0, ADA).await;
    fixture.service.operations().every_minute(&at(0)).await.unwrap();
    let node = careful_node(&fixture).await;
    let before = fixture.database.dump().await;
    let ahead = 20 * DAY;
    node.operations().every_minute(&at(ahead)).await.unwrap();
    assert!(!node.operations().every_day(&at(500 * DAY)).await.unwrap());
    assert_eq!(fixture.database.dump().await, before);
    if fixture.service.store().engine() == "postgres" {
        // The server's clock decides, however long another runs.
        let now = fixture.service.store().server_facts().await.unwrap().unwrap().now;
        assert!(node.operations().every_day(&RequestContext { now, ..at(0) }).await.unwrap());
        return;
    }
    for minute in 1..60 {
        node.operations().every_minute(&at(ahead + 60 * minute)).await.unwrap();
    }
    assert_eq!(fixture.database.dump().await, before);
    node.operations().every_minute(&at(ahead + HOUR)).await.unwrap();
    assert_ne!(
        fixture.database.dump().await,
        before,
        "it ran steadily for an hour, and nobody else was there"
    );
    assert!(!fixture.accepts(1, &token).await);
}

async fn a_token_whose_revocation_was_forgotten_is_rejected(fixture: Fixture) {
    let (pair, other) = (fixture.generate(0).await, fixture.generate(0).await);
    let (revoked, good) = (fixture.issue_token(0, &pair).await, fixture.issue_token(2, &other).await);
    let user = fixture.service.tokens().issue_for_user(&at(0), "root", ADA, None).await.unwrap();
    fixture.service.tokens().revoke(&at(1), pair.credential(), &revoked).await.unwrap();
    // Believed though it is three days ahead.
    fixture.service.operations().every_minute(&at(3 * DAY)).await.unwrap();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM revoked_tokens WHERE token_id <> ''").await, 0);
    for token in [&revoked, &good, &user] {
        assert_eq!(reason(&fixture.service, 3, token).await, "the token was revoked");
    }
    // Tokens that outlive what was forgotten are good, and so are all after every signing key was replaced.
    let later = fixture.issue_token(3 * DAY, &pair).await;
    assert!(fixture.accepts(3 * DAY, &later).await);
    fixture
        .service
        .operations()
        .end_all_access(&at(4), &service::tokens::signing_keys::operator("root"))
        .await
        .unwrap();
    let anew = fixture.issue_token(5, &pair).await;
    assert!(fixture.accepts(5, &anew).await);
    assert!(!fixture.accepts(5, &revoked).await);
}

async fn a_clock_before_everything_still_serves(fixture: Fixture) {
    let before = -10 * HOUR;
    let pair = fixture.generate(0).await;
    let token = fixture.issue_token(before, &pair).await;
    assert!(fixture.accepts(before, &token).await);
    let rotated =
        fixture.rotate(before, &pair, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    fixture.issue_token(before, &rotated).await;
    fixture.issue_token(before, &pair).await;
    assert_eq!(fixture.rejection(0, &pair).await, Reply::Rotated(time(before + HOUR)));
    fixture.service.operations().every_minute(&at(before)).await.unwrap();
    assert_eq!(fixture.service.tokens().list_signing_keys(&at(before)).await.unwrap().len(), 1);
    let damage =
        fixture.service.audit_log().verify(None).await.unwrap().into_iter().find_map(|report| report.damage);
    assert_eq!(damage, None);
}

async fn no_time_makes_anything_panic(fixture: Fixture) {
    let pair = fixture.generate(0).await;
    for now in [i64::MIN, i64::MIN + 1, -1, 0, 1, 1 << 48, i64::MAX / 1000, i64::MAX - 1, i64::MAX] {
        let ctx = RequestContext { now: Timestamp::from_ms(now), ..at(0) };
        if let Ok(issued) = fixture.service.tokens().issue_for_client(&ctx, pair.credential(), "").await {
            let principal = fixture.service.tokens().authenticate(&ctx, &issued.access_token).await.unwrap();
            assert_eq!(principal.organisation_id, fixture.acme.id);
        }
        let input = service::keys::GenerateKey { label: "CI".into(), expires_in_days: Some(1) };
        match fixture.service.keys().generate(&ctx, &fixture.operator, &input).await {
            Ok(generated) => {
                let id = generated.key.id.as_str();
                fixture.service.keys().rotate(&ctx, &fixture.operator, id, NO_GRACE).await.unwrap();
                fixture.service.keys().revoke(&ctx, &fixture.operator, id).await.unwrap();
            }
            rejected => {
                assert!(matches!(
                    rejection_in(rejected),
                    Rejection::Invalid(_) | Rejection::LimitReached { .. }
                ));
            }
        }
        fixture.service.tokens().issue_for_user(&ctx, "root", crate::fixture::MAX, None).await.unwrap();
        fixture.service.keys().flush_usage(&ctx).await.unwrap();
        fixture.service.operations().every_minute(&ctx).await.unwrap();
        fixture.service.operations().every_day(&ctx).await.unwrap();
        fixture.service.tokens().list_signing_keys(&ctx).await.unwrap();
    }
    let damage =
        fixture.service.audit_log().verify(None).await.unwrap().into_iter().find_map(|report| report.damage);
    assert_eq!(damage, None);
}
