//! Passkeys: what they open, and everything that they do not.

mod authenticator;

use crate::{
    fixture::{ADA, EVE, Fixture, MAX, at, on_both_engines, open, policy, rejection_in},
    users::browser::phone,
};
use authenticator::Authenticator;
use domain::{SessionKind, users::passkey::PASSKEYS_MAXIMUM};
use futures::future::join;
use service::{
    CurrentUser, Error, Policy, Rejection, RequestContext, Service,
    users::{
        authorization_codes::{CodeRequest, VIEWPORT},
        passkeys::PasskeyAttempt,
        sign_in::{Attempt, SignInRejection, SignedIn},
    },
};

pub(crate) const AUTH_URL: &str = "https://auth.acme.example";
pub(crate) const VIEWPORT_URL: &str = "https://viewport.acme.example";
const PASSWORD: &str = "correct horse staple nine";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rules-of-pkce";
const MINUTES: i64 = 60;

on_both_engines!(
    a_passkey_signs_in_as_password_and_second_factor_until_it_is_removed,
    a_challenge_is_taken_once_for_one_purpose_within_five_minutes,
    racing_answers_to_a_challenge_open_one_session,
    nothing_but_the_right_answer_signs_in,
    a_counter_that_does_not_grow_is_rejected,
    changing_passkeys_needs_a_proof_of_just_now_with_the_second_factor,
    a_passkey_is_added_once_and_by_whom_it_was_asked_for,
    an_operator_removes_the_passkeys_of_who_lost_the_phone,
    passkeys_are_limited_in_number_and_attempts,
);

fn here(policy: Policy) -> Policy {
    Policy {
        issuer: format!("{AUTH_URL}/realms/duku"),
        viewport: VIEWPORT_URL.to_owned(),
        sign_ins_per_person: 0,
        sign_ins_per_address: 0,
        ..policy
    }
}

/// The fixture's service at URLs where passkeys can be used.
async fn moved(fixture: &Fixture) -> Service {
    open(&fixture.database, &fixture.master_key, here(policy()), 0).await
}

/// Ends every session of the person.
async fn set_password(service: &Service, email: &str) {
    let link = service.users().make_reset_link(&at(0), "test", email).await.unwrap();
    service.users().reset_password(&at(0), link.rsplit('/').next().unwrap(), PASSWORD).await.unwrap();
}

async fn with_password(service: &Service, seconds: i64, email: &str) -> SignedIn {
    let attempt = Attempt { email, password: PASSWORD, device: "Firefox" };
    service.users().sign_in(&at(seconds), attempt, None).await.unwrap()
}

async fn sign_in_to_viewport(service: &Service, seconds: i64, signed_in: &SignedIn) -> CurrentUser {
    let (ctx, redirect_uri) = (at(seconds), service.users().viewport_redirect_uri());
    let challenge = jose::base64url::encode(&jose::sha256(VERIFIER.as_bytes()));
    let request = CodeRequest {
        client_id: VIEWPORT,
        redirect_uri: &redirect_uri,
        challenge: &challenge,
        scope: "openid",
        nonce: None,
    };
    let code = service.users().issue_code(&ctx, &signed_in.session, request).await.unwrap();
    let viewport_session =
        service.users().sign_in_to_viewport(&ctx, code.expose(), VERIFIER, "Firefox").await.unwrap();
    service.users().find_current_user(&ctx, viewport_session.cookie.expose()).await.unwrap().unwrap()
}

/// A person in Viewport, who has just set a password and typed it.
async fn user(service: &Service, email: &str) -> CurrentUser {
    set_password(service, email).await;
    let signed_in = with_password(service, 0, email).await;
    sign_in_to_viewport(service, 0, &signed_in).await
}

async fn add(service: &Service, seconds: i64, user: &CurrentUser, id: &[u8]) -> Authenticator {
    let mut device = Authenticator::new(id);
    let ceremony = service.users().begin_passkey(&at(seconds), user, "Laptop").await.unwrap();
    let answer = device.create(&ceremony.options);
    service.users().add_passkey(&at(seconds), user, ceremony.handle.expose(), &answer).await.unwrap();
    AUTH_URL.clone_into(&mut device.origin);
    device
}

/// A challenge's handle and the device's answer to it.
async fn answered(service: &Service, seconds: i64, device: &mut Authenticator) -> (String, String) {
    let ceremony = service.users().begin_passkey_sign_in(&at(seconds)).await.unwrap();
    let answer = device.get(&ceremony.options);
    (ceremony.handle.expose().to_owned(), answer)
}

async fn send(
    service: &Service,
    ctx: &RequestContext,
    (ceremony, answer): &(String, String),
) -> Result<SignedIn, SignInRejection> {
    let attempt = PasskeyAttempt { ceremony, answer, device: "Firefox" };
    service.users().sign_in_with_passkey(ctx, attempt, None).await
}

async fn sign_in(
    service: &Service,
    seconds: i64,
    device: &mut Authenticator,
) -> Result<SignedIn, SignInRejection> {
    let answer = answered(service, seconds, device).await;
    send(service, &at(seconds), &answer).await
}

async fn a_passkey_signs_in_as_password_and_second_factor_until_it_is_removed(fixture: Fixture) {
    let service = moved(&fixture).await;
    let ada = user(&service, ADA).await;
    let entries = fixture.entries().await;
    let mut device = add(&service, 1, &ada, b"laptop").await;
    let known = service.users().list_passkeys(&ada).await.unwrap();
    assert_eq!((known.len(), known[0].name.as_str(), known[0].last_used_at), (1, "Laptop", None));

    for seconds in [30 * MINUTES, 60 * MINUTES] {
        let signed_in = sign_in(&service, seconds, &mut device).await.unwrap();
        let now = at(seconds).now;
        assert_eq!(signed_in.session.kind, SessionKind::SignIn);
        assert_eq!(
            (signed_in.session.authenticated_at, signed_in.session.second_factor_at),
            (now, Some(now))
        );
        let again =
            service.users().find_sign_in(&at(seconds), signed_in.cookie.expose()).await.unwrap().unwrap();
        assert_eq!((again.user_id, again.second_factor_at), (ada.session.user_id.clone(), Some(now)));
        assert_eq!(service.users().list_passkeys(&ada).await.unwrap()[0].last_used_at, Some(now));
    }
    let signed_in = sign_in(&service, 61 * MINUTES, &mut device).await.unwrap();
    let ada = sign_in_to_viewport(&service, 61 * MINUTES, &signed_in).await;
    assert!(ada.is_fresh(at(61 * MINUTES).now));

    service.users().remove_passkey(&at(62 * MINUTES), &ada, known[0].id.as_str()).await.unwrap();
    assert!(service.users().list_passkeys(&ada).await.unwrap().is_empty());
    let rejection = sign_in(&service, 63 * MINUTES, &mut device).await.unwrap_err();
    assert!(matches!(rejection, SignInRejection::Wrong), "{rejection:?}");
    let (added, used, removed) = ("person.passkey_added", "person.passkey_used", "person.passkey_removed");
    let expected = [added, used, used, used, "person.signed_in", removed];
    assert_eq!(fixture.actions_after(entries).await, expected);
}

async fn a_challenge_is_taken_once_for_one_purpose_within_five_minutes(fixture: Fixture) {
    let service = moved(&fixture).await;
    let ada = user(&service, ADA).await;
    let mut device = add(&service, 1, &ada, b"laptop").await;
    let is_over = |outcome: Result<SignedIn, SignInRejection>| {
        assert!(matches!(outcome, Err(SignInRejection::Over)), "{outcome:?}");
    };

    let answer = answered(&service, 2, &mut device).await;
    send(&service, &at(2), &answer).await.unwrap();
    is_over(send(&service, &at(2), &answer).await);

    // A wrong answer takes it, too.
    let (ceremony, right) = answered(&service, 3, &mut device).await;
    let wrong = send(&service, &at(3), &(ceremony.clone(), "{}".to_owned())).await;
    assert!(matches!(wrong, Err(SignInRejection::Wrong)), "{wrong:?}");
    is_over(send(&service, &at(3), &(ceremony, right)).await);

    let last = answered(&service, 10, &mut device).await;
    send(&service, &at(10 + 5 * MINUTES - 1), &last).await.unwrap();
    let late = answered(&service, 400, &mut device).await;
    is_over(send(&service, &at(400 + 5 * MINUTES), &late).await);

    let adding = service.users().begin_passkey(&at(5), &ada, "Phone").await.unwrap();
    is_over(send(&service, &at(6), &(adding.handle.expose().to_owned(), late.1.clone())).await);
    is_over(send(&service, &at(6), &("unknown".to_owned(), late.1)).await);
    // Asked for another purpose it is still there.
    let phone = Authenticator::new(b"phone").create(&adding.options);
    service.users().add_passkey(&at(7), &ada, adding.handle.expose(), &phone).await.unwrap();

    answered(&service, 500, &mut device).await;
    let waiting = "SELECT COUNT(*) FROM passkey_ceremonies";
    assert!(fixture.database.number(waiting).await > 0);
    service.operations().every_minute(&at(500 + 5 * MINUTES)).await.unwrap();
    assert_eq!(fixture.database.number(waiting).await, 0);
}

async fn racing_answers_to_a_challenge_open_one_session(fixture: Fixture) {
    let service = moved(&fixture).await;
    let ada = user(&service, ADA).await;
    let mut device = add(&service, 1, &ada, b"laptop").await;
    for seconds in 2..12 {
        let (answer, ctx) = (answered(&service, seconds, &mut device).await, at(seconds));
        let (one, other) = join(send(&service, &ctx, &answer), send(&service, &ctx, &answer)).await;
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}

async fn nothing_but_the_right_answer_signs_in(fixture: Fixture) {
    let service = moved(&fixture).await;
    let ada = user(&service, ADA).await;
    let eve = user(&service, EVE).await;
    let mut device = add(&service, 1, &ada, b"laptop").await;
    let mut eves = add(&service, 1, &eve, b"eves").await;
    let (ada_handle, eve_handle) = (device.handle.clone(), eves.handle.clone());
    assert_ne!(ada_handle, eve_handle);
    let entries = fixture.entries().await;

    let is_wrong = async |what: &str, device: &mut Authenticator| {
        let outcome = sign_in(&service, 2, device).await;
        assert!(matches!(outcome, Err(SignInRejection::Wrong)), "{what}: {outcome:?}");
    };
    let mut stranger = Authenticator::new(b"unknown");
    AUTH_URL.clone_into(&mut stranger.origin);
    stranger.handle.clone_from(&ada_handle);
    is_wrong("an unknown credential", &mut stranger).await;
    stranger.id = b"laptop".to_vec();
    is_wrong("another key", &mut stranger).await;
    eves.handle.clone_from(&ada_handle);
    is_wrong("another person's name", &mut eves).await;
    eves.handle = String::new();
    is_wrong("nobody's name", &mut eves).await;
    eves.handle.clone_from(&eve_handle);
    eves.id = b"laptop".to_vec();
    is_wrong("another person's credential", &mut eves).await;
    device.verifies = false;
    is_wrong("a user who was not verified", &mut device).await;
    device.verifies = true;
    for origin in [
        VIEWPORT_URL,
        "https://evil.acme.example",
        "http://auth.acme.example",
        "https://auth.acme.example:8443",
    ] {
        origin.clone_into(&mut device.origin);
        is_wrong(origin, &mut device).await;
    }
    AUTH_URL.clone_into(&mut device.origin);

    // The answer to one challenge is none to another; nor is nonsense.
    let (_, of_another) = answered(&service, 3, &mut device).await;
    for answer in [of_another, String::new(), "null".into(), "{\"id\":1}".into(), "[".repeat(100_000)] {
        let ceremony = service.users().begin_passkey_sign_in(&at(3)).await.unwrap();
        let outcome = send(&service, &at(3), &(ceremony.handle.expose().to_owned(), answer)).await;
        assert!(matches!(outcome, Err(SignInRejection::Wrong)), "{outcome:?}");
    }
    assert_eq!(service.users().list_passkeys(&ada).await.unwrap()[0].last_used_at, None);
    assert_eq!(fixture.entries().await, entries);
    sign_in(&service, 4, &mut device).await.unwrap();
}

async fn a_counter_that_does_not_grow_is_rejected(fixture: Fixture) {
    let service = moved(&fixture).await;
    let ada = user(&service, ADA).await;
    let mut device = add(&service, 1, &ada, b"laptop").await;
    device.counter = 40;
    sign_in(&service, 2, &mut device).await.unwrap();
    // The next use has one more than it was told.
    for before in [39, 40, 6] {
        device.counter = before;
        let outcome = sign_in(&service, 3, &mut device).await;
        assert!(matches!(outcome, Err(SignInRejection::Wrong)), "{before}: {outcome:?}");
    }
    device.counter = 41;
    sign_in(&service, 4, &mut device).await.unwrap();
}

async fn changing_passkeys_needs_a_proof_of_just_now_with_the_second_factor(fixture: Fixture) {
    let service = moved(&fixture).await;
    let ada = user(&service, ADA).await;
    add(&service, 1, &ada, b"laptop").await;
    let id = service.users().list_passkeys(&ada).await.unwrap()[0].id.clone();

    let (soon, late) = (at(10 * MINUTES - 1), at(10 * MINUTES));
    let begun = service.users().begin_passkey(&soon, &ada, "Phone").await.unwrap();
    let answer = Authenticator::new(b"phone").create(&begun.options);
    for outcome in [
        service.users().begin_passkey(&late, &ada, "Phone").await.map(drop),
        service.users().add_passkey(&late, &ada, begun.handle.expose(), &answer).await.map(drop),
        service.users().remove_passkey(&late, &ada, id.as_str()).await,
    ] {
        assert!(matches!(rejection_in(outcome), Rejection::SignInAgain));
    }

    // A second factor that was set up elsewhere meanwhile counts for this session at once.
    let (before, other) = (with_password(&service, 1, ADA).await, with_password(&service, 1, ADA).await);
    let (before, other) =
        (sign_in_to_viewport(&service, 1, &before).await, sign_in_to_viewport(&service, 1, &other).await);
    let enrolment = service.users().begin_second_factor(&at(2), &other).await.unwrap();
    let code = code_of(&enrolment.secret, 2);
    service.users().confirm_second_factor(&at(2), &other, &code).await.unwrap();
    for outcome in [
        service.users().begin_passkey(&at(3), &before, "Phone").await.map(drop),
        service.users().remove_passkey(&at(3), &before, id.as_str()).await,
    ] {
        assert!(matches!(rejection_in(outcome), Rejection::Forbidden(_)));
    }
    let max = user(&service, MAX).await;
    let rejection = rejection_in(service.users().remove_passkey(&at(3), &max, id.as_str()).await);
    assert!(matches!(rejection, Rejection::NotFound { .. }), "{rejection:?}");
    service.users().remove_passkey(&at(4), &other, id.as_str()).await.unwrap();
}

/// What an authenticator app shows `seconds` after the start.
fn code_of(base32: &str, seconds: i64) -> String {
    let secret = phone(base32);
    // There are a million codes, and the secret knows its own.
    let now = at(seconds).now;
    (0..1_000_000).map(|n| format!("{n:06}")).find(|code| secret.verify(code, now, None).is_some()).unwrap()
}

async fn a_passkey_is_added_once_and_by_whom_it_was_asked_for(fixture: Fixture) {
    let service = moved(&fixture).await;
    let (ada, eve) = (user(&service, ADA).await, user(&service, EVE).await);
    add(&service, 1, &ada, b"laptop").await;
    let is_conflict = |outcome: Result<_, Error>, words: &str| {
        let rejection = rejection_in(outcome);
        assert!(matches!(&rejection, Rejection::Conflict(text) if text.contains(words)), "{rejection:?}");
    };

    // A device that makes one credential twice, for its owner or for somebody else.
    for (user, words) in [(&ada, "not right"), (&eve, "known already")] {
        let begun = service.users().begin_passkey(&at(2), user, "Again").await.unwrap();
        let answer = Authenticator::new(b"laptop").create(&begun.options);
        is_conflict(service.users().add_passkey(&at(2), user, begun.handle.expose(), &answer).await, words);
    }
    let begun = service.users().begin_passkey(&at(3), &ada, "Phone").await.unwrap();
    let answer = Authenticator::new(b"phone").create(&begun.options);
    is_conflict(
        service.users().add_passkey(&at(3), &eve, begun.handle.expose(), &answer).await,
        "begin again",
    );

    let mut unverified = Authenticator::new(b"phone");
    unverified.verifies = false;
    let mut elsewhere = Authenticator::new(b"phone");
    AUTH_URL.clone_into(&mut elsewhere.origin);
    for device in [&mut unverified, &mut elsewhere] {
        let begun = service.users().begin_passkey(&at(4), &ada, "Phone").await.unwrap();
        let answer = device.create(&begun.options);
        is_conflict(
            service.users().add_passkey(&at(4), &ada, begun.handle.expose(), &answer).await,
            "not right",
        );
    }
    for name in ["", "\u{200b}", &*"x".repeat(65)] {
        let rejection = rejection_in(service.users().begin_passkey(&at(5), &ada, name).await);
        assert!(
            matches!(&rejection, Rejection::Invalid(invalid) if invalid.field == "name"),
            "{rejection:?}"
        );
    }
    assert_eq!(service.users().list_passkeys(&ada).await.unwrap().len(), 1);
    assert!(service.users().list_passkeys(&eve).await.unwrap().is_empty());
}

async fn an_operator_removes_the_passkeys_of_who_lost_the_phone(fixture: Fixture) {
    let service = moved(&fixture).await;
    let (ada, eve) = (user(&service, ADA).await, user(&service, EVE).await);
    let mut device = add(&service, 1, &ada, b"phone").await;
    let mut eves = add(&service, 1, &eve, b"eves").await;
    let open_still = sign_in(&service, 2, &mut device).await.unwrap();
    assert!(service.users().remove_second_factor_of(&at(3), "root", ADA).await.unwrap());
    assert!(
        !service.users().remove_second_factor_of(&at(3), "root", ADA).await.unwrap(),
        "there is nothing more"
    );
    let outcome = sign_in(&service, 4, &mut device).await;
    assert!(matches!(outcome, Err(SignInRejection::Wrong)), "{outcome:?}");
    assert!(service.users().find_sign_in(&at(4), open_still.cookie.expose()).await.unwrap().is_none());
    sign_in(&service, 4, &mut eves).await.unwrap();
    assert_eq!(fixture.actions_after(0).await.last().unwrap(), "person.passkey_removed");
}

async fn passkeys_are_limited_in_number_and_attempts(fixture: Fixture) {
    let service = moved(&fixture).await;
    let ada = user(&service, ADA).await;
    for n in 0..PASSKEYS_MAXIMUM {
        add(&service, 1, &ada, &[u8::try_from(n).unwrap(); 16]).await;
    }
    let rejection = rejection_in(service.users().begin_passkey(&at(2), &ada, "One more").await);
    assert!(rejection.message().contains("20 passkeys already"), "{rejection:?}");

    let strict = Policy { sign_ins_per_address: 3, ..here(policy()) };
    let strict = open(&fixture.database, &fixture.master_key, strict, 0).await;
    strict.users().begin_passkey_sign_in(&at(3)).await.unwrap();
    let ceremony = strict.users().begin_passkey_sign_in(&at(3)).await.unwrap();
    let nonsense = (ceremony.handle.expose().to_owned(), "{}".to_owned());
    assert!(matches!(send(&strict, &at(3), &nonsense).await, Err(SignInRejection::Wrong)));
    assert!(matches!(send(&strict, &at(3), &nonsense).await, Err(SignInRejection::TooManyAttempts(_))));
    assert!(matches!(
        rejection_in(strict.users().begin_passkey_sign_in(&at(3)).await),
        Rejection::TooMany(_)
    ));
}
