//! What Admins are warned about, and when: each thing once.

use crate::{
    fixture::{ADA, DAY, Fixture, MAX, NO_GRACE, Pair, at, on_both_engines, time},
    users::browser::Post,
};
use domain::Role;
use service::{
    Service,
    keys::{
        GenerateKey,
        notices::{NoticeReason, attention},
    },
};
use std::sync::Arc;

on_both_engines!(
    each_warning_is_given_once_by_whichever_node,
    a_short_lived_key_is_not_warned_about_at_birth,
    after_a_rotation_warnings_start_anew,
    what_was_missed_is_not_made_up_for,
    what_was_said_costs_no_writing,
    attention_is_sorted_by_urgency,
    every_admin_is_told_and_nobody_else,
);

async fn key(fixture: &Fixture, seconds: i64, label: &str, days: i64) -> Pair {
    let input = GenerateKey { label: label.into(), expires_in_days: Some(days) };
    fixture.service.keys().generate(&at(seconds), &fixture.admin, &input).await.unwrap().into()
}

/// What the minute's work on every node says then about expiring keys.
async fn said(nodes: &[Service], posts: &[Arc<Post>], seconds: i64) -> Vec<String> {
    for post in posts {
        post.taken.lock().unwrap().clear();
    }
    let work =
        nodes.iter().map(|node| async move { node.operations().every_minute(&at(seconds)).await.unwrap() });
    futures::future::join_all(work).await;
    for node in nodes {
        node.operations().send_due_mail(&at(seconds)).await.unwrap();
    }
    let subjects = posts.iter().flat_map(|post| post.subjects());
    subjects.filter(|subject| subject.contains("expire")).collect()
}

async fn nodes(fixture: &Fixture) -> ([Service; 2], [Arc<Post>; 2]) {
    let nodes = [fixture.service.clone(), fixture.another_node(0).await];
    let posts = [Post::of(&nodes[0]), Post::of(&nodes[1])];
    (nodes, posts)
}

async fn each_warning_is_given_once_by_whichever_node(fixture: Fixture) {
    let (nodes, posts) = nodes(&fixture).await;
    key(&fixture, 0, "CI", 90).await;
    let mut warnings = Vec::new();
    for hour in 0..(91 * 24) {
        // Every day, and every hour of the last two weeks' interesting days.
        if hour % 24 == 0 || hour > 88 * 24 {
            for subject in said(&nodes, &posts, hour * 3600).await {
                warnings.push((hour, subject));
            }
        }
    }
    let warnings: Vec<_> = warnings.iter().map(|(hour, subject)| (*hour, subject.as_str())).collect();
    assert_eq!(
        warnings,
        [
            (76 * 24, "API key CI expires within 14 days"),
            (83 * 24, "API key CI expires within 7 days"),
            (89 * 24, "API key CI expires within a day"),
            (90 * 24, "API key CI has expired"),
        ]
    );
}

async fn a_short_lived_key_is_not_warned_about_at_birth(fixture: Fixture) {
    let (nodes, posts) = nodes(&fixture).await;
    key(&fixture, 0, "week", 7).await;
    key(&fixture, 0, "day", 1).await;
    assert!(said(&nodes, &posts, 0).await.is_empty());
    assert_eq!(said(&nodes, &posts, DAY).await, ["API key day has expired"]);
    assert!(said(&nodes, &posts, 3 * DAY).await.is_empty());
    assert_eq!(said(&nodes, &posts, 6 * DAY).await, ["API key week expires within a day"]);
    assert_eq!(said(&nodes, &posts, 7 * DAY).await, ["API key week has expired"]);
}

async fn after_a_rotation_warnings_start_anew(fixture: Fixture) {
    let (nodes, posts) = nodes(&fixture).await;
    let pair = key(&fixture, 0, "CI", 30).await;
    assert_eq!(said(&nodes, &posts, 16 * DAY).await.len(), 1);
    fixture.rotate(17 * DAY, &pair, NO_GRACE).await;
    assert!(said(&nodes, &posts, 17 * DAY).await.is_empty());
    assert!(said(&nodes, &posts, 29 * DAY).await.is_empty(), "it does not expire then any more");
    assert_eq!(said(&nodes, &posts, 33 * DAY).await, ["API key CI expires within 14 days"]);
    fixture.revoke(34 * DAY, &pair).await;
    assert!(said(&nodes, &posts, 46 * DAY).await.is_empty());
}

async fn what_was_missed_is_not_made_up_for(fixture: Fixture) {
    let (nodes, posts) = nodes(&fixture).await;
    key(&fixture, 0, "CI", 90).await;
    // Nothing ran for weeks: one mail, the most urgent one.
    assert_eq!(said(&nodes, &posts, 89 * DAY + 60).await, ["API key CI expires within a day"]);
    assert!(said(&nodes, &posts, 89 * DAY + 120).await.is_empty());
    // And none for a key that expired long ago.
    assert!(said(&nodes, &posts, 92 * DAY).await.is_empty());
}

async fn what_was_said_costs_no_writing(fixture: Fixture) {
    let (nodes, posts) = nodes(&fixture).await;
    key(&fixture, 0, "CI", 90).await;
    said(&nodes, &posts, 80 * DAY).await;
    let mut reader = fixture.service.store().reader().await.unwrap();
    let found = reader.keys_expiring(time(80 * DAY), time(94 * DAY)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, Some(14));
}

async fn attention_is_sorted_by_urgency(fixture: Fixture) {
    let service = &fixture.service;
    let leaked = key(&fixture, 0, "leaked", 300).await;
    key(&fixture, 0, "soon", 40).await;
    key(&fixture, 0, "sooner", 35).await;
    key(&fixture, 0, "expired", 29).await;
    key(&fixture, 0, "long expired", 10).await;
    key(&fixture, 0, "quiet", 300).await;
    let late = key(&fixture, 0, "leaked later", 300).await;
    for (pair, when) in [(&leaked, 20 * DAY), (&late, 25 * DAY)] {
        fixture.rotate(DAY, pair, NO_GRACE).await;
        fixture.rejection(when, pair).await;
        fixture.rejection(when, pair).await;
        service.keys().flush_usage(&at(when)).await.unwrap();
    }
    let found = attention(&service.keys().list(&fixture.admin).await.unwrap(), time(30 * DAY));
    let found: Vec<_> = found.iter().map(|one| (one.label.as_str(), one.matter)).collect();
    assert_eq!(
        found,
        [
            ("leaked later", NoticeReason::DeadSecret(time(25 * DAY), 2)),
            ("leaked", NoticeReason::DeadSecret(time(20 * DAY), 2)),
            ("expired", NoticeReason::Expired(time(29 * DAY))),
            ("sooner", NoticeReason::ExpiresSoon(time(35 * DAY))),
            ("soon", NoticeReason::ExpiresSoon(time(40 * DAY))),
        ]
    );
}

async fn every_admin_is_told_and_nobody_else(fixture: Fixture) {
    let post = Post::of(&fixture.service);
    fixture
        .service
        .users()
        .add_member(&at(0), &fixture.operator, "second@acme.example", Role::Admin)
        .await
        .unwrap();
    fixture.generate(1).await;
    fixture.service.operations().send_due_mail(&at(1)).await.unwrap();
    let mut told: Vec<_> = post.mails().iter().map(|mail| mail.to.as_str().to_owned()).collect();
    told.sort();
    assert_eq!(told, [ADA, "second@acme.example"]);
    fixture.service.users().change_role(&at(2), &fixture.operator, MAX, Role::Admin).await.unwrap();
    fixture.service.users().remove_member(&at(2), &fixture.operator, "second@acme.example").await.unwrap();
    fixture.generate(3).await;
    fixture.service.operations().send_due_mail(&at(3)).await.unwrap();
    let mut told: Vec<_> = post.mails()[2..].iter().map(|mail| mail.to.as_str().to_owned()).collect();
    told.sort();
    assert_eq!(told, [ADA, MAX]);
}
