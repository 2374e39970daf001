//! The second factor: every code once, and nothing without it.

use super::{ADA, Browser, PASSWORD, code, denied, request, start, start_with, user};
use crate::{app::App, on_both};
use domain::Clock;
use duku::settings::GivenSettings;
use jose::TotpSecret;
use testkit::Engine;

on_both! {
    nothing_is_given_before_the_second_factor
    a_code_of_the_authenticator_works_once
    a_recovery_code_works_once
    a_sign_in_that_waits_can_be_given_up_and_runs_out
    guesses_at_codes_are_limited
}

/// Gives Ada a second factor; answers with its secret and recovery codes. The clock moves on, so that its code is fresh.
async fn enrol(app: &App) -> (TotpSecret, Vec<String>) {
    let user = user(app).await;
    let enrolment = app.service.users().begin_second_factor(&app.ctx(), &user).await.unwrap();
    let secret = TotpSecret::from_bytes(&base32(&enrolment.secret)).unwrap();
    let code = secret.code_at(app.clock.now());
    let codes = app.service.users().confirm_second_factor(&app.ctx(), &user, &code).await.unwrap();
    app.clock.advance_seconds(30);
    (secret, codes)
}

fn base32(text: &str) -> Vec<u8> {
    let value =
        |letter: char| u64::try_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap()).unwrap();
    let bits: Vec<u64> = text
        .chars()
        .filter(|c| *c != '=')
        .flat_map(|c| (0..5).rev().map(move |bit| value(c) >> bit & 1))
        .collect();
    bits.chunks_exact(8)
        .map(|byte| u8::try_from(byte.iter().fold(0, |all, bit| all << 1 | bit)).unwrap())
        .collect()
}

async fn password_given(app: &App) -> Browser {
    let mut browser = Browser::new(app);
    let answer = browser.sign_in(&request(app, &[]), ADA, PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, ""));
    assert!(answer.text.contains("Code from your authenticator app, or a recovery code"), "{}", answer.text);
    assert!(answer.text.contains("autocomplete=\"one-time-code\"") && answer.text.contains("Start again"));
    browser
}

async fn nothing_is_given_before_the_second_factor(engine: Engine) {
    let app = start(engine).await;
    enrol(&app).await;
    let mut browser = password_given(&app).await;
    assert_ne!(browser.cookie(), "");
    let page = browser.get(&request(&app, &[])).await;
    assert!(page.status == 200 && page.text.contains("name=\"code\""));
    let asked = browser.get(&request(&app, &[("prompt", "none")])).await;
    assert_eq!(denied(&app, &asked), "interaction_required");
    for forced in [("prompt", "login"), ("max_age", "0")] {
        let page = browser.get(&request(&app, &[forced])).await;
        assert!(page.status == 200 && page.text.contains("name=\"password\"") && !page.text.contains(ADA));
    }
    for guess in ["", "000000", "abc", &*"9".repeat(10_000), "<script>"] {
        let answer = browser.post(&request(&app, &[]), &[("code", guess)]).await;
        assert!(answer.status.is_client_error() && answer.header("set-cookie").is_empty(), "{guess}");
        assert!(!answer.text.contains("<script>alert") && answer.header("location").is_empty());
    }
}

async fn a_code_of_the_authenticator_works_once(engine: Engine) {
    let app = start(engine).await;
    let (secret, _) = enrol(&app).await;
    let now = secret.code_at(app.clock.now());
    let url = request(&app, &[("prompt", "login"), ("max_age", "0")]);
    let mut browser = password_given(&app).await;
    let waiting = browser.copy();
    code(&app, &browser.post(&url, &[("code", &now)]).await);
    assert_ne!(browser.cookie(), waiting.cookie(), "the cookie changes");
    code(&app, &browser.get(&request(&app, &[])).await);
    for mut other in [password_given(&app).await, waiting] {
        let replayed = other.post(&url, &[("code", &now)]).await;
        assert_eq!((replayed.status.as_u16(), replayed.header("location")), (401, ""));
    }
    // A second click on the button: the sign-in is there, and the person goes on.
    let again = browser.post(&request(&app, &[]), &[("code", &now)]).await;
    code(&app, &again);
    app.clock.advance_seconds(30);
    let mut next = password_given(&app).await;
    code(&app, &next.post(&url, &[("code", &secret.code_at(app.clock.now()))]).await);
}

async fn a_recovery_code_works_once(engine: Engine) {
    let app = start(engine).await;
    let (_, codes) = enrol(&app).await;
    let url = request(&app, &[]);
    for (recovery, works) in [(&codes[0], true), (&codes[0], false), (&codes[1].to_uppercase(), true)] {
        let mut browser = password_given(&app).await;
        let answer = browser.post(&url, &[("code", &format!(" {recovery} "))]).await;
        assert_eq!(answer.status == 303, works, "{}", answer.text);
        assert!(works || answer.text.contains("This code is not right, or was used already."));
    }
}

async fn a_sign_in_that_waits_can_be_given_up_and_runs_out(engine: Engine) {
    let app = start(engine).await;
    let (secret, _) = enrol(&app).await;
    let mut browser = password_given(&app).await;
    let mut copied = browser.copy();
    let away = browser.post(&request(&app, &[]), &[("start_over", "1")]).await;
    assert_eq!((away.status.as_u16(), browser.cookie()), (303, ""));
    let answer = copied.post(&request(&app, &[]), &[("code", &secret.code_at(app.clock.now()))]).await;
    assert!(
        answer.status == 401
            && answer.text.contains("Sign in again")
            && answer.text.contains("name=\"password\"")
    );
    let mut slow = password_given(&app).await;
    app.clock.advance_seconds(600);
    let answer = slow.post(&request(&app, &[]), &[("code", &secret.code_at(app.clock.now()))]).await;
    assert!(answer.status == 401 && answer.text.contains("That took too long"));
}

async fn guesses_at_codes_are_limited(engine: Engine) {
    let app = start_with(engine, GivenSettings::default()).await;
    let (secret, _) = enrol(&app).await;
    let mut browser = password_given(&app).await;
    let mut limited = None;
    for _ in 0..11 {
        let answer = browser.post(&request(&app, &[]), &[("code", "000000")]).await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
    }
    let answer = limited.expect("eleven guesses are too many");
    assert!(answer.text.contains("Too many attempts") && !answer.header("retry-after").is_empty());
    let right = browser.post(&request(&app, &[]), &[("code", &secret.code_at(app.clock.now()))]).await;
    assert_eq!(right.status, 429, "not even the right one");
}
