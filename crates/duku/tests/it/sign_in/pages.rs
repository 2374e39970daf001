//! The pages themselves: what they say, what they reject, and what nobody learns from them.

use super::{ADA, Browser, PASSWORD, WRONG, code, request, signed_in, start, start_with};
use crate::on_both;
use duku::settings::GivenSettings;
use testkit::Engine;

on_both! {
    an_unknown_person_and_a_wrong_password_get_the_same_answer
    the_answer_about_a_forgotten_password_does_not_wait_for_the_store
    too_many_attempts_are_told_how_long_to_wait
    signing_in_ends_the_sign_in_before
    forms_of_other_sites_are_rejected
    oversized_and_broken_input_gets_a_clear_page
    signing_out_asks_first_and_ends_everything_in_the_browser
    an_address_for_afterwards_must_be_viewports_own
}

async fn an_unknown_person_and_a_wrong_password_get_the_same_answer(engine: Engine) {
    let app = start(engine).await;
    app.service
        .users()
        .add_member(&app.ctx(), &app.operator(), "max@example.org", domain::Role::Member)
        .await
        .unwrap();
    let url = request(&app, &[]);
    let mut said = Vec::new();
    for (email, password) in [
        (ADA, "wrong"),
        (ADA, "CORRECT horse battery staple"),
        ("eve@example.org", PASSWORD),
        ("max@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("<script>alert(1)</script>", "<script>"),
        ("a'; --", "\u{1}ü\r\n"),
    ] {
        let mut browser = Browser::new(&app);
        let answer = browser.sign_in(&url, email, password).await;
        assert_eq!(
            (answer.status.as_u16(), browser.cookie(), answer.header("location")),
            (401, "", ""),
            "{email}"
        );
        let shown = email.replace('<', "&#60;").replace('>', "&#62;").replace('\'', "&#39;");
        assert!(
            answer.text.contains(WRONG) && answer.text.contains(&format!("value=\"{shown}\"")),
            "{}",
            answer.text
        );
        assert!(!answer.text.contains("<script>alert") && !answer.text.contains(password));
        said.push(answer.text.replace(&shown, "EMAIL"));
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:#?}");
}

/// How long the answer takes would tell whether there is such a person.
async fn the_answer_about_a_forgotten_password_does_not_wait_for_the_store(engine: Engine) {
    let given = GivenSettings {
        smtp_url: Some("smtp+insecure://127.0.0.1:9".to_owned()),
        mail_from: Some("duku@example.org".to_owned()),
        ..GivenSettings::default()
    };
    let app = start_with(engine, given).await;
    let forgot = format!("{}/forgot", app.api.url);
    let mut browser = Browser::new(&app);
    // Nobody can write anything meanwhile.
    let mut held = app.service.store().begin().await.unwrap();
    held.lock_organisation(&app.organisation.id).await.unwrap();
    let mut said = Vec::new();
    for email in [ADA, "nobody@example.org"] {
        let form = [("email", email)];
        let answer = browser.post(&forgot, &form);
        let answer = tokio::time::timeout(std::time::Duration::from_secs(2), answer).await.expect("at once");
        assert_eq!(answer.status, 200);
        said.push(answer.text.replace(email, "EMAIL"));
    }
    assert_eq!(said[0], said[1]);
    drop(held);
    // Ada's link is made all the same; the one before it gave her her password.
    let mut made = 0;
    for _ in 0..100 {
        let events = app.service.audit_log().export(app.organisation.id.as_str(), 0).await.unwrap();
        made = events.iter().filter(|event| event.action == "person.reset_link_made").count();
        if made == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(made, 2);
}

async fn too_many_attempts_are_told_how_long_to_wait(engine: Engine) {
    let app = start_with(engine, GivenSettings::default()).await;
    let url = request(&app, &[]);
    let mut browser = Browser::new(&app);
    for _ in 0..10 {
        assert_eq!(browser.sign_in(&url, ADA, "wrong").await.status, 401);
    }
    let mut texts = Vec::new();
    for password in ["wrong", PASSWORD] {
        let answer = browser.sign_in(&url, ADA, password).await;
        assert_eq!(answer.status, 429);
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=61).contains(&seconds));
        assert!(answer.text.contains("Too many attempts. Wait ") && answer.text.contains(ADA));
        texts.push(answer.text);
    }
    for _ in 0..10 {
        assert_eq!(browser.sign_in(&url, "eve@example.org", "wrong").await.status, 401);
    }
    let unknown = browser.sign_in(&url, "eve@example.org", "wrong").await;
    assert_eq!(unknown.status, 429, "whether somebody exists is not told by the limit either");
}

async fn signing_in_ends_the_sign_in_before(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    let mut copied = browser.copy();
    code(&app, &copied.get(&request(&app, &[])).await);
    code(&app, &browser.sign_in(&request(&app, &[]), ADA, PASSWORD).await);
    assert_eq!(copied.get(&request(&app, &[])).await.status, 200, "the former cookie is dead");
    code(&app, &browser.get(&request(&app, &[])).await);
    let sessions = app.service.users().list_sessions(&app.ctx(), &super::user(&app).await).await.unwrap();
    assert!(sessions.iter().all(|session| session.device == "Firefox on a test"));
}

async fn forms_of_other_sites_are_rejected(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, _) = signed_in(&app).await;
    let url = request(&app, &[("prompt", "login")]);
    for site in ["cross-site", "same-site"] {
        browser.site = site;
        for form in [&[("email", ADA), ("password", PASSWORD)][..], &[("start_over", "1")], &[("code", "1")]]
        {
            let answer = browser.post(&url, form).await;
            assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (403, ""), "{site}");
        }
        assert_eq!(browser.post(&app.api.protocol("logout"), &[]).await.status, 403);
        assert_eq!(browser.get(&app.api.protocol("logout")).await.status, 200, "a page, nothing more");
    }
    let old = app.api.client().post(&url).header("origin", "http://evil.example").form(&[("email", ADA)]);
    assert_eq!(old.send().await.unwrap().status(), 403);
    browser.site = "cross-site";
    code(&app, &browser.get(&request(&app, &[])).await);
}

async fn oversized_and_broken_input_gets_a_clear_page(engine: Engine) {
    let app = start(engine).await;
    let mut browser = Browser::new(&app);
    let url = request(&app, &[]);
    let long = "x".repeat(10_000);
    for (email, password, hint) in [
        (&*long, PASSWORD, "too long for an email address"),
        (ADA, &*long, "longer than any password"),
        ("", PASSWORD, "Enter your email address"),
        (ADA, "", "Enter your password"),
    ] {
        let answer = browser.sign_in(&url, email, password).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.contains(hint) && !answer.text.contains(&long), "{}", answer.text);
    }
    let hint = browser.get(&request(&app, &[("login_hint", "<b>\"max\"")])).await;
    assert!(hint.text.contains("value=\"&#60;b&#62;&#34;max&#34;\""), "{}", hint.text);
    assert!(!browser.get(&request(&app, &[("login_hint", &long)])).await.text.contains(&long));
    let huge = browser.sign_in(&url, ADA, &"x".repeat(40_000)).await;
    assert_eq!((huge.status.as_u16(), huge.header("content-type")), (413, "text/html; charset=utf-8"));
    let post = |body: &'static str| {
        app.api.client().post(&url).header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    for body in ["email=%", "email=a&email=b", "email=\u{fffd}%ff"] {
        let answer = testkit::Answer::of(post(body)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (400, "text/html; charset=utf-8"),
            "{body}"
        );
    }
}

async fn signing_out_asks_first_and_ends_everything_in_the_browser(engine: Engine) {
    let app = start(engine).await;
    let (mut browser, code) = signed_in(&app).await;
    let viewport_session =
        app.service.users().sign_in_to_viewport(&app.ctx(), &code, super::VERIFIER, "test").await.unwrap();
    let url = app.api.protocol("logout");
    let page = browser.get(&url).await;
    assert!(page.text.contains("Sign out of Duku?") && page.text.contains(ADA), "{}", page.text);
    assert_eq!(page.header("set-cookie"), "");
    let mut copied = browser.copy();
    let done = browser.post(&url, &[]).await;
    assert!(done.status == 200 && done.text.contains("You are signed out"));
    assert!(done.text.contains(&format!("href=\"{}/login\"", app.api.url)));
    assert_eq!(browser.cookie(), "");
    assert!(
        app.service
            .users()
            .find_current_user(&app.ctx(), viewport_session.cookie.expose())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(copied.get(&request(&app, &[])).await.status, 200, "the cookie is dead, not only forgotten");
    assert!(copied.get(&url).await.text.contains("You are signed out"));
    assert_eq!(browser.post(&url, &[]).await.status, 200, "a second time does no harm");
}

async fn an_address_for_afterwards_must_be_viewports_own(engine: Engine) {
    let app = start(engine).await;
    let own = &app.api.url;
    for (uri, sent) in [
        (format!("{own}/"), true),
        (format!("{own}/login"), true),
        (own.clone(), false),
        (format!("{own}/login/"), false),
        (format!("{own}/login?x"), false),
        ("http://evil.example/".to_owned(), false),
        (format!("{own}@evil.example/"), false),
        ("//evil.example".to_owned(), false),
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("post_logout_redirect_uri", &*uri), ("state", "a&b")])
            .finish();
        let url = format!("{}?{query}", app.api.protocol("logout"));
        let (mut browser, _) = signed_in(&app).await;
        assert_eq!(browser.get(&url).await.status, 200, "it asks first");
        for answer in [browser.post(&url, &[]).await, browser.get(&url).await] {
            let expected = if sent { format!("{uri}?state=a%26b") } else { String::new() };
            assert_eq!((answer.status == 303, answer.header("location")), (sent, &*expected), "{uri}");
        }
    }
}
