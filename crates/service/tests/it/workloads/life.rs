//! A key's life without a secret: it waits, is allowed, changed, ended, renewed and revoked, and every node knows at once.

use super::{GITHUB, Told, World, conditions, exchange, new_key, on_github, shop, verdict, world};
use crate::fixture::{ADA, Fixture, NO_GRACE, accepts, at, on_both_engines, policy, rejection_in};
use domain::workload::{Danger, Preset, RejectionReason as Reason};
use futures::future::join_all;
use jose::assertion::AssertionAlgorithm;
use serde_json::json;
use service::{
    Policy, Rejection,
    keys::identities::{NewConditions, NewIdentity, NewWorkload},
    tokens::client_authentication::ClientRejection,
};
use std::collections::BTreeSet;
use testkit::{Engine, TestIssuer};

on_both_engines!(
    a_waiting_key_is_allowed_exactly_the_run_that_an_admin_saw,
    what_differed_is_allowed_by_a_click_and_another_workload_is_not,
    one_token_is_exchanged_once_on_all_nodes_at_once,
    what_is_changed_or_ended_is_refused_at_the_next_request,
    a_secret_is_replaced_and_works_on_for_its_grace,
    an_organisation_without_secrets_makes_none,
    only_an_admin_decides,
    a_token_is_tried_without_being_used_up,
    attempts_are_few_and_those_of_the_waiting_hour,
    an_attempt_stays_the_run_that_an_admin_saw,
    nobody_pushes_the_run_of_another_out,
    an_attempt_of_a_former_issuer_is_not_allowed,
    an_expired_key_is_renewed,
    the_audit_log_says_in_which_run_something_was_done,
);

fn dangers() -> BTreeSet<Danger> {
    BTreeSet::new()
}

async fn a_waiting_key_is_allowed_exactly_the_run_that_an_admin_saw(fixture: Fixture) {
    let world = world(fixture).await;
    let (service, admin) = (&world.fixture.service, &world.fixture.admin);
    let key = world.key(on_github(None)).await;
    let outcome = world.exchange(10, &key, &world.token(10, &json!({}))).await;
    assert_eq!(verdict(outcome), Some((Reason::Pins, Told::ToWait)));
    // What is not for us, or not signed by that issuer, is not shown.
    let foreign = world.token(10, &json!({ "aud": "https://other.example", "repository": "evil/one" }));
    assert_eq!(verdict(world.exchange(10, &key, &foreign).await), Some((Reason::Audience, Told::Nothing)));
    let stranger = world.token(11, &json!({ "repository": "acme/shop-evil", "repository_id": "666" }));
    assert_eq!(verdict(world.exchange(11, &key, &stranger).await), Some((Reason::Pins, Told::ToWait)));
    let attempts = service.keys().attempts(admin, key.id.as_str()).await.unwrap();
    let named: Vec<_> = attempts
        .iter()
        .map(|attempt| {
            let claims: serde_json::Value = serde_json::from_str(&attempt.claims).unwrap();
            claims["repository"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(named, ["acme/shop-evil", "acme/shop"]);
    let seen = &attempts[1];
    service.keys().allow_attempt(&at(20), admin, key.id.as_str(), &seen.id, None, &dangers()).await.unwrap();
    assert!(world.accepts_fresh_token(21, &key).await);
    assert_eq!(verdict(world.exchange(22, &key, &stranger).await), Some((Reason::Pins, Told::Nothing)));
    let other_branch = world.token(23, &json!({ "ref": "refs/heads/x" }));
    assert_eq!(verdict(world.exchange(23, &key, &other_branch).await), Some((Reason::Conditions, Told::Why)));
    // Decided once: what was shown is not shown any more.
    let left = service.keys().attempts(admin, key.id.as_str()).await.unwrap();
    assert!(left.iter().all(|attempt| attempt.id != seen.id));
    let actions = world.fixture.actions_after(0).await;
    assert!(actions.contains(&"api_key.identity_changed".to_owned()), "{actions:?}");
}

async fn what_differed_is_allowed_by_a_click_and_another_workload_is_not(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(Some(shop()))).await;
    let changes = json!({
        "ref": "refs/heads/release", "workflow_ref": "acme/shop/.github/workflows/deploy.yml@refs/heads/release",
    });
    let rejected = world.exchange(1, &key, &world.token(1, &changes)).await;
    assert_eq!(verdict(rejected), Some((Reason::Conditions, Told::Why)));
    let attempt = keys.attempts(admin, key.id.as_str()).await.unwrap().remove(0);
    assert!(attempt.message.contains("refs/heads/release"), "{}", attempt.message);
    keys.allow_attempt(&at(2), admin, key.id.as_str(), &attempt.id, None, &dangers()).await.unwrap();
    for (second, changes) in [(3, changes), (4, json!({}))] {
        assert_eq!(verdict(world.exchange(second, &key, &world.token(second, &changes)).await), None);
    }
    let stranger = world.token(5, &json!({ "repository_id": "666" }));
    assert_eq!(verdict(world.exchange(5, &key, &stranger).await), Some((Reason::Pins, Told::Nothing)));
    let attempt = keys.attempts(admin, key.id.as_str()).await.unwrap().remove(0);
    let allowed = keys.allow_attempt(&at(6), admin, key.id.as_str(), &attempt.id, None, &dangers()).await;
    assert!(matches!(rejection_in(allowed), Rejection::Invalid(invalid) if invalid.field == "attempt"));
    // A danger is accepted by name or not at all.
    let untrusted = world.token(7, &json!({ "event_name": "pull_request_target" }));
    assert_eq!(verdict(world.exchange(7, &key, &untrusted).await), Some((Reason::Conditions, Told::Why)));
    let attempt = keys.attempts(admin, key.id.as_str()).await.unwrap().remove(0);
    let allowed = keys.allow_attempt(&at(8), admin, key.id.as_str(), &attempt.id, None, &dangers()).await;
    assert!(
        matches!(rejection_in(allowed), Rejection::Invalid(invalid) if invalid.field == "acceptedDangers")
    );
    let accepted = BTreeSet::from([Danger::UntrustedCode]);
    keys.allow_attempt(&at(9), admin, key.id.as_str(), &attempt.id, None, &accepted).await.unwrap();
    let untrusted = world.token(10, &json!({ "event_name": "pull_request_target" }));
    assert_eq!(verdict(world.exchange(10, &key, &untrusted).await), None);
}

async fn one_token_is_exchanged_once_on_all_nodes_at_once(fixture: Fixture) {
    let world = world(fixture).await;
    let key = world.key(on_github(Some(shop()))).await;
    let mut nodes = vec![world.fixture.service.clone()];
    for _ in 0..2 {
        let node = world.fixture.another_node(0).await;
        node.tokens().use_issuer_fetcher(world.internet.clone());
        nodes.push(node);
    }
    for round in 0..5 {
        let token = world.token(round, &json!({}));
        let ctx = at(round);
        let tries = (0..12).map(|number| exchange(&nodes[number % 3], &ctx, key.id.as_str(), &token));
        let outcomes: Vec<_> = join_all(tries).await.into_iter().map(verdict).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_none()).count(), 1, "{outcomes:?}");
        assert!(
            outcomes.iter().flatten().all(|outcome| *outcome == (Reason::Replay, Told::Why)),
            "{outcomes:?}"
        );
    }
}

async fn what_is_changed_or_ended_is_refused_at_the_next_request(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(Some(shop()))).await;
    let node = world.fixture.another_node(0).await;
    node.tokens().use_issuer_fetcher(world.internet.clone());
    let token = exchange(&node, &at(1), key.id.as_str(), &world.token(1, &json!({}))).await.unwrap();
    let elsewhere = NewConditions {
        pins: conditions(&[("repository_id", "77"), ("repository_owner_id", "2020")]),
        ..shop()
    };
    let identity = on_github(Some(elsewhere));
    keys.change_identity(&at(2), admin, key.id.as_str(), identity.clone(), false).await.unwrap();
    let outcome = exchange(&node, &at(3), key.id.as_str(), &world.token(3, &json!({}))).await;
    assert_eq!(verdict(outcome), Some((Reason::Pins, Told::Nothing)));
    assert!(accepts(&node, 4, &token.access_token).await, "issued tokens live on unless they are ended");
    keys.change_identity(&at(5), admin, key.id.as_str(), identity, true).await.unwrap();
    assert!(!accepts(&node, 6, &token.access_token).await);
    let moved = world.token(7, &json!({ "repository_id": "77" }));
    let token = exchange(&node, &at(7), key.id.as_str(), &moved).await.unwrap();
    keys.revoke(&at(8), admin, key.id.as_str()).await.unwrap();
    assert!(!accepts(&node, 9, &token.access_token).await);
    let moved = world.token(9, &json!({ "repository_id": "77" }));
    let outcome = exchange(&node, &at(9), key.id.as_str(), &moved).await;
    assert_eq!(verdict(outcome), Some((Reason::Key, Told::Nothing)));
}

async fn a_secret_is_replaced_and_works_on_for_its_grace(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let pair = world.fixture.generate(0).await;
    let key = keys.replace_secret(&at(1), admin, &pair.id, on_github(Some(shop())), 3600).await.unwrap();
    assert_eq!(key.id.as_str(), pair.id);
    assert!(world.accepts_fresh_token(2, &key).await);
    world.fixture.issue_token(3, &pair).await;
    let overview = keys.get(admin, &pair.id).await.unwrap();
    assert!(overview.key.running_grace(at(3).now).is_some());
    assert!(overview.identity.is_some());
    keys.end_grace(&at(4), admin, &pair.id).await.unwrap();
    assert_eq!(world.fixture.rejection(5, &pair).await, crate::fixture::Reply::Rotated(at(4).now));
    assert!(world.accepts_fresh_token(6, &key).await);
    let again = keys.replace_secret(&at(7), admin, &pair.id, on_github(None), 0).await;
    assert!(matches!(rejection_in(again), Rejection::Conflict(_)));
    let rotated = keys.rotate(&at(8), admin, &pair.id, NO_GRACE).await;
    assert!(matches!(rejection_in(rotated), Rejection::Conflict(_)));
    let actions = world.fixture.actions_after(0).await;
    assert!(actions.contains(&"api_key.secret_replaced".to_owned()), "{actions:?}");
}

async fn an_organisation_without_secrets_makes_none(fixture: Fixture) {
    let world = world(fixture).await;
    let (service, admin) = (&world.fixture.service, &world.fixture.admin);
    let pair = world.fixture.generate(0).await;
    let organisation = service.organisations().find(world.fixture.acme.id.as_str()).await.unwrap();
    let seen = service::organisations::OrganisationSettings::of(&organisation);
    let new = service::organisations::OrganisationSettings { secretless_only: true, ..seen.clone() };
    service.organisations().change_settings(&at(1), admin, &seen, &new).await.unwrap();
    let generated = crate::fixture::generate(service, admin, 2).await;
    assert!(matches!(rejection_in(generated), Rejection::Conflict(_)));
    world.key(on_github(None)).await;
    // A secret that leaked must be replaceable.
    world.fixture.rotate(3, &pair, NO_GRACE).await;
    let expired = service.keys().rotate(&at(40 * crate::fixture::DAY), admin, &pair.id, NO_GRACE).await;
    assert!(matches!(rejection_in(expired), Rejection::Conflict(_)));
    let actions = world.fixture.actions_after(0).await;
    assert!(actions.contains(&"organisation.secret_policy_changed".to_owned()), "{actions:?}");
}

async fn only_an_admin_decides(fixture: Fixture) {
    let world = world(fixture).await;
    let keys = world.fixture.service.keys();
    let key = world.key(on_github(None)).await;
    let id = key.id.as_str();
    let _ = world.exchange(1, &key, &world.token(1, &json!({}))).await;
    let attempt = keys.attempts(&world.fixture.admin, id).await.unwrap().remove(0).id;
    for (who, is_member) in [(&world.fixture.member, true), (&world.fixture.outsider, false)] {
        let answers = [
            rejection_in(keys.attempts(who, id).await),
            rejection_in(keys.allow_attempt(&at(2), who, id, &attempt, None, &dangers()).await),
            rejection_in(keys.change_identity(&at(2), who, id, on_github(None), true).await),
            rejection_in(keys.wait_again(&at(2), who, id).await),
            rejection_in(keys.renew(&at(2), who, id, true).await),
            rejection_in(keys.check_token(&at(2), who, id, "x").await),
            rejection_in(keys.replace_secret(&at(2), who, id, on_github(None), 0).await),
        ];
        for answer in answers {
            let expected = if is_member {
                matches!(answer, Rejection::Forbidden(_))
            } else {
                matches!(answer, Rejection::NotFound { .. })
            };
            assert!(expected, "{answer:?}");
        }
    }
    let made = keys.generate_without_secret(&at(3), &world.fixture.member, new_key(on_github(None))).await;
    assert!(matches!(rejection_in(made), Rejection::Forbidden(_)));
    // Nor is an Admin whose password was given too long ago.
    let token = world.fixture.service.tokens().issue_for_user(&at(0), "root", ADA, None).await.unwrap();
    let stale = world.fixture.service.tokens().authenticate(&at(10), &token).await.unwrap();
    let made = keys.generate_without_secret(&at(700), &stale, new_key(on_github(None))).await;
    assert!(matches!(rejection_in(made), Rejection::SignInAgain));
    // Nobody made us ask a stranger's server.
    let before = world.internet.count(&world.github.discovery_url());
    assert_eq!(before, 1);
}

async fn a_token_is_tried_without_being_used_up(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(Some(shop()))).await;
    let token = world.token(1, &json!({}));
    for _ in 0..2 {
        let report = keys.check_token(&at(1), admin, key.id.as_str(), &token).await.unwrap();
        assert!(report.is_accepted(), "{report:?}");
        assert_eq!(report.run.unwrap().run, "run 4711 of acme/shop on main");
    }
    assert_eq!(verdict(world.exchange(2, &key, &token).await), None);
    let report = keys.check_token(&at(3), admin, key.id.as_str(), &token).await.unwrap();
    let failed: Vec<_> = report.checks.iter().filter(|check| !check.is_passed).collect();
    assert!(failed.len() == 1 && failed[0].name == "jti", "{failed:?}");
    for (changes, name) in [
        (json!({ "ref": "refs/heads/x" }), "ref"),
        (json!({ "aud": "https://other.example" }), "aud"),
        (json!({ "exp": 1 }), "exp, nbf, iat"),
        (json!({ "iss": "https://other.example" }), "iss"),
        (json!({ "repository_id": "1" }), "repository_id"),
    ] {
        let report =
            keys.check_token(&at(4), admin, key.id.as_str(), &world.token(4, &changes)).await.unwrap();
        let failed: Vec<_> = report.checks.iter().filter(|check| !check.is_passed).collect();
        assert!(failed.len() == 1 && failed[0].name == name, "{changes}: {failed:?}");
    }
    let report = keys.check_token(&at(5), admin, key.id.as_str(), "nonsense").await.unwrap();
    assert!(!report.is_accepted() && report.checks[0].name == "form");
}

async fn attempts_are_few_and_those_of_the_waiting_hour(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(None)).await;
    for number in 0..25 {
        let repository = format!("acme/{number:02}");
        for _ in 0..2 {
            let token = world.token(
                number,
                &json!({ "repository": repository, "repository_owner_id": format!("{}", 100 + number) }),
            );
            let _ = world.exchange(number, &key, &token).await;
        }
    }
    let attempts = keys.attempts(admin, key.id.as_str()).await.unwrap();
    assert_eq!(attempts.len(), 20);
    assert!(attempts.iter().all(|attempt| attempt.times == 2), "{attempts:?}");
    assert!(attempts[0].claims.contains("acme/24") && attempts[19].claims.contains("acme/05"));
    // After its hour it shows nobody, until the Admin begins again.
    let late = world.token(3601, &json!({ "repository": "acme/late" }));
    assert_eq!(verdict(world.exchange(3601, &key, &late).await), Some((Reason::Pins, Told::Nothing)));
    keys.wait_again(&at(3602), admin, key.id.as_str()).await.unwrap();
    let late = world.token(3603, &json!({ "repository": "acme/late" }));
    assert_eq!(verdict(world.exchange(3603, &key, &late).await), Some((Reason::Pins, Told::ToWait)));
    assert!(keys.attempts(admin, key.id.as_str()).await.unwrap()[0].claims.contains("acme/late"));
    keys.revoke(&at(3604), admin, key.id.as_str()).await.unwrap();
    assert!(matches!(rejection_in(keys.attempts(admin, key.id.as_str()).await), Rejection::NotFound { .. }));
}

async fn an_attempt_stays_the_run_that_an_admin_saw(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(None)).await;
    let id = key.id.as_str();
    let _ = world.exchange(1, &key, &world.token(1, &json!({}))).await;
    let seen = keys.attempts(admin, id).await.unwrap().remove(0);
    // While the Admin reads, another run of that repository asks: on another branch, by another file and actor.
    let evil = json!({
        "ref": "refs/heads/evil", "workflow_ref": "acme/shop/.github/workflows/evil.yml@refs/heads/evil", "actor": "mallory",
    });
    let _ = world.exchange(2, &key, &world.token(2, &evil)).await;
    let attempts = keys.attempts(admin, id).await.unwrap();
    assert_eq!(attempts.len(), 2, "each has a row of its own");
    assert_eq!(attempts[1], seen, "what was seen is what it was");
    // What the key accepts is changed by another Admin meanwhile.
    let version = keys.get(admin, id).await.unwrap().identity.unwrap().version;
    keys.wait_again(&at(3), admin, id).await.unwrap();
    let allowed = keys.allow_attempt(&at(4), admin, id, &seen.id, Some(version), &dangers()).await;
    assert!(matches!(rejection_in(allowed), Rejection::Conflict(why) if why.contains("read the page again")));
    let version = keys.get(admin, id).await.unwrap().identity.unwrap().version;
    keys.allow_attempt(&at(5), admin, id, &seen.id, Some(version), &dangers()).await.unwrap();
    assert!(world.accepts_fresh_token(6, &key).await);
    let rejected = world.exchange(7, &key, &world.token(7, &evil)).await;
    assert_eq!(verdict(rejected), Some((Reason::Conditions, Told::Why)));
    // All that differs is told, not the first of it.
    let message = keys.attempts(admin, id).await.unwrap().remove(0).message;
    assert!(message.contains("`ref` must be") && message.contains("; `workflow_ref` must be"), "{message}");
    // The same run again is counted.
    let _ = world.exchange(8, &key, &world.token(8, &evil)).await;
    assert_eq!(keys.attempts(admin, id).await.unwrap()[0].times, 2);
}

async fn nobody_pushes_the_run_of_another_out(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(None)).await;
    let _ = world.exchange(1, &key, &world.token(1, &json!({}))).await;
    // One owner, by as many names as it likes; then three others.
    for number in 0..30 {
        let owner = if number < 15 { "666".to_owned() } else { format!("{}", 667 + number % 3) };
        let stranger = json!({
            "repository": format!("evil/{number}"), "repository_owner_id": owner, "ref": format!("refs/heads/{number}"),
        });
        let _ = world.exchange(2 + number, &key, &world.token(2 + number, &stranger)).await;
    }
    let named = |text: &str, attempts: &[domain::workload::Attempt]| {
        attempts.iter().filter(|attempt| attempt.claims.contains(text)).count()
    };
    let attempts = keys.attempts(admin, key.id.as_str()).await.unwrap();
    assert_eq!(attempts.len(), 20);
    assert_eq!(named("\"repository\":\"acme/shop\"", &attempts), 1);
    assert_eq!(named("\"repository_owner_id\":\"666\"", &attempts), 4, "the newest of each come first");
}

#[tokio::test]
async fn failures_of_others_hide_no_run_and_no_owner_asks_without_end() {
    let fixture = Fixture::with(Engine::Sqlite, Policy { failures_per_client: 5, ..policy() }).await;
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(None)).await;
    let too_many = |outcome| matches!(outcome, Err(ClientRejection::TooManyFailures(_)));
    let foreign = world.token(1, &json!({ "aud": "https://other.example" }));
    for number in 0..7 {
        assert_eq!(too_many(world.exchange(1, &key, &foreign).await), number >= 5, "{number}");
    }
    // The client's limit is used up, by whoever knows its id. The run is shown all the same.
    let run = world.token(2, &json!({}));
    assert_eq!(verdict(world.exchange(2, &key, &run).await), Some((Reason::Pins, Told::ToWait)));
    let stranger = world.token(3, &json!({ "repository": "evil/one", "repository_owner_id": "666" }));
    for number in 0..7 {
        assert_eq!(too_many(world.exchange(3, &key, &stranger).await), number >= 5, "{number}");
    }
    let attempts = keys.attempts(admin, key.id.as_str()).await.unwrap();
    assert!(
        attempts[0].claims.contains("evil/one") && attempts[0].times == 5,
        "what is too much is not noted"
    );
    assert_eq!(verdict(world.exchange(4, &key, &run).await), Some((Reason::Pins, Told::ToWait)));
    assert_eq!(keys.attempts(admin, key.id.as_str()).await.unwrap()[0].times, 2);
}

async fn an_attempt_of_a_former_issuer_is_not_allowed(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(None)).await;
    let id = key.id.as_str();
    let _ = world.exchange(1, &key, &world.token(1, &json!({}))).await;
    let seen = keys.attempts(admin, id).await.unwrap().remove(0);
    // At another issuer the same ids are somebody else's.
    let other = TestIssuer::new("https://ghes.example/_services/token", AssertionAlgorithm::Es256);
    let identity = NewIdentity::Workload(NewWorkload {
        preset: Preset::GitHubActions,
        issuer: Some(other.url.clone()),
        audience: None,
        key_set: Some(other.jwks().to_string()),
        conditions: None,
    });
    keys.change_identity(&at(2), admin, id, identity, false).await.unwrap();
    assert!(keys.attempts(admin, id).await.unwrap().is_empty());
    let allowed = keys.allow_attempt(&at(3), admin, id, &seen.id, None, &dangers()).await;
    assert!(matches!(rejection_in(allowed), Rejection::NotFound { kind: "attempt", .. }));
}

async fn an_expired_key_is_renewed(fixture: Fixture) {
    let world = world(fixture).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let key = world.key(on_github(Some(shop()))).await;
    let later = 31 * crate::fixture::DAY;
    let outcome = world.exchange(later, &key, &world.token(later, &json!({}))).await;
    assert_eq!(verdict(outcome), Some((Reason::Key, Told::Why)));
    let stranger = world.token(later, &json!({ "repository_id": "1" }));
    assert_eq!(verdict(world.exchange(later, &key, &stranger).await), Some((Reason::Pins, Told::Nothing)));
    let renewed = keys.renew(&at(later + 1), admin, key.id.as_str(), false).await.unwrap();
    assert!(renewed.expires_at > at(later).now);
    assert!(world.accepts_fresh_token(later + 2, &key).await);
    let pair = world.fixture.generate(later + 3).await;
    assert!(matches!(
        rejection_in(keys.renew(&at(later + 4), admin, &pair.id, false).await),
        Rejection::Conflict(_)
    ));
    // A revoked key without a secret leaves nothing that anybody could hold.
    keys.revoke(&at(later + 5), admin, key.id.as_str()).await.unwrap();
    let outcome = world.exchange(later + 6, &key, &world.token(later + 6, &json!({}))).await;
    assert_eq!(verdict(outcome), Some((Reason::Key, Told::Nothing)));
}

async fn the_audit_log_says_in_which_run_something_was_done(fixture: Fixture) {
    let world = world(fixture).await;
    let service = &world.fixture.service;
    let key = world.key(on_github(Some(shop()))).await;
    let issued = world.exchange(1, &key, &world.token(1, &json!({}))).await.unwrap();
    let run = service.tokens().authenticate(&at(2), &issued.access_token).await.unwrap();
    service.products().create_subject(&at(2), &run, "Shop", None, None).await.unwrap();
    service.products().create_subject(&at(3), &world.fixture.admin, "Other", None, None).await.unwrap();
    let events = service.audit_log().export(world.fixture.acme.id.as_str(), 0).await.unwrap();
    let details: Vec<_> = events
        .iter()
        .filter(|event| event.action == "subject.created")
        .map(|event| event.details.contains("run 4711 of acme/shop on main"))
        .collect();
    assert_eq!(details, [true, false]);
}

/// What an Admin enters wrongly is said when it is saved.
#[tokio::test]
async fn what_is_entered_wrongly_is_said_when_it_is_saved() {
    let world: World = world(Fixture::on(testkit::Engine::Sqlite).await).await;
    let (keys, admin) = (world.fixture.service.keys(), &world.fixture.admin);
    let workload = |preset, issuer: Option<&str>| NewWorkload {
        preset,
        issuer: issuer.map(str::to_owned),
        audience: None,
        key_set: None,
        conditions: Some(shop()),
    };
    let github = |change: &dyn Fn(&mut NewWorkload)| {
        let mut new = workload(Preset::GitHubActions, None);
        change(&mut new);
        NewIdentity::Workload(new)
    };
    let any = conditions(&[("sub", "x")]);
    for (identity, field) in [
        (github(&|new| new.issuer = Some("http://token.actions.githubusercontent.com".into())), "issuer"),
        (github(&|new| new.issuer = Some(format!("{GITHUB}/acme/shop?x"))), "issuer"),
        (github(&|new| new.issuer = Some("https://gitlab.com".into())), "issuer"),
        (github(&|new| new.audience = Some("two words".into())), "audience"),
        (github(&|new| new.key_set = Some(r#"{"keys":[{"kty":"RSA","d":"x"}]}"#.into())), "keySet"),
        (github(&|new| new.key_set = Some("-----BEGIN PRIVATE KEY-----".into())), "keySet"),
        (github(&|new| new.key_set = Some("{}".into())), "keySet"),
        (github(&|new| new.conditions = Some(NewConditions { pins: vec![], ..shop() })), "pins"),
        (github(&|new| new.conditions = Some(NewConditions { others: vec![], ..shop() })), "acceptedDangers"),
        (NewIdentity::Workload(workload(Preset::AnyOidc, Some(GITHUB))), "issuer"),
        (NewIdentity::Workload(workload(Preset::Kubernetes, None)), "issuer"),
        (
            NewIdentity::Workload(NewWorkload {
                conditions: Some(NewConditions { pins: any, ..NewConditions::default() }),
                ..workload(Preset::AnyOidc, Some("https://down.example"))
            }),
            "issuer",
        ),
    ] {
        let made = keys.generate_without_secret(&at(0), admin, new_key(identity.clone())).await;
        match rejection_in(made) {
            Rejection::Invalid(invalid) => assert_eq!(invalid.field, field, "{identity:?}: {invalid}"),
            other => panic!("{identity:?}: {other:?}"),
        }
    }
    assert!(keys.list(admin).await.unwrap().is_empty(), "nothing is left of what was not saved");
}
