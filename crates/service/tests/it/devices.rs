//! Command lines that a person lets in, and refresh tokens that work once.

use crate::{
    browser::{Guest, command_line, refresh, refresh_token},
    house::{ADA, DAY, House, MAX, at, on_both_engines, policy, reason, rejected, time},
    races::{nodes, race},
};
use domain::Role;
use service::{
    Policy, Reject,
    authorization::COMMAND_LINE,
    devices::{DeviceRefusal, DeviceStart, PollRefusal},
};
use testkit::Engine;

on_both_engines!(
    a_device_waits_is_let_in_and_fetches_its_tokens_once,
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

async fn start(house: &House, seconds: i64) -> DeviceStart {
    house.service.start_device(&at(seconds), COMMAND_LINE, "", "laptop").await.unwrap()
}

async fn poll(house: &House, seconds: i64, start: &DeviceStart) -> Result<String, PollRefusal> {
    let polled = house.service.poll_device(&at(seconds), COMMAND_LINE, start.device_code.expose()).await;
    polled.map(|tokens| refresh_token(&tokens))
}

async fn a_device_waits_is_let_in_and_fetches_its_tokens_once(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let start = start(&house, 0).await;
    assert_eq!((start.expires_in, start.interval, start.user_code.len()), (600, 5, 9));
    assert!(matches!(poll(&house, 0, &start).await, Err(PollRefusal::Pending)));
    let visitor = guest.visitor(service, 1).await;
    let typed = start.user_code.to_lowercase().replace('-', " ");
    let found = service.find_device(&at(1), &visitor, &typed).await.unwrap();
    assert_eq!((found.device.as_str(), found.address.as_deref()), ("laptop", Some("192.0.2.7")));
    let entries = house.entries().await;
    service.decide_device(&at(1), &visitor, &typed, true).await.unwrap();
    let foreign = service.poll_device(&at(10), "viewport", start.device_code.expose()).await;
    assert!(matches!(foreign, Err(PollRefusal::Invalid(_))), "{foreign:?}");
    let tokens = service.poll_device(&at(10), COMMAND_LINE, start.device_code.expose()).await.unwrap();
    let ada = service.authenticate(&at(10), &tokens.access_token).await.unwrap();
    assert_eq!((ada.organisation_name.as_str(), ada.actor().name.as_str()), ("Acme", ADA));
    assert_eq!(house.actions_after(entries).await, ["person.command_line_let_in"]);
    assert!(
        matches!(poll(&house, 20, &start).await, Err(PollRefusal::Invalid(why)) if why.contains("used already"))
    );
    rejected(service.find_device(&at(20), &visitor, &start.user_code).await);
    rejected(service.decide_device(&at(20), &visitor, &start.user_code, false).await);
}

async fn a_device_that_asks_too_soon_is_slowed_down(house: House) {
    let start = start(&house, 0).await;
    assert!(matches!(poll(&house, 0, &start).await, Err(PollRefusal::Pending)));
    assert!(matches!(poll(&house, 4, &start).await, Err(PollRefusal::SlowDown)));
    // From then on five seconds more, counted from the poll that was too soon.
    assert!(matches!(poll(&house, 13, &start).await, Err(PollRefusal::SlowDown)));
    assert!(matches!(poll(&house, 40, &start).await, Err(PollRefusal::Pending)));
    assert!(matches!(poll(&house, 54, &start).await, Err(PollRefusal::SlowDown)));
}

async fn a_denied_device_and_a_late_one_get_nothing(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let (denied, late, approved_late) =
        (start(&house, 0).await, start(&house, 0).await, start(&house, 0).await);
    let visitor = guest.visitor(&house.service, 1).await;
    let decide = |start: &DeviceStart, seconds: i64, yes: bool| {
        let (code, visitor, service) = (start.user_code.clone(), visitor.clone(), house.service.clone());
        async move { service.decide_device(&at(seconds), &visitor, &code, yes).await }
    };
    decide(&denied, 1, false).await.unwrap();
    decide(&approved_late, 1, true).await.unwrap();
    rejected(decide(&denied, 2, true).await);
    assert!(matches!(poll(&house, 10, &denied).await, Err(PollRefusal::Denied)));
    for late in [&late, &approved_late] {
        assert!(matches!(poll(&house, 600, late).await, Err(PollRefusal::Expired)));
    }
    let refusal = house.service.find_device(&at(599), &visitor, &late.user_code).await;
    refusal.unwrap();
    rejected(house.service.find_device(&at(600), &visitor, &late.user_code).await);
    let unknown = house.service.poll_device(&at(1), COMMAND_LINE, "no code").await;
    assert!(matches!(unknown, Err(PollRefusal::Invalid(why)) if why.contains("unknown")));
    let narrow = house.service.start_device(&at(1), COMMAND_LINE, "openid platform:read", "laptop").await;
    assert!(matches!(narrow, Err(DeviceRefusal::Scope(_))), "{narrow:?}");
    assert_eq!(house.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 0);
}

async fn of_racing_decisions_one_counts(house: House) {
    let (ada, max) = (Guest::of(&house, 0, ADA).await, Guest::of(&house, 0, MAX).await);
    let visitors = [ada.visitor(&house.service, 0).await, max.visitor(&house.service, 0).await];
    let nodes = nodes(&house).await;
    for _ in 0..4 {
        let start = start(&house, 0).await;
        let (code, visitors) = (start.user_code.clone(), visitors.clone());
        let answers = race(&nodes, 8, move |node, number| {
            let (code, visitor) = (code.clone(), visitors[number % 2].clone());
            async move {
                let yes = number % 4 < 2;
                node.decide_device(&at(1), &visitor, &code, yes).await.map(|()| (number % 2, yes))
            }
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        for refusal in bad {
            assert!(matches!(rejected(refusal), Reject::Conflict(_)));
        }
        let (who, yes) = good.into_iter().next().unwrap().unwrap();
        let polled = house.service.poll_device(&at(10), COMMAND_LINE, start.device_code.expose()).await;
        match polled {
            Ok(tokens) if yes => assert_eq!(tokens.email.as_str(), [ADA, MAX][who]),
            Err(PollRefusal::Denied) if !yes => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn of_racing_polls_one_gets_the_tokens(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let nodes = nodes(&house).await;
    let start = start(&house, 0).await;
    let visitor = guest.visitor(&house.service, 0).await;
    house.service.decide_device(&at(0), &visitor, &start.user_code, true).await.unwrap();
    let code = start.device_code.expose().to_owned();
    let answers = race(&nodes, 16, move |node, _| {
        let code = code.clone();
        async move { node.poll_device(&at(5), COMMAND_LINE, &code).await }
    });
    let mut good = 0;
    for answer in answers.await {
        match answer {
            Ok(_) => good += 1,
            Err(PollRefusal::SlowDown | PollRefusal::Invalid(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(good, 1);
    assert_eq!(house.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 1);
}

async fn a_device_of_a_person_who_was_removed_leaves_nothing(house: House) {
    let guest = Guest::of(&house, 0, MAX).await;
    let start = start(&house, 0).await;
    let visitor = guest.visitor(&house.service, 0).await;
    house.service.decide_device(&at(0), &visitor, &start.user_code, true).await.unwrap();
    house.service.remove_member(&at(1), &house.admin, MAX).await.unwrap();
    let entries = house.entries().await;
    let refusal = poll(&house, 10, &start).await;
    assert!(matches!(refusal, Err(PollRefusal::Denied)), "{refusal:?}");
    assert_eq!(house.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 0);
    assert_eq!(house.entries().await, entries);
    // It was refused for good: coming back does not revive it.
    house.service.add_member(&at(11), &house.admin, MAX, Role::Member).await.unwrap();
    assert!(matches!(poll(&house, 30, &start).await, Err(PollRefusal::Denied)));
    // A person without an organisation lets nothing in.
    house.service.remove_member(&at(31), &house.admin, MAX).await.unwrap();
    let visitor = guest.visitor(&house.service, 32).await;
    let other = self::start(&house, 32).await;
    let refusal = rejected(house.service.decide_device(&at(32), &visitor, &other.user_code, true).await);
    assert!(matches!(refusal, Reject::Forbidden(_)), "{refusal:?}");
}

async fn a_refresh_token_works_once_and_the_session_lives_on(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let mut token = refresh_token(&command_line(service, 0, &guest).await);
    let mut seen = std::collections::BTreeSet::from([token.clone()]);
    for day in 1..=20 {
        let tokens = refresh(service, day * DAY, &token).await.unwrap();
        assert!(house.accepts(day * DAY, &tokens.access_token).await);
        token = refresh_token(&tokens);
        assert!(seen.insert(token.clone()));
    }
    assert_eq!(house.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 1);
}

async fn of_eight_racing_refreshes_one_wins_and_no_two_tokens_live(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let nodes = nodes(&house).await;
    for _ in 0..5 {
        let token = refresh_token(&command_line(&house.service, 0, &guest).await);
        let answers = race(&nodes, 8, move |node, _| {
            let token = token.clone();
            async move { refresh(&node, 1, &token).await }
        });
        let (good, bad): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1);
        for refusal in bad {
            assert!(matches!(refusal, Err(PollRefusal::Invalid(_))), "{refusal:?}");
        }
        // The winner's token lives, unless one of the others came late enough to look like a thief.
        let winner = good.into_iter().next().unwrap().unwrap();
        let left = house.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await;
        let next = refresh(&house.service, 2, &refresh_token(&winner)).await;
        assert_eq!(i64::from(next.is_ok()), left);
        assert_eq!(house.accepts(2, &winner.access_token).await, next.is_ok());
        if let Ok(tokens) = next {
            house.service.end_command_line(&at(2), &refresh_token(&tokens)).await.unwrap();
        }
    }
}

async fn a_former_refresh_token_ends_the_session_however_old_it_is(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    // One exchange ago, and several: a thief who exchanges a stolen token at once and again does not go unnoticed.
    for exchanges in [1, 2, 5] {
        let stolen = refresh_token(&command_line(service, 0, &guest).await);
        let other = command_line(service, 0, &guest).await;
        let mut tokens = refresh(service, 1, &stolen).await.unwrap();
        for _ in 1..exchanges {
            tokens = refresh(service, 1, &refresh_token(&tokens)).await.unwrap();
        }
        assert!(house.accepts(1, &tokens.access_token).await);
        let entries = house.entries().await;
        let refusal = refresh(service, 2, &stolen).await;
        assert!(matches!(refusal, Err(PollRefusal::Invalid(why)) if why.contains("is over")));
        assert!(reason(service, 2, &tokens.access_token).await.contains("session that this token came from"));
        refresh(service, 2, &refresh_token(&tokens)).await.unwrap_err();
        // Once, and nobody else's.
        assert_eq!(house.actions_after(entries).await, ["person.refresh_token_reused"]);
        let other = refresh(service, 2, &refresh_token(&other)).await.unwrap();
        service.end_command_line(&at(2), &refresh_token(&other)).await.unwrap();
    }
}

async fn what_is_no_refresh_token_changes_nothing(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let token = refresh_token(&command_line(service, 0, &guest).await);
    let before = house.database.dump().await;
    let twice = format!("{}{}", &guest.cookie, &guest.cookie);
    for wrong in
        ["", "x", &*guest.cookie, guest.signed_in.cookie.expose(), &token[..85], &*twice, &"é".repeat(43)]
    {
        assert!(matches!(refresh(service, 1, wrong).await, Err(PollRefusal::Invalid(_))));
        service.end_command_line(&at(1), wrong).await.unwrap();
    }
    assert_eq!(house.database.dump().await, before);
    refresh(service, 2, &token).await.unwrap();
}

async fn who_left_the_organisation_refreshes_no_more(house: House) {
    let guest = Guest::of(&house, 0, MAX).await;
    let service = &house.service;
    let tokens = command_line(service, 0, &guest).await;
    service.remove_member(&at(1), &house.admin, MAX).await.unwrap();
    assert!(!house.accepts(1, &tokens.access_token).await);
    let refusal = refresh(service, 1, &refresh_token(&tokens)).await;
    assert!(matches!(refusal, Err(PollRefusal::Invalid(why)) if why.contains("is over")));
    assert_eq!(house.database.number("SELECT COUNT(*) FROM sessions WHERE kind = 'command_line'").await, 0);
}

async fn a_command_line_ends_itself(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let tokens = command_line(service, 0, &guest).await;
    service.end_command_line(&at(1), &refresh_token(&tokens)).await.unwrap();
    assert!(!house.accepts(1, &tokens.access_token).await);
    refresh(service, 1, &refresh_token(&tokens)).await.unwrap_err();
    assert!(guest.is_in(service, 1).await);
}

async fn a_command_line_ends_after_thirty_unused_days(house: House) {
    let guest = Guest::of(&house, 0, ADA).await;
    let service = &house.service;
    let (kept, lost) = (command_line(service, 0, &guest).await, command_line(service, 0, &guest).await);
    let kept = refresh(service, 30 * DAY - 1, &refresh_token(&kept)).await.unwrap();
    refresh(service, 30 * DAY, &refresh_token(&lost)).await.unwrap_err();
    refresh(service, 60 * DAY - 2, &refresh_token(&kept)).await.unwrap();
    assert_eq!(time(0), at(0).now);
}

#[tokio::test]
async fn guesses_at_a_user_code_are_limited() {
    let limits = Policy { sign_ins_per_person: 3, ..policy() };
    let house = House::with(Engine::Sqlite, limits).await;
    let guest = Guest::of(&house, 0, ADA).await;
    let start = start(&house, 0).await;
    let visitor = guest.visitor(&house.service, 0).await;
    for _ in 0..3 {
        let refusal = rejected(house.service.find_device(&at(0), &visitor, "BBBB-BBBB").await);
        assert!(matches!(refusal, Reject::Conflict(_)), "{refusal:?}");
    }
    let refusal = rejected(house.service.find_device(&at(0), &visitor, &start.user_code).await);
    assert!(matches!(refusal, Reject::TooMany(1..=21)), "{refusal:?}");
}

#[tokio::test]
async fn devices_that_ask_from_one_address_are_limited() {
    let limits = Policy { sign_ins_per_address: 2, ..policy() };
    let house = House::with(Engine::Sqlite, limits).await;
    for _ in 0..2 {
        start(&house, 0).await;
    }
    let refusal = house.service.start_device(&at(0), COMMAND_LINE, "", "laptop").await;
    assert!(matches!(refusal, Err(DeviceRefusal::TooMany(1..=31))), "{refusal:?}");
}
