//! Mail: sealed while it waits, sent once, tried again, given up at last.

use crate::{
    fixture::{ADA, DAY, Fixture, HOUR, MAX, NO_GRACE, at, from, on_both_engines},
    keys::races::race,
    users::browser::{Guest, Post, asks_for_link, secret_of},
};
use domain::Role;
use service::{Service, keys::RotateKey, operations::mail::Mailed};
use std::sync::Arc;

on_both_engines!(
    a_waiting_mail_tells_neither_its_recipient_nor_its_link,
    two_nodes_send_each_mail_once,
    a_slow_node_keeps_the_mails_that_it_took_on,
    a_mail_that_fails_is_tried_later_and_later_and_given_up_after_three_days,
    a_mail_that_cannot_be_read_holds_up_no_other,
    committing_with_a_mail_has_three_outcomes,
    no_secret_is_in_any_mail_about_keys,
    nothing_is_queued_where_no_mail_is_sent,
);

const WAITING: &str = "SELECT COUNT(*) FROM mails";

async fn a_waiting_mail_tells_neither_its_recipient_nor_its_link(fixture: Fixture) {
    let service = &fixture.service;
    let post = Post::of(service);
    post.set_down(true);
    let invited =
        service.users().invite(&at(0), &fixture.admin, "new@secret.example", Role::Member).await.unwrap();
    asks_for_link(service, 0, MAX).await;
    service.operations().send_due_mail(&at(200)).await.unwrap();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM mails WHERE last_error IS NOT NULL").await, 2);
    let rows = fixture.database.sql("SELECT * FROM mails").await;
    let table = format!("{rows:?}");
    let hex = |text: &str| jose::hex(text.as_bytes());
    for secret in ["new@secret.example", MAX, &secret_of(&invited.link, "invite"), "invites you", "/reset/"] {
        assert!(!table.contains(secret) && !table.contains(&hex(secret)), "{secret}: {table}");
    }
    assert!(table.contains("550"), "the operator sees why: {table}");
}

async fn mailing_nodes(fixture: &Fixture) -> ([Service; 2], [Arc<Post>; 2]) {
    let nodes = [fixture.service.clone(), fixture.another_node(0).await];
    let posts = [Post::of(&nodes[0]), Post::of(&nodes[1])];
    (nodes, posts)
}

async fn two_nodes_send_each_mail_once(fixture: Fixture) {
    let (nodes, posts) = mailing_nodes(&fixture).await;
    for number in 0..30 {
        let email = format!("person{number}@acme.example");
        fixture.service.users().add_member(&at(0), &fixture.admin, &email, Role::Member).await.unwrap();
        let (node, ctx) = (&nodes[number % 2], from(&format!("2001:db8:{number}::1"), 0));
        let email = node.users().request_password_reset(&ctx, &email).unwrap();
        node.users().mail_reset_link(&ctx, email).await.unwrap();
    }
    for _ in 0..3 {
        race(&nodes, 8, |node, _| async move { node.operations().send_due_mail(&at(1)).await.unwrap() })
            .await;
    }
    let mut sent: Vec<_> =
        posts.iter().flat_map(|post| post.mails()).map(|mail| mail.to.as_str().to_owned()).collect();
    assert_eq!(sent.len(), 30);
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), 30);
    assert_eq!(fixture.database.number(WAITING).await, 0);
}

async fn a_slow_node_keeps_the_mails_that_it_took_on(fixture: Fixture) {
    let post = Post::of(&fixture.service);
    post.set_down(true);
    for number in 0..5 {
        let email = format!("person{number}@acme.example");
        fixture.service.users().add_member(&at(0), &fixture.admin, &email, Role::Member).await.unwrap();
        asks_for_link(&fixture.service, 0, &email).await;
    }
    fixture.service.operations().send_due_mail(&at(0)).await.unwrap();
    // If each takes nearly two minutes, the last is sent after eight: until then nobody else takes it on.
    let due = "SELECT (MAX(next_attempt_at_ms) - MIN(next_attempt_at_ms)) / 1000 FROM mails";
    assert_eq!(fixture.database.number(due).await, 4 * 120);
}

async fn a_mail_that_fails_is_tried_later_and_later_and_given_up_after_three_days(fixture: Fixture) {
    let service = &fixture.service;
    let post = Post::of(service);
    post.set_down(true);
    asks_for_link(service, 0, ADA).await;
    let (mut now, mut waits) = (0, Vec::new());
    for attempt in 1..=8 {
        service.operations().send_due_mail(&at(now)).await.unwrap();
        assert_eq!(post.attempts(), attempt);
        let next = fixture.database.number("SELECT next_attempt_at_ms FROM mails").await;
        let wait = (next - at(now).now.ms()) / 1000;
        service.operations().send_due_mail(&at(now + wait - 1)).await.unwrap();
        assert_eq!(post.attempts(), attempt, "not yet");
        now += wait;
        waits.push(wait);
    }
    assert!(waits.is_sorted() && waits[0] >= 60 && waits[7] > 2 * waits[0], "{waits:?}");
    service.operations().every_day(&at(3 * DAY - 1)).await.unwrap();
    assert_eq!(fixture.database.number(WAITING).await, 1);
    service.operations().every_day(&at(3 * DAY)).await.unwrap();
    assert_eq!(fixture.database.number(WAITING).await, 0);
    post.set_down(false);
    service.operations().send_due_mail(&at(4 * DAY)).await.unwrap();
    assert!(post.mails().is_empty());
}

async fn a_mail_that_cannot_be_read_holds_up_no_other(fixture: Fixture) {
    let service = &fixture.service;
    let post = Post::of(service);
    asks_for_link(service, 0, ADA).await;
    fixture.database.sql("UPDATE mails SET id = 'tok_moved'").await;
    asks_for_link(service, 1, MAX).await;
    service.operations().send_due_mail(&at(2)).await.unwrap();
    assert_eq!(post.mails().iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), [MAX]);
}

async fn committing_with_a_mail_has_three_outcomes(fixture: Fixture) {
    let service = &fixture.service;
    let invite = |number: i64| {
        let (service, admin) = (service.clone(), fixture.admin.clone());
        async move {
            let email = format!("new{number}@acme.example");
            service.users().invite(&at(number), &admin, &email, Role::Member).await.unwrap().mailed
        }
    };
    assert_eq!(invite(0).await, Mailed::NotSetUp);
    assert_eq!(fixture.database.number(WAITING).await, 0);
    let post = Post::of(service);
    assert_eq!(invite(1).await, Mailed::Sent);
    assert_eq!(fixture.database.number(WAITING).await, 0);
    post.set_down(true);
    assert!(matches!(invite(2).await, Mailed::Failed(why) if why.contains("no such mailbox")));
    assert_eq!(fixture.database.number(WAITING).await, 1);
    assert_eq!(service.users().list_invitations(&fixture.admin).await.unwrap().len(), 3);
    post.set_down(false);
    service.operations().send_due_mail(&at(60)).await.unwrap();
    assert_eq!(post.mails().len(), 1, "the one that tried it has two minutes");
    service.operations().send_due_mail(&at(HOUR)).await.unwrap();
    assert_eq!(post.mails().len(), 2);
}

async fn no_secret_is_in_any_mail_about_keys(fixture: Fixture) {
    let service = &fixture.service;
    let guest = Guest::of(&fixture, 0, ADA).await;
    let post = Post::of(service);
    let tokens = crate::users::browser::command_line(service, 0, &guest).await;
    let refresh = crate::users::browser::refresh_token(&tokens);
    let first = fixture.generate(1).await;
    let second = fixture.rotate(2, &first, RotateKey { grace_seconds: HOUR, end_issued_tokens: false }).await;
    let third = fixture.rotate(3, &second, NO_GRACE).await;
    fixture.rejection(4, &second).await;
    service.keys().flush_usage(&at(5)).await.unwrap();
    let kept = fixture.generate(5).await;
    fixture.revoke(6, &third).await;
    service.operations().every_minute(&at(31 * DAY)).await.unwrap();
    let mut minutes = 31 * DAY;
    while fixture.database.number(WAITING).await > 0 {
        service.operations().send_due_mail(&at(minutes)).await.unwrap();
        minutes += 60;
    }
    let mails = post.mails();
    let told = |what: &str| mails.iter().filter(|mail| mail.subject.contains(what)).count();
    assert_eq!((told("was generated"), told("was rotated"), told("was revoked")), (2, 2, 1), "{mails:?}");
    assert_eq!((told("former secret"), told("has expired")), (1, 1), "{mails:?}");
    for mail in &mails {
        assert_eq!(mail.to.as_str(), ADA, "Admins only");
        for secret in [&first.secret, &second.secret, &third.secret, &kept.secret, &refresh] {
            assert!(!mail.text.contains(&**secret) && !mail.subject.contains(&**secret));
            assert!(!mail.text.contains(&secret[..12]), "not even a part: {}", mail.text);
        }
        assert!(
            !mail.subject.contains('\n') && mail.text.contains("https://platform.example/settings/api-keys")
        );
    }
}

async fn nothing_is_queued_where_no_mail_is_sent(fixture: Fixture) {
    let key = fixture.generate(0).await;
    fixture.rotate(1, &key, NO_GRACE).await;
    fixture.service.operations().every_minute(&at(80 * DAY)).await.unwrap();
    fixture.service.operations().send_due_mail(&at(80 * DAY)).await.unwrap();
    assert_eq!(fixture.database.number(WAITING).await, 0);
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM key_notices").await, 0);
}
