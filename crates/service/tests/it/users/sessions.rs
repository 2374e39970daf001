//! Sessions in Viewport: how long they live, and what ends them.

use crate::{
    fixture::{ADA, DAY, Fixture, HOUR, MAX, accepts, at, on_both_engines, reason, rejection_in, time},
    users::browser::{Guest, browser_token, command_line, refresh, refresh_token},
};
use domain::SessionKind;
use service::Rejection;

on_both_engines!(
    last_seen_is_written_once_a_minute_at_most,
    a_child_never_outlives_its_sign_in,
    what_is_over_is_forgotten_with_its_children,
    a_person_ends_own_sessions_and_no_others,
    ending_all_other_sessions_keeps_this_one,
    a_token_of_a_session_ends_with_it,
);

async fn last_seen_is_written_once_a_minute_at_most(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let before = fixture.database.dump().await;
    for seconds in [1, 30, 59] {
        guest.user(service, seconds).await;
    }
    assert_eq!(fixture.database.dump().await, before);
    guest.user(service, 60).await;
    assert_eq!(guest.user(service, 61).await.session.last_seen_at, time(60));
    let sign_in =
        service.users().find_sign_in(&at(61), guest.signed_in.cookie.expose()).await.unwrap().unwrap();
    assert_eq!(sign_in.last_seen_at, time(60), "the sign-in is seen with its Viewport");
    // A clock that is set back writes nothing.
    let after = fixture.database.dump().await;
    guest.user(service, 20).await;
    assert_eq!(fixture.database.dump().await, after);
}

async fn a_child_never_outlives_its_sign_in(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    for hour in (0..7 * 24).step_by(8) {
        guest.user(service, hour * HOUR).await;
    }
    // The use of the last hours would let it live on for twelve hours.
    guest.user(service, 7 * DAY - 10).await;
    assert!(!guest.is_in(service, 7 * DAY).await);
    service.operations().every_minute(&at(7 * DAY)).await.unwrap();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn what_is_over_is_forgotten_with_its_children(fixture: Fixture) {
    let (old, young) = (Guest::of(&fixture, 0, ADA).await, Guest::of(&fixture, DAY, ADA).await);
    let service = &fixture.service;
    for hour in (0..7 * 24).step_by(8) {
        old.user(service, hour * HOUR).await;
        if hour > 24 {
            young.user(service, hour * HOUR).await;
        }
    }
    service.operations().every_minute(&at(7 * DAY)).await.unwrap();
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions").await, 2);
    assert!(young.is_in(service, 7 * DAY).await);
    assert!(!old.is_in(service, 7 * DAY).await);
}

async fn a_person_ends_own_sessions_and_no_others(fixture: Fixture) {
    let (ada, elsewhere, max) = (
        Guest::of(&fixture, 0, ADA).await,
        Guest::of(&fixture, 1, ADA).await,
        Guest::of(&fixture, 2, MAX).await,
    );
    let service = &fixture.service;
    let tokens = command_line(service, 3, &ada).await;
    let user = ada.user(service, 4).await;
    let listed = service.users().list_sessions(&at(4), &user).await.unwrap();
    let kinds: Vec<_> = listed.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [SessionKind::SignIn, SessionKind::SignIn, SessionKind::CommandLine]);
    let entries = fixture.entries().await;
    for foreign in [max.signed_in.session.id.as_str(), "ses_00000000000000000000000000", "nothing"] {
        let rejection = rejection_in(service.users().end_session(&at(4), &user, foreign).await);
        assert!(matches!(rejection, Rejection::NotFound { kind: "session", .. }), "{rejection:?}");
    }
    assert!(max.is_in(service, 4).await);
    service.users().end_session(&at(4), &user, elsewhere.signed_in.session.id.as_str()).await.unwrap();
    service.users().end_session(&at(4), &user, listed[2].id.as_str()).await.unwrap();
    assert!(!elsewhere.is_in(service, 4).await && ada.is_in(service, 4).await);
    refresh(service, 4, &refresh_token(&tokens)).await.unwrap_err();
    assert_eq!(fixture.actions_after(entries).await, ["person.session_ended", "person.session_ended"]);
}

async fn ending_all_other_sessions_keeps_this_one(fixture: Fixture) {
    let (ada, elsewhere) = (Guest::of(&fixture, 0, ADA).await, Guest::of(&fixture, 0, ADA).await);
    let service = &fixture.service;
    let tokens = command_line(service, 1, &elsewhere).await;
    // Whoever was approved elsewhere and has not come yet does not come any more.
    let client = service::users::authorization_codes::COMMAND_LINE;
    let waiting = service.users().start_device(&at(2), client, "", "laptop").await.unwrap();
    let user = elsewhere.user(service, 2).await;
    service.users().decide_device(&at(2), &user, &waiting.user_code, true).await.unwrap();
    let user = ada.user(service, 2).await;
    assert_eq!(service.users().end_other_sessions(&at(2), &user).await.unwrap(), 3);
    assert_eq!(service.users().end_other_sessions(&at(2), &user).await.unwrap(), 0);
    assert!(!elsewhere.is_in(service, 2).await && ada.is_in(service, 2).await);
    refresh(service, 2, &refresh_token(&tokens)).await.unwrap_err();
    let polled = service.users().poll_device(&at(10), client, waiting.device_code.expose()).await;
    assert!(matches!(polled, Err(service::users::devices::PollRejection::Denied)), "{polled:?}");
    assert!(!accepts(service, 2, &tokens.access_token).await);
}

async fn a_token_of_a_session_ends_with_it(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    let other = fixture.another_node(0).await;
    let tokens = browser_token(service, 1, &guest.signed_in).await;
    assert!(tokens.id_token.is_some());
    let token = tokens.tokens.access_token;
    assert!(accepts(&other, 1, &token).await);
    service.users().sign_out(&at(1), guest.signed_in.cookie.expose()).await.unwrap();
    assert_eq!(
        reason(&other, 1, &token).await,
        "the session that this token came from has ended: sign in again"
    );
}
