//! When a client may have the person asked again, and when not at all (OpenID Connect Core 1.0 §3.1.2.1).

use super::{ADA, Browser, PASSWORD, code, denied, request, signed_in, start};
use crate::on_both;
use testkit::Engine;

on_both! {
    prompt_and_max_age_decide_together
    a_sign_in_of_just_now_is_asked_for_once
    a_sign_in_ends_when_it_is_unused_or_old
    prompt_none_never_shows_a_page
}

/// What the browser is answered.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    Code,
    Page,
    LoginRequired,
    Invalid,
}

async fn prompt_and_max_age_decide_together(engine: Engine) {
    use Outcome::{Code, Invalid, LoginRequired, Page};
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    app.clock.advance_seconds(100);
    for (prompt, max_age, known, unknown) in [
        ("", "", Code, Page),
        ("", "101", Code, Page),
        ("", "9223372036854775807", Code, Page),
        ("", "100", Page, Page),
        ("", "0", Page, Page),
        ("login", "", Page, Page),
        ("login", "1000", Page, Page),
        ("select_account", "", Page, Page),
        ("login select_account", "", Page, Page),
        ("none", "", Code, LoginRequired),
        ("none", "101", Code, LoginRequired),
        ("none", "100", LoginRequired, LoginRequired),
        ("none", "0", LoginRequired, LoginRequired),
        ("none login", "", Invalid, Invalid),
        ("login none", "", Invalid, Invalid),
        ("consent", "", Invalid, Invalid),
        ("LOGIN", "", Invalid, Invalid),
        ("", "-1", Invalid, Invalid),
        ("", "+1", Invalid, Invalid),
        ("", "soon", Invalid, Invalid),
        ("", "9223372036854775808", Invalid, Invalid),
    ] {
        let url = request(&app, &[("prompt", prompt), ("max_age", max_age)]);
        for (browser, expected) in [(&mut browser, known), (&mut Browser::new(&app), unknown)] {
            let answer = browser.get(&url).await;
            let outcome = match answer.status.as_u16() {
                200 => Page,
                _ if answer.header("location").contains("?code=") => Code,
                _ => match &*denied(&app, &answer) {
                    "login_required" => LoginRequired,
                    "invalid_request" => Invalid,
                    other => panic!("{other}"),
                },
            };
            assert_eq!(outcome, expected, "prompt={prompt} max_age={max_age}");
        }
    }
}

async fn a_sign_in_of_just_now_is_asked_for_once(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    for changes in [
        [("prompt", "login"), ("max_age", "")],
        [("prompt", ""), ("max_age", "0")],
        [("prompt", "login"), ("max_age", "0")],
    ] {
        let url = request(&app, &changes);
        let page = browser.get(&url).await;
        assert!(
            page.text.contains("You are signed in as <strong class=\"break\">ada@example.org</strong>"),
            "{}",
            page.text
        );
        assert!(page.text.contains("value=\"ada@example.org\"") && page.text.contains("Not you? Sign out"));
        let before = browser.cookie().to_owned();
        code(&app, &browser.sign_in(&url, ADA, PASSWORD).await);
        assert_ne!(browser.cookie(), before);
    }
    let url = request(&app, &[("prompt", "login")]);
    let away = browser.post(&url, &[("start_over", "1")]).await;
    assert_eq!((away.status.as_u16(), browser.cookie()), (303, ""));
    let target = format!("{}{}", app.api.url, away.header("location"));
    assert_eq!(target, url);
    let page = browser.get(&target).await;
    assert!(!page.text.contains("ada@example.org") && !page.text.contains("Not you?"));
}

async fn a_sign_in_ends_when_it_is_unused_or_old(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    app.clock.advance_seconds(12 * 3600 - 1);
    code(&app, &browser.get(&request(&app, &[])).await);
    app.clock.advance_seconds(1);
    let answer = browser.get(&request(&app, &[("prompt", "none")])).await;
    assert_eq!(denied(&app, &answer), "login_required");
    assert_eq!(browser.get(&request(&app, &[])).await.status, 200);
}

async fn prompt_none_never_shows_a_page(engine: Engine) {
    let app = start(engine).await;
    let url = request(&app, &[("prompt", "none")]);
    let mut browser = Browser::new(&app);
    for form in [&[("email", ADA), ("password", PASSWORD)][..], &[("code", "123456")], &[]] {
        assert_eq!(denied(&app, &browser.post(&url, form).await), "login_required");
    }
    assert_eq!(browser.cookie(), "");
}
