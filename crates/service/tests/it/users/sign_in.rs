//! Signing in: what is wrong looks alike, attempts are limited, and sessions end when they should.

use crate::{
    fixture::{ADA, DAY, Fixture, HOUR, MAX, at, from, on_both_engines, policy, time},
    users::browser::{Guest, PASSWORD, enrol, has_password, sign_in, sign_in_with, try_sign_in},
};
use domain::SessionKind;
use service::{
    Policy,
    users::sign_in::{Attempt, SignInRejection},
};
use testkit::Engine;

on_both_engines!(
    an_unknown_address_and_a_wrong_password_get_the_same_answer_and_leave_nothing,
    an_address_is_known_however_it_is_typed,
    the_session_of_a_former_cookie_ends,
    a_pending_sign_in_is_no_sign_in,
    a_pending_sign_in_ends_after_ten_minutes_and_is_completed_once,
    a_wrong_second_factor_leaves_the_sign_in_pending,
    a_sign_in_ends_after_twelve_idle_hours,
    a_sign_in_ends_after_seven_days_however_busy_it_is,
    signing_out_ends_viewport_too,
);

async fn an_unknown_address_and_a_wrong_password_get_the_same_answer_and_leave_nothing(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    let before = fixture.database.dump().await;
    // Max has no password yet, the second address belongs to nobody, the third is no address.
    for (email, password) in [
        (ADA, "wrong"),
        (MAX, PASSWORD),
        ("nobody@acme.example", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
    ] {
        let rejection = try_sign_in(&fixture.service, &at(1), email, password).await.unwrap_err();
        assert!(matches!(rejection, SignInRejection::Wrong), "{email}: {rejection:?}");
    }
    assert_eq!(fixture.database.dump().await, before);
}

async fn an_address_is_known_however_it_is_typed(fixture: Fixture) {
    has_password(&fixture, ADA).await;
    for email in [" ada@acme.example ", "ADA@Acme.Example"] {
        let signed_in = sign_in(&fixture.service, 1, email).await;
        assert_eq!(signed_in.session.kind, SessionKind::SignIn);
        assert_eq!(signed_in.session.expires_at, time(1 + 7 * DAY));
    }
}

async fn the_session_of_a_former_cookie_ends(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let former = guest.signed_in.cookie.expose();
    let attempt = Attempt { email: ADA, password: "wrong", device: "" };
    fixture.service.users().sign_in(&at(1), attempt, Some(former)).await.unwrap_err();
    assert!(guest.is_in(&fixture.service, 1).await, "a failed attempt ends nothing");
    let attempt = Attempt { email: ADA, password: PASSWORD, device: "" };
    let next = fixture.service.users().sign_in(&at(2), attempt, Some(former)).await.unwrap();
    assert_eq!(next.session.device, "unknown");
    assert!(!guest.is_in(&fixture.service, 2).await);
    assert!(fixture.service.users().find_sign_in(&at(2), former).await.unwrap().is_none());
    assert!(fixture.service.users().find_sign_in(&at(2), next.cookie.expose()).await.unwrap().is_some());
}

async fn a_pending_sign_in_is_no_sign_in(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (phone, _) = enrol(&fixture, 30, &guest).await;
    let pending = sign_in(&fixture.service, 90, ADA).await;
    assert!(pending.is_pending());
    // Whoever forgets to look gives out a code; it is exchanged for nothing.
    let code = crate::users::browser::code(&fixture.service, 90, &pending).await;
    crate::users::browser::sign_in_to_viewport(&fixture.service, 90, &code).await.unwrap_err();
    let listed = fixture
        .service
        .users()
        .list_sessions(&at(90), &guest.user(&fixture.service, 90).await)
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
    let signed_in = sign_in_with(&fixture.service, 120, ADA, &phone.code_at(time(120))).await;
    assert_eq!(signed_in.session.second_factor_at, Some(time(120)));
    let guest = Guest::with(&fixture, 121, signed_in).await;
    assert_eq!(guest.user(&fixture.service, 121).await.session.second_factor_at, Some(time(120)));
}

async fn a_pending_sign_in_ends_after_ten_minutes_and_is_completed_once(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (phone, codes) = enrol(&fixture, 0, &guest).await;
    let service = &fixture.service;
    let late = sign_in(service, 60, ADA).await;
    let over =
        service.users().give_second_factor(&at(660), late.cookie.expose(), &phone.code_at(time(660))).await;
    assert!(matches!(over, Err(SignInRejection::Over)), "{over:?}");
    let pending = sign_in(service, 700, ADA).await;
    let code = phone.code_at(time(701));
    let done = service.users().give_second_factor(&at(701), pending.cookie.expose(), &code).await.unwrap();
    assert_ne!(done.cookie.expose(), pending.cookie.expose());
    let found = service.users().find_sign_in(&at(702), done.cookie.expose()).await.unwrap().unwrap();
    assert_eq!((found.kind, found.expires_at), (SessionKind::SignIn, time(701 + 7 * DAY)));
    assert!(service.users().find_sign_in(&at(702), pending.cookie.expose()).await.unwrap().is_none());
    for cookie in [pending.cookie.expose(), done.cookie.expose()] {
        let again = service.users().give_second_factor(&at(702), cookie, &codes[0]).await;
        assert!(matches!(again, Err(SignInRejection::Over)), "{again:?}");
    }
}

async fn a_wrong_second_factor_leaves_the_sign_in_pending(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (phone, _) = enrol(&fixture, 0, &guest).await;
    let service = &fixture.service;
    let pending = sign_in(service, 90, ADA).await;
    for code in ["", "000", "abcd-efgh-jkmn", &phone.code_at(time(3600))] {
        let wrong = service.users().give_second_factor(&at(90), pending.cookie.expose(), code).await;
        assert!(matches!(wrong, Err(SignInRejection::Wrong)), "{code}: {wrong:?}");
    }
    let code = phone.code_at(time(90));
    service.users().give_second_factor(&at(90), pending.cookie.expose(), &code).await.unwrap();
}

async fn a_sign_in_ends_after_twelve_idle_hours(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let (service, cookie) = (&fixture.service, guest.signed_in.cookie.expose());
    assert!(service.users().find_sign_in(&at(12 * HOUR - 1), cookie).await.unwrap().is_some());
    assert!(service.users().find_sign_in(&at(12 * HOUR), cookie).await.unwrap().is_none());
    assert!(guest.look(service, 12 * HOUR).await.is_none());
    // Viewport's use is the sign-in's use.
    let user = guest.user(service, 12 * HOUR - 1).await;
    assert!(service.users().find_sign_in(&at(23 * HOUR), cookie).await.unwrap().is_some());
    assert!(guest.is_in(service, 24 * HOUR - 2).await);
    assert_eq!(service.users().list_sessions(&at(35 * HOUR), &user).await.unwrap().len(), 1);
    assert_eq!(service.users().list_sessions(&at(37 * HOUR), &user).await.unwrap().len(), 0, "it is over");
}

async fn a_sign_in_ends_after_seven_days_however_busy_it_is(fixture: Fixture) {
    let guest = Guest::of(&fixture, 0, ADA).await;
    let service = &fixture.service;
    for hour in (0..7 * 24).step_by(8) {
        assert!(guest.is_in(service, hour * HOUR).await, "hour {hour}");
    }
    assert!(guest.is_in(service, 7 * DAY - 1).await);
    assert!(!guest.is_in(service, 7 * DAY).await);
    assert!(
        service.users().find_sign_in(&at(7 * DAY), guest.signed_in.cookie.expose()).await.unwrap().is_none()
    );
}

async fn signing_out_ends_viewport_too(fixture: Fixture) {
    let (guest, other) = (Guest::of(&fixture, 0, ADA).await, Guest::of(&fixture, 0, ADA).await);
    let service = &fixture.service;
    service.users().sign_out(&at(1), "no cookie").await.unwrap();
    service.users().sign_out(&at(1), guest.signed_in.cookie.expose()).await.unwrap();
    assert!(!guest.is_in(service, 1).await);
    assert!(other.is_in(service, 1).await);
    // Viewport's cookie ends the sign-in that it came from.
    service.users().sign_out(&at(1), &other.cookie).await.unwrap();
    assert!(service.users().find_sign_in(&at(1), other.signed_in.cookie.expose()).await.unwrap().is_none());
    assert_eq!(fixture.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn limited(sign_ins_per_person: u32, sign_ins_per_address: u32) -> Fixture {
    let policy = Policy { sign_ins_per_person, sign_ins_per_address, ..policy() };
    let fixture = Fixture::with(Engine::Sqlite, policy).await;
    has_password(&fixture, ADA).await;
    fixture
}

fn waits(answer: Result<service::users::sign_in::SignedIn, SignInRejection>) -> bool {
    match answer {
        Ok(_) | Err(SignInRejection::Wrong) => false,
        Err(SignInRejection::TooManyAttempts(seconds)) => {
            assert!((1..=61).contains(&seconds), "{seconds}");
            true
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_network_cannot_lock_a_person_out_of_another() {
    let fixture = limited(2, 0).await;
    let (bad, home) = (from("192.0.2.1", 0), from("198.51.100.1", 0));
    let mut waited = 0;
    // Far more than the limit of all networks together.
    for _ in 0..100 {
        waited += usize::from(waits(try_sign_in(&fixture.service, &bad, ADA, "wrong").await));
    }
    assert!(waited >= 95, "{waited}");
    assert!(waits(try_sign_in(&fixture.service, &bad, ADA, PASSWORD).await), "the right one waits as well");
    assert!(!waits(try_sign_in(&fixture.service, &home, ADA, PASSWORD).await));
}

#[tokio::test]
async fn guesses_from_many_networks_are_limited_together() {
    let fixture = limited(2, 0).await;
    let mut waited = 0;
    for number in 0..40 {
        let ctx = from(&format!("{}.0.2.1", number + 1), 0);
        waited += usize::from(waits(try_sign_in(&fixture.service, &ctx, ADA, "wrong").await));
    }
    assert!(waited >= 15, "{waited}");
}

#[tokio::test]
async fn guesses_from_everywhere_keep_nobody_out_of_the_own_network() {
    let fixture = limited(2, 0).await;
    let home = || from("2001:db8:1:2::7", 0);
    let signed_in = try_sign_in(&fixture.service, &home(), ADA, PASSWORD).await;
    assert!(signed_in.is_ok());
    for number in 0..60 {
        let _ = try_sign_in(&fixture.service, &from(&format!("{}.0.2.1", number + 1), 0), ADA, "wrong").await;
    }
    assert!(
        waits(try_sign_in(&fixture.service, &from("2001:db8:9::1", 0), ADA, PASSWORD).await),
        "elsewhere"
    );
    let neighbour = from("2001:db8:1:2::8", 0);
    assert!(try_sign_in(&fixture.service, &neighbour, ADA, PASSWORD).await.is_ok(), "the own network");
    assert!(
        waits(try_sign_in(&fixture.service, &home(), ADA, "wrong").await),
        "which has its own limit still"
    );
}

#[tokio::test]
async fn writing_an_address_otherwise_does_not_begin_to_count_anew() {
    let fixture = limited(2, 0).await;
    let mut waited = 0;
    for email in ["ada@acme.example", " ada@acme.example", "ADA@acme.example", "Ada@Acme.Example\t", ADA] {
        waited += usize::from(waits(try_sign_in(&fixture.service, &at(0), email, "wrong").await));
    }
    assert_eq!(waited, 3);
}

#[tokio::test]
async fn an_address_that_tries_many_people_has_to_wait() {
    let fixture = limited(0, 3).await;
    let mut waited = 0;
    for number in 0..5 {
        let email = format!("person{number}@acme.example");
        waited += usize::from(waits(try_sign_in(&fixture.service, &at(0), &email, "wrong").await));
    }
    assert_eq!(waited, 2);
    assert!(!waits(try_sign_in(&fixture.service, &from("198.51.100.1", 0), ADA, PASSWORD).await));
}

#[tokio::test]
async fn guesses_at_a_second_factor_are_limited() {
    let fixture = limited(3, 0).await;
    let signed_in = sign_in(&fixture.service, 0, ADA).await;
    let guest = Guest::with(&fixture, 0, signed_in).await;
    let (phone, _) = enrol(&fixture, 0, &guest).await;
    let pending = sign_in(&fixture.service, 90, ADA).await;
    for _ in 0..2 {
        let answer =
            fixture.service.users().give_second_factor(&at(90), pending.cookie.expose(), "000000").await;
        assert!(matches!(answer, Err(SignInRejection::Wrong)), "{answer:?}");
    }
    let code = phone.code_at(time(90));
    let answer = fixture.service.users().give_second_factor(&at(90), pending.cookie.expose(), &code).await;
    assert!(matches!(answer, Err(SignInRejection::TooManyAttempts(1..=121))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_that_would_wait_too_long_are_turned_away() {
    let fixture = Fixture::with(Engine::Sqlite, Policy { password_checks: 1, ..policy() }).await;
    has_password(&fixture, ADA).await;
    let (service, ctx) = (&fixture.service, at(1));
    let attempts = (0..80).map(|_| try_sign_in(service, &ctx, ADA, "wrong"));
    let rejections = futures::future::join_all(attempts).await.into_iter().map(Result::unwrap_err);
    let (mut wrong, mut later) = (0, 0);
    for rejection in rejections {
        match rejection {
            SignInRejection::Wrong => wrong += 1,
            SignInRejection::TooManyAttempts(_) => later += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(wrong >= 50 && later > 0 && wrong + later == 80, "{wrong} were checked, {later} turned away");
}
