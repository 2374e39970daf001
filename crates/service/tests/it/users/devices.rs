//! Devices that a user approves, and refresh tokens that work once.

use crate::{
    fixture::{ADA, DAY, Fixture, MAX, at, on_both_engines, policy, reason, rejection_in, time},
    keys::races::{nodes, race},
    users::browser::{Guest, command_line, refresh, refresh_token},
};
use domain::Role;
use service::{
    Policy, Rejection,
    users::{
        authorization_codes::COMMAND_LINE,
        devices::{DeviceRejection, DeviceStart, PollRejection},
    },
};
use testkit::Engine;

on_both_engines!(
    a_device_waits_is_approved_and_fetches_its_tokens_once,
    a_device_that_asks_too_soon_is_slowed_down,
    a_denied_device_and_a_late_one_get_nothing,
    of_racing_decisions_one_counts,
    of_racing_polls_one_gets_the_tokens,
    a_device_of_a_person_who_was_removed_leaves_nothing,
    a_refresh_token_works_once_and_the_session_lives_on,
    of_eight_racing_refreshes_one_wins_and_no_two_tokens_live,
    a_former_refresh_token_ends_the_session_however_old_it_is,
    what_is_no_refresh_token_changes_nothing,
    who_left_the_organisation_refreshes_no_more,
    a_command_line_ends_itself,
    a_command_line_ends_after_thirty_unused_days,
);

async fn start(fixture: &Fixture, seconds: i64) -> DeviceStart {
    fixture.service.users().start_device(&at(seconds), COMMAND_LINE, "", "laptop").await.unwrap()
}

async fn poll(fixture: &Fixture, seconds: i64, start: &DeviceStart) -> Result<String, PollRejection> {
    let polled =
        fixture.service.users().poll_device(&at(seconds), COMMAND_LINE, start.device_code.expose()).await;
    polled.map(|tokens| refresh_token(&tokens))
}

async fn a_device_waits_is_approved_and_fetches_its_tokens_once(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let start = start(&fixture, 0).await;
    assert_eq!((start.expires_in, start.interval, start.user_code.len()), (600, 5, 9));
    assert!(matches!(poll(&fixture, 0, &start).await, Err(PollRejection::Pending)));
    let user = guest.user(service, 1).await;
    let typed = start.user_code.to_lowercase().replace('-', " ");
    let found = service.users().find_device(&at(1), &user, &typed).await.unwrap();
    assert_eq!((found.device.as_str(), found.address.as_deref()), ("laptop", Some("192.0.2.7")));
    let entries = fixture.entries().await;
    service.users().decide_device(&at(1), &user, &typed, true).await.unwrap();
    let foreign = service.users().poll_device(&at(10), "viewport", start.device_code.expose()).await;
    assert!(matches!(foreign, Err(PollRejection::Invalid(_))), "{foreign:?}");
    let tokens =
        service.users().poll_device(&at(10), COMMAND_LINE, start.device_code.expose()).await.unwrap();
    let ada = service.tokens().authenticate(&at(10), &tokens.access_token).await.unwrap();
    assert_eq!((ada.organisation_name.as_str(), ada.actor().name.as_str()), ("Acme", ADA));
    assert_eq!(fixture.actions_after(entries).await, ["person.device_approved"]);
    assert!(
        matches!(poll(&fixture, 20, &start).await, Err(PollRejection::Invalid(why)) if why.contains("used already"))
    );
    rejection_in(service.users().find_device(&at(20), &user, &start.user_code).await);
    rejection_in(service.users().decide_device(&at(20), &user, &start.user_code, false).await);
}

async fn a_device_that_asks_too_soon_is_slowed_down(fixture: Fixture) {
    let start = start(&fixture, 0).await;
    assert!(matches!(poll(&fixture, 0, &start).await, Err(PollRejection::Pending)));
    assert!(matches!(poll(&fixture, 4, &start).await, Err(PollRejection::SlowDown)));
    // From then on five seconds more, counted from the poll that was too soon.
    assert!(matches!(poll(&fixture, 13, &start).await, Err(PollRejection::SlowDown)));
    assert!(matches!(poll(&fixture, 40, &start).await, Err(PollRejection::Pending)));
    assert!(matches!(poll(&fixture, 54, &start).await, Err(PollRejection::SlowDown)));
}

async fn a_denied_device_and_a_late_one_get_nothing(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (denied, late, approved_late) =
        (start(&fixture, 0).await, start(&fixture, 0).await, start(&fixture, 0).await);
    let user = guest.user(&fixture.service, 1).await;
    let decide = |start: &DeviceStart, seconds: i64, yes: bool| {
        let (code, user, service) = (start.user_code.clone(), user.clone(), fixture.service.clone());
        async move { service.users().decide_device(&at(seconds), &user, &code, yes).await }
    };
    decide(&denied, 1, false).await.unwrap();
    decide(&approved_late, 1, true).await.unwrap();
    rejection_in(decide(&denied, 2, true).await);
    assert!(matches!(poll(&fixture, 10, &denied).await, Err(PollRejection::Denied)));
    for late in [&late, &approved_late] {
        assert!(matches!(poll(&fixture, 600, late).await, Err(PollRejection::Expired)));
    }
    let rejection = fixture.service.users().find_device(&at(599), &user, &late.user_code).await;
    rejection.unwrap();
    rejection_in(fixture.service.users().find_device(&at(600), &user, &late.user_code).await);
    let unknown = fixture.service.users().poll_device(&at(1), COMMAND_LINE, "no code").await;
    assert!(matches!(unknown, Err(PollRejection::Invalid(why)) if why.contains("unknown")));
    let narrow =
        fixture.service.users().start_device(&at(1), COMMAND_LINE, "openid platform:read", "laptop").await;
    assert!(matches!(narrow, Err(DeviceRejection::Scope(_))), "{narrow:?}");
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 0);
}

async fn of_racing_decisions_one_counts(fixture: Fixture) {
    let (ada, max) = (Guest::of(&fixture, 0, ADA).await, Guest::of(&fixture, 0, MAX).await);
    let current_user = [ada.user(&fixture.service, 0).await, max.user(&fixture.service, 0).await];
    let nodes = nodes(&fixture).await;
    for _ in 0..4 {
        let start = start(&fixture, 0).await;
        let (code, current_user) = (start.user_code.clone(), current_user.clone());
        let answers = race(&nodes, 8, move |node, number| {
            let (code, user) = (code.clone(), current_user[number % 2].clone());
            async move {
                let yes = number % 4 < 2;
                node.users().decide_device(&at(1), &user, &code, yes).await.map(|()| (number % 2, yes))
            }
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        for rejection in bad {
            assert!(matches!(rejection_in(rejection), Rejection::Conflict(_)));
        }
        let (who, yes) = good.into_iter().next().unwrap().unwrap();
        let polled =
            fixture.service.users().poll_device(&at(10), COMMAND_LINE, start.device_code.expose()).await;
        match polled {
            Ok(tokens) if yes => assert_eq!(tokens.email.as_str(), [ADA, MAX][who]),
            Err(PollRejection::Denied) if !yes => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn of_racing_polls_one_gets_the_tokens(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let nodes = nodes(&fixture).await;
    let start = start(&fixture, 0).await;
    let user = guest.user(&fixture.service, 0).await;
    fixture.service.users().decide_device(&at(0), &user, &start.user_code, true).await.unwrap();
    let code = start.device_code.expose().to_owned();
    let answers = race(&nodes, 16, move |node, _| {
        let code = code.clone();
        async move { node.users().poll_device(&at(5), COMMAND_LINE, &code).await }
    });
    let mut good = 0;
    for answer in answers.await {
        match answer {
            Ok(_) => good += 1,
            Err(PollRejection::SlowDown | PollRejection::Invalid(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(good, 1);
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 1);
}

async fn a_device_of_a_person_who_was_removed_leaves_nothing(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, MAX).await;
    let start = start(&fixture, 0).await;
    let user = guest.user(&fixture.service, 0).await;
    fixture.service.users().decide_device(&at(0), &user, &start.user_code, true).await.unwrap();
    fixture.service.users().remove_member(&at(1), &fixture.admin, MAX).await.unwrap();
    let entries = fixture.entries().await;
    let rejection = poll(&fixture, 10, &start).await;
    assert!(matches!(rejection, Err(PollRejection::Denied)), "{rejection:?}");
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 0);
    assert_eq!(fixture.entries().await, entries);
    // It was rejected for good: coming back does not revive it.
    fixture.service.users().add_member(&at(11), &fixture.admin, MAX, Role::Member).await.unwrap();
    assert!(matches!(poll(&fixture, 30, &start).await, Err(PollRejection::Denied)));
    // A person without an organisation lets nothing in.
    fixture.service.users().remove_member(&at(31), &fixture.admin, MAX).await.unwrap();
    let user = guest.user(&fixture.service, 32).await;
    let other = self::start(&fixture, 32).await;
    let rejection =
        rejection_in(fixture.service.users().decide_device(&at(32), &user, &other.user_code, true).await);
    assert!(matches!(rejection, Rejection::Forbidden(_)), "{rejection:?}");
}

async fn a_refresh_token_works_once_and_the_session_lives_on(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let mut token = refresh_token(&command_line(service, 0, &guest).await);
    let mut seen = std::collections::BTreeSet::from([token.clone()]);
    for day in 1..=20 {
        let tokens = refresh(service, day * DAY, &token).await.unwrap();
        assert!(fixture.accepts(day * DAY, &tokens.access_token).await);
        token = refresh_token(&tokens);
        assert!(seen.insert(token.clone()));
    }
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 1);
}

async fn of_eight_racing_refreshes_one_wins_and_no_two_tokens_live(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let nodes = nodes(&fixture).await;
    for _ in 0..5 {
        let token = refresh_token(&command_line(&fixture.service, 0, &guest).await);
        let answers = race(&nodes, 8, move |node, _| {
            let token = token.clone();
            async move { refresh(&node, 1, &token).await }
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        for rejection in bad {
            assert!(matches!(rejection, Err(PollRejection::Invalid(_))), "{rejection:?}");
        }
        // The winner's token lives, unless one of the others came late enough to look like a thief.
        let winner = good.into_iter().next().unwrap().unwrap();
        let left = fixture.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await;
        let next = refresh(&fixture.service, 2, &refresh_token(&winner)).await;
        assert_eq!(i64::from(next.is_ok()), left);
        assert_eq!(fixture.accepts(2, &winner.access_token).await, next.is_ok());
        if let Ok(tokens) = next {
            fixture.service.users().end_command_line(&at(2), &refresh_token(&tokens)).await.unwrap();
        }
    }
}

async fn a_former_refresh_token_ends_the_session_however_old_it_is(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    // One exchange ago, and several: a thief who exchanges a stolen token at once and again does not go unnoticed.
    for exchanges in [1, 2, 5] {
        let stolen = refresh_token(&command_line(service, 0, &guest).await);
        let other = command_line(service, 0, &guest).await;
        let mut tokens = refresh(service, 1, &stolen).await.unwrap();
        for _ in 1..exchanges {
            tokens = refresh(service, 1, &refresh_token(&tokens)).await.unwrap();
        }
        assert!(fixture.accepts(1, &tokens.access_token).await);
        let entries = fixture.entries().await;
        let rejection = refresh(service, 2, &stolen).await;
        assert!(matches!(rejection, Err(PollRejection::Invalid(why)) if why.contains("is over")));
        assert!(reason(service, 2, &tokens.access_token).await.contains("session that this token came from"));
        refresh(service, 2, &refresh_token(&tokens)).await.unwrap_err();
        // Once, and nobody else's.
        assert_eq!(fixture.actions_after(entries).await, ["person.refresh_token_reused"]);
        let other = refresh(service, 2, &refresh_token(&other)).await.unwrap();
        service.users().end_command_line(&at(2), &refresh_token(&other)).await.unwrap();
    }
}

async fn what_is_no_refresh_token_changes_nothing(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let token = refresh_token(&command_line(service, 0, &guest).await);
    let before = fixture.database.dump().await;
    let twice = format!("{}{}", &guest.cookie, &guest.cookie);
    for wrong in
        ["", "x", &*guest.cookie, guest.signed_in.cookie.expose(), &token[..85], &*twice, &"é".repeat(43)]
    {
        assert!(matches!(refresh(service, 1, wrong).await, Err(PollRejection::Invalid(_))));
        service.users().end_command_line(&at(1), wrong).await.unwrap();
    }
    assert_eq!(fixture.database.dump().await, before);
    refresh(service, 2, &token).await.unwrap();
}

async fn who_left_the_organisation_refreshes_no_more(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, MAX).await;
    let service = &fixture.service;
    let tokens = command_line(service, 0, &guest).await;
    service.users().remove_member(&at(1), &fixture.admin, MAX).await.unwrap();
    assert!(!fixture.accepts(1, &tokens.access_token).await);
    let rejection = refresh(service, 1, &refresh_token(&tokens)).await;
    assert!(matches!(rejection, Err(PollRejection::Invalid(why)) if why.contains("is over")));
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 0);
}

async fn a_command_line_ends_itself(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let tokens = command_line(service, 0, &guest).await;
    service.users().end_command_line(&at(1), &refresh_token(&tokens)).await.unwrap();
    assert!(!fixture.accepts(1, &tokens.access_token).await);
    refresh(service, 1, &refresh_token(&tokens)).await.unwrap_err();
    assert!(guest.is_in(service, 1).await);
}

async fn a_command_line_ends_after_thirty_unused_days(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let (kept, lost) = (command_line(service, 0, &guest).await, command_line(service, 0, &guest).await);
    let kept = refresh(service, 30 * DAY - 1, &refresh_token(&kept)).await.unwrap();
    refresh(service, 30 * DAY, &refresh_token(&lost)).await.unwrap_err();
    refresh(service, 60 * DAY - 2, &refresh_token(&kept)).await.unwrap();
    assert_eq!(time(0), at(0).now);
}

#[tokio::test]
async fn guesses_at_a_user_code_are_limited() {
    let limits = Policy { sign_ins_per_person: 3, ..policy() };
    let fixture = Fixture::with(Engine::Sqlite, limits).await;
    let guest = Guest::of(&fixture, 0, ADA).await;
    let start = start(&fixture, 0).await;
    let user = guest.user(&fixture.service, 0).await;
    for _ in 0..3 {
        let rejection = rejection_in(fixture.service.users().find_device(&at(0), &user, "BBBB-BBBB").await);
        assert!(matches!(rejection, Rejection::Conflict(_)), "{rejection:?}");
    }
    let rejection = rejection_in(fixture.service.users().find_device(&at(0), &user, &start.user_code).await);
    assert!(matches!(rejection, Rejection::TooMany(1..=21)), "{rejection:?}");
}

#[tokio::test]
async fn devices_that_ask_from_one_address_are_limited() {
    let limits = Policy { sign_ins_per_address: 2, ..policy() };
    let fixture = Fixture::with(Engine::Sqlite, limits).await;
    for _ in 0..2 {
        start(&fixture, 0).await;
    }
    let rejection = fixture.service.users().start_device(&at(0), COMMAND_LINE, "", "laptop").await;
    assert!(matches!(rejection, Err(DeviceRejection::TooMany(1..=31))), "{rejection:?}");
}
