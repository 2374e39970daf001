//! Passwords: changing one and setting one by a link ends what was there before.

use crate::{
    fixture::{ADA, Fixture, HOUR, MAX, at, on_both_engines, rejection_in},
    keys::races::{nodes, race},
    users::browser::{
        Guest, OTHER_PASSWORD, PASSWORD, Post, asks_for_link, browser_token, command_line, has_password,
        refresh, refresh_token, secret_of, try_sign_in,
    },
};
use domain::{LinkState, Role};
use service::{
    Error, Rejection,
    users::{authorization_codes::COMMAND_LINE, sign_in::SignInRejection},
};

on_both_engines!(
    a_changed_password_ends_every_other_session_and_every_token,
    a_reset_password_ends_every_session_and_token,
    a_device_that_was_approved_before_does_not_come_after_a_new_password,
    of_sixteen_uses_of_a_reset_link_one_succeeds,
    a_reset_link_works_an_hour_and_a_newer_one_takes_its_place,
    a_used_link_takes_every_other_one_with_it,
    what_is_rejected_changes_nothing,
    a_new_password_is_an_entry_in_each_organisation_of_the_person,
    nobody_learns_who_is_known_by_asking_for_a_link,
);

async fn link(fixture: &Fixture, seconds: i64, email: &str) -> String {
    let link = fixture.service.users().make_reset_link(&at(seconds), "root", email).await.unwrap();
    secret_of(&link, "reset")
}

async fn a_changed_password_ends_every_other_session_and_every_token(fixture: Fixture) {
    let (here, elsewhere) = (Guest::of(&fixture, 0, ADA).await, Guest::of(&fixture, 0, ADA).await);
    let service = &fixture.service;
    let open = link(&fixture, 0, ADA).await;
    let tokens = command_line(service, 1, &here).await;
    let own = browser_token(service, 1, &here.signed_in).await.tokens.access_token;
    let granted = service.tokens().issue_for_user(&at(1), "root", ADA, Some(&fixture.acme)).await.unwrap();
    let user = here.user(service, 700).await;
    service.users().change_password(&at(700), &user, PASSWORD, OTHER_PASSWORD).await.unwrap();
    assert!(here.is_in(service, 700).await && !elsewhere.is_in(service, 700).await);
    assert!(service.users().find_sign_in(&at(700), here.signed_in.cookie.expose()).await.unwrap().is_some());
    refresh(service, 700, &refresh_token(&tokens)).await.unwrap_err();
    for token in [&tokens.access_token, &own, &granted] {
        assert!(!fixture.accepts(200, token).await);
    }
    rejection_in(service.users().reset_password(&at(700), &open, "another good long password").await);
    let wrong = try_sign_in(service, &at(701), ADA, PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRejection::Wrong)), "{wrong:?}");
    try_sign_in(service, &at(701), ADA, OTHER_PASSWORD).await.unwrap();
    assert!(here.user(service, 701).await.is_fresh(at(701).now), "the password was proved just now");
}

async fn a_reset_password_ends_every_session_and_token(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let max = Guest::of(&fixture, 0, MAX).await;
    let service = &fixture.service;
    let tokens = command_line(service, 1, &guest).await;
    let link = link(&fixture, 2, ADA).await;
    assert!(
        matches!(service.users().find_reset_link(&at(2), &link).await.unwrap(), LinkState::Open((_, email)) if email.as_str() == ADA)
    );
    assert_eq!(service.users().reset_password(&at(2), &link, OTHER_PASSWORD).await.unwrap().as_str(), ADA);
    assert!(!guest.is_in(service, 2).await && max.is_in(service, 2).await);
    assert!(service.users().find_sign_in(&at(2), guest.signed_in.cookie.expose()).await.unwrap().is_none());
    refresh(service, 2, &refresh_token(&tokens)).await.unwrap_err();
    assert!(!fixture.accepts(2, &tokens.access_token).await);
    assert!(try_sign_in(service, &at(3), ADA, PASSWORD).await.is_err());
    try_sign_in(service, &at(3), ADA, OTHER_PASSWORD).await.unwrap();
}

async fn a_device_that_was_approved_before_does_not_come_after_a_new_password(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let start = service.users().start_device(&at(1), COMMAND_LINE, "", "a thief").await.unwrap();
    let user = guest.user(service, 1).await;
    service.users().decide_device(&at(1), &user, &start.user_code, true).await.unwrap();
    let link = link(&fixture, 2, ADA).await;
    service.users().reset_password(&at(3), &link, OTHER_PASSWORD).await.unwrap();
    service.users().poll_device(&at(10), COMMAND_LINE, start.device_code.expose()).await.unwrap_err();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn of_sixteen_uses_of_a_reset_link_one_succeeds(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    let link = link(&fixture, 0, ADA).await;
    let nodes = nodes(&fixture).await;
    let entries = fixture.entries().await;
    let answers = race(&nodes, 16, move |node, number| {
        let link = link.clone();
        async move {
            let password = format!("a quite good password {number}");
            node.users().reset_password(&at(1), &link, &password).await.map(|_| password)
        }
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1);
    for rejection in bad {
        assert!(matches!(rejection_in(rejection), Rejection::Conflict(_)));
    }
    for password in good {
        try_sign_in(&fixture.service, &at(2), ADA, &password.unwrap()).await.unwrap();
    }
    assert_eq!(fixture.actions_after(entries).await, ["person.password_set"]);
}

async fn a_reset_link_works_an_hour_and_a_newer_one_takes_its_place(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    let service = &fixture.service;
    let (first, second) = (link(&fixture, 0, ADA).await, link(&fixture, 1, ADA).await);
    assert!(matches!(service.users().find_reset_link(&at(1), &first).await.unwrap(), LinkState::Used));
    assert!(matches!(service.users().find_reset_link(&at(HOUR), &second).await.unwrap(), LinkState::Open(_)));
    assert!(matches!(
        service.users().find_reset_link(&at(HOUR + 1), &second).await.unwrap(),
        LinkState::Expired
    ));
    assert!(matches!(service.users().find_reset_link(&at(1), "no link").await.unwrap(), LinkState::Unknown));
    let before = fixture.database.dump().await;
    for (seconds, link) in [(1, &*first), (HOUR + 1, &*second), (1, "no link")] {
        rejection_in(service.users().reset_password(&at(seconds), link, OTHER_PASSWORD).await);
    }
    assert_eq!(fixture.database.dump().await, before);
    // Another person's link stays.
    let max = link(&fixture, 2, MAX).await;
    service.users().reset_password(&at(3), &second, OTHER_PASSWORD).await.unwrap();
    service.users().reset_password(&at(3), &max, OTHER_PASSWORD).await.unwrap();
}

async fn a_used_link_takes_every_other_one_with_it(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    // Two requests at the same time each make a link that the other one does not see.
    let nodes = nodes(&fixture).await;
    let links = race(&nodes, 6, |node, _| async move {
        let link = node.users().make_reset_link(&at(0), "root", ADA).await.unwrap();
        secret_of(&link, "reset")
    });
    let mut good = 0;
    for link in links.await {
        match fixture.service.users().reset_password(&at(1), &link, OTHER_PASSWORD).await {
            Ok(_) => good += 1,
            Err(Error::Rejection(Rejection::Conflict(_))) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(good, 1);
}

async fn what_is_rejected_changes_nothing(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let link = link(&fixture, 0, ADA).await;
    let user = guest.user(service, 1).await;
    let before = fixture.database.dump().await;
    for bad in ["", "short", "password1234", "aaaaaaaaaaaaaaaa", ADA, &"x1y2".repeat(300)] {
        assert!(matches!(
            rejection_in(service.users().reset_password(&at(1), &link, bad).await),
            Rejection::Invalid(_)
        ));
        let rejection = service.users().change_password(&at(1), &user, PASSWORD, bad).await;
        assert!(
            matches!(rejection, Err(SignInRejection::Error(Error::Rejection(Rejection::Invalid(_))))),
            "{bad}: {rejection:?}"
        );
    }
    let wrong = service.users().change_password(&at(1), &user, "wrong", OTHER_PASSWORD).await;
    assert!(matches!(wrong, Err(SignInRejection::Wrong)), "{wrong:?}");
    let nobody = service.users().make_reset_link(&at(1), "root", "nobody@acme.example").await;
    assert!(matches!(rejection_in(nobody), Rejection::NotFound { .. }));
    assert_eq!(fixture.database.dump().await, before);
    service.users().reset_password(&at(2), &link, OTHER_PASSWORD).await.unwrap();
}

async fn a_new_password_is_an_entry_in_each_organisation_of_the_person(fixture: Fixture) {
    let service = &fixture.service;
    service.users().add_member(&at(0), &fixture.outsider, ADA, Role::Member).await.unwrap();
    let guest = Guest::of(&fixture, 0, ADA).await;
    let globex = service.organisations().find("Globex").await.unwrap().id;
    let (acme_before, before) =
        (fixture.entries().await, service.audit_log().export(globex.as_str(), 0).await.unwrap().len());
    let user = guest.user(service, 1).await;
    service.users().change_password(&at(1), &user, PASSWORD, OTHER_PASSWORD).await.unwrap();
    let link = link(&fixture, 2, ADA).await;
    service.users().reset_password(&at(3), &link, PASSWORD).await.unwrap();
    let expected = ["person.password_set", "person.reset_link_made", "person.password_set"];
    assert_eq!(fixture.actions_after(acme_before).await, expected);
    let there = service.audit_log().export(globex.as_str(), i64::try_from(before).unwrap()).await.unwrap();
    assert_eq!(there.iter().map(|event| &*event.action).collect::<Vec<_>>(), expected);
    assert!(there.iter().all(|event| event.actor_name == ADA && event.object_name == ADA));
    let damage = service.audit_log().verify(None).await.unwrap().into_iter().find_map(|report| report.damage);
    assert_eq!(damage, None);
}

async fn nobody_learns_who_is_known_by_asking_for_a_link(fixture: Fixture) {
    let service = &fixture.service;
    let rejection = service.users().request_password_reset(&at(0), ADA);
    assert!(matches!(rejection, Err(service::users::passwords::ResetRejection::NoMail)), "{rejection:?}");
    let post = Post::of(service);
    let before = fixture.database.dump().await;
    asks_for_link(service, 0, "nobody@acme.example").await;
    assert_eq!(fixture.database.dump().await, before);
    service.operations().send_due_mail(&at(1)).await.unwrap();
    assert_eq!(post.attempts(), 0);
    asks_for_link(service, 1, ADA).await;
    service.operations().send_due_mail(&at(1)).await.unwrap();
    let mail = post.mails().remove(0);
    assert_eq!(mail.to.as_str(), ADA);
    let link = secret_of(&mail.text, "reset");
    service.users().reset_password(&at(2), &link, OTHER_PASSWORD).await.unwrap();
    service.operations().send_due_mail(&at(3)).await.unwrap();
    assert_eq!(post.subjects()[1..], ["Your password for Duku was changed"]);
}
