//! Getting in and out: the first start, invitations, forgotten passwords, the sign-in with its second factor.

use super::fixture::{ADMIN, BrowserFixture, MEMBER, MailServer, PASSWORD, code_of};
use crate::{
    app::Fresh,
    browser::{Browser, Options},
};
use domain::{Clock, Role};
use duku::settings::GivenSettings;
use serde_json::json;
use std::sync::Arc;
use testkit::Engine;

const WITHOUT_SCRIPT: Options = Options { javascript: false, width: 1280, height: 900, dark: false };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_leads_from_its_link_to_the_first_key() {
    let fresh = Fresh::start_with(Engine::Sqlite, GivenSettings::default()).await;
    let now = duku::system_clock::SystemClock.now();
    fresh.clock.advance_seconds(now.seconds() - fresh.clock.now().seconds());
    let link = fresh.service.operations().make_setup_link(&fresh.ctx()).await.unwrap().unwrap();
    let link = link.strip_prefix(&fresh.api.url).unwrap().to_owned();
    let browser = Browser::start(&fresh.api.url, Options::default()).await;
    for page in ["/", "/login", "/settings/api-keys"] {
        browser.goto(page).await;
        browser.is_at("/setup").await;
    }
    assert_eq!(browser.problems().await, Vec::<String>::new());
    browser.fill("Setup link or its code", "https://duku.example/setup/wrong").await;
    browser.click("Continue").await;
    browser.sees("This is not the code of the last start.").await;
    // What was typed stands in no address.
    browser.is_at("/setup").await;
    browser.axe().await;
    browser.fill("Setup link or its code", &format!("{}{link}", fresh.api.url)).await;
    browser.click("Continue").await;
    browser.is_at(&link).await;
    browser.axe().await;
    browser.fill("Organisation", "Acme & <b>Sons</b>").await;
    browser.fill("Your email address", ADMIN).await;
    browser.fill("Password", "password1234").await;
    browser.click("Create the organisation").await;
    browser.sees("among the most common ones").await;
    browser.axe().await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Create the organisation").await;
    browser.sees("Acme & <b>Sons</b>").await;
    browser.sees("No products yet").await;
    browser.sees("Send the first query").await;
    assert_eq!(browser.problems().await, Vec::<String>::new());
    browser.click("API Keys").await;
    browser.sees("No API keys yet").await;
    browser.goto(&link).await;
    browser.sees("Duku is set up").await;
    browser.has_silent_console().await;
}

async fn invitations(options: Options) {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    let browser = fixture.browser(options).await;
    let invite = async |email: &str| {
        fixture
            .path(&service.users().invite(&fixture.ctx(), &operator, email, Role::Admin).await.unwrap().link)
    };

    let link = invite("new@example.org").await;
    browser.goto(&link).await;
    browser.sees("invites new@example.org to work in Acme as an Admin").await;
    browser.fill("Password", "short").await;
    browser.click("Accept the invitation").await;
    browser.sees("at least 12 characters").await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Accept the invitation").await;
    browser.sees("Sign in to Duku").await;
    fixture.sign_in(&browser, "new@example.org").await;
    browser.sees("Products").await;
    browser.goto(&link).await;
    browser.sees("Products").await;
    let stranger = fixture.get("", &link).await;
    assert!(stranger.text.contains("This invitation was used"), "{}", stranger.text);

    // Somebody else's.
    let link = invite("other@example.org").await;
    browser.goto(&link).await;
    browser.sees("You are signed in as new@example.org.").await;
    browser.axe().await;
    browser.click("Sign out").await;
    browser.sees("You are signed out").await;
    browser.goto(&link).await;
    browser.sees("invites other@example.org").await;
    fixture.app.clock.advance_seconds(7 * 86_400 + 1);
    browser.reload().await;
    browser.sees("This invitation is too old").await;
    browser.goto("/invite/unknown").await;
    browser.sees("This invitation is not known").await;

    // A person who has a password, from another organisation.
    let eve = "eve@globex.example";
    service.organisations().create(&fixture.ctx(), "test", "Globex", eve, None).await.unwrap();
    fixture.set_password(eve).await;
    let link = invite(eve).await;
    browser.goto(&link).await;
    browser.sees("Have an account here already?").await;
    browser.axe().await;
    browser.click("Sign in to accept").await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Sign in").await;
    browser.is_at(&link).await;
    browser.click("Accept the invitation").await;
    browser.sees("Products").await;
    browser.goto("/account").await;
    browser.sees("Globex").await;
    browser.sees("Acme").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_taken_by_whom_it_is_for() {
    invitations(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_taken_without_javascript() {
    invitations(WITHOUT_SCRIPT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_replaced_by_a_mailed_link() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.browser(Options::default()).await;
    browser.goto("/account").await;
    browser.click("Forgot your password?").await;
    browser.sees("duku admin user reset-password").await;

    let mails = Arc::new(MailServer::default());
    fixture.app.service.operations().use_mailer(mails.clone());
    browser.reload().await;
    browser.axe().await;
    browser.fill("Email", "nobody@example.org").await;
    browser.click("Mail me a link").await;
    browser.sees("If nobody@example.org is known here").await;
    browser.back().await;
    browser.fill("Email", MEMBER).await;
    browser.click("Mail me a link").await;
    browser.sees("If max@example.org is known here").await;
    browser.axe().await;
    fixture.app.service.operations().send_due_mail(&fixture.ctx()).await.unwrap();
    assert_eq!(mails.taken.lock().unwrap().len(), 1, "nobody gets none");
    let link = mails.last_link(&fixture);
    browser.goto(&link).await;
    browser.fill("Password", "max@example.org").await;
    browser.click("Set the password").await;
    browser.axe().await;
    browser.fill("Password", "four unrelated words here").await;
    browser.click("Set the password").await;
    browser.sees("Your new password is set").await;
    browser.click("Sign in").await;
    browser.fill("Password", "four unrelated words here").await;
    browser.click("Sign in").await;
    browser.sees("Shop").await;
    browser.goto(&link).await;
    browser.sees("This link was used").await;
    let late = fixture.app.service.users().make_reset_link(&fixture.ctx(), "test", MEMBER).await.unwrap();
    fixture.app.clock.advance_seconds(3601);
    browser.goto(&fixture.path(&late)).await;
    browser.sees("This link is too old").await;
    browser.click("Ask for a new link").await;
    browser.sees("Mail me a link").await;
    browser.goto("/reset/unknown").await;
    browser.sees("This link is not known").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_says_so_and_guessing_has_an_end() {
    let given = GivenSettings { sign_ins_per_person: Some(1), ..GivenSettings::default() };
    let fixture = BrowserFixture::with(given).await;
    let browser = fixture.browser(Options::default()).await;
    browser.goto("/settings/members").await;
    let wrong = "The email address or password is incorrect.";
    for (email, password) in
        [(ADMIN, "wrong"), ("nobody@example.org", PASSWORD), ("<script>@x.y", "\"><script>")]
    {
        browser.evaluate("document.querySelector('form').noValidate = true", json!([])).await;
        browser.fill("Email", email).await;
        browser.fill("Password", password).await;
        browser.click("Sign in").await;
        let kept = async || {
            let typed =
                browser.evaluate("return document.querySelector('#email')?.defaultValue", json!([])).await;
            typed == json!(email)
        };
        assert!(browser.comes_true(kept).await, "{email} is kept");
        browser.sees(wrong).await;
    }
    browser.axe().await;
    browser.fill("Email", ADMIN).await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Sign in").await;
    browser.sees("Too many attempts. Wait").await;
    browser.axe().await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.browser(Options::default()).await;
    browser.goto("/login?next=https://evil.example").await;
    fixture.sign_in(&browser, ADMIN).await;
    browser.is_at("/").await;
    for next in [
        "//evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/login?next=/login",
    ] {
        browser.goto(&format!("/login?next={next}")).await;
        browser.is_at("/").await;
    }
    browser.goto("/login?next=/settings/audit%3Fcheck%3D1").await;
    browser.is_at("/settings/audit?check=1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_that_sign_in_at_once_both_get_in() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.browser(Options::default()).await;
    browser.goto("/account").await;
    let first = browser.url().await;
    // The second tab begins before the first is done.
    browser.goto("/settings/api-keys").await;
    let second = browser.url().await;
    browser.goto(&first).await;
    fixture.sign_in(&browser, ADMIN).await;
    browser.is_at("/account").await;
    browser.goto(&second).await;
    browser.is_at("/settings/api-keys").await;
    browser.sees("No API keys yet").await;
    // The callback from the history of a browser that is in.
    browser.goto("/login/callback?code=used&state=old").await;
    browser.is_at("/").await;
    let stranger = fixture.get("", "/login/callback?code=used&state=old").await;
    assert!(stranger.status == 400 && stranger.text.contains("The sign-in did not finish"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_after_signing_out_shows_nothing() {
    let fixture = BrowserFixture::open().await;
    for javascript in [true, false] {
        let browser =
            fixture.entered(ADMIN, "/settings/members", Options { javascript, ..Options::default() }).await;
        browser.sees(MEMBER).await;
        if javascript {
            browser.click("Account: ada@example.org Admin").await;
        } else {
            browser.goto("/logout").await;
        }
        browser.click("Sign out").await;
        browser.sees("You are signed out").await;
        browser.back().await;
        if !javascript {
            browser.back().await;
        }
        browser.sees("Sign in to Duku").await;
        browser.does_not_see(MEMBER).await;
    }
}

/// Sets a second factor up on the page that shows its secret; answers with the secret and a recovery code.
pub(crate) async fn enrol(fixture: &BrowserFixture, browser: &Browser) -> (String, String) {
    browser.sees("Scan this with an authenticator app").await;
    let secret = browser.text("#secret").await;
    browser.fill("Type the code that the app shows", &code_of(&secret, fixture.now())).await;
    browser.click("Turn it on").await;
    browser.sees("This is the only time that you can see these codes.").await;
    let code = browser.text("#codes li").await;
    fixture.app.clock.advance_seconds(30);
    (secret, code)
}

async fn second_factor(options: Options) {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(MEMBER, "/account", options).await;
    browser.click("Set it up").await;
    let (secret, recovery) = enrol(&fixture, &browser).await;
    browser.axe().await;
    browser.click("I have stored the codes").await;
    browser.sees("10 recovery codes are left").await;
    browser.goto("/logout").await;
    browser.click("Sign out").await;
    browser.click("Sign in").await;
    fixture.sign_in(&browser, MEMBER).await;
    browser.sees("One more step").await;
    browser.axe().await;
    let field = "Code from your authenticator app, or a recovery code";
    assert_eq!(browser.focused().await, format!("text “{field}”"));
    browser.fill(field, "000000").await;
    browser.click("Continue").await;
    browser.sees("This code is not right, or was used already.").await;
    browser.axe().await;
    // Nothing is given before it.
    browser.goto("/account").await;
    browser.sees("One more step").await;
    browser.fill(field, &code_of(&secret, fixture.now())).await;
    browser.click("Continue").await;
    browser.sees("Signing in").await;
    browser.goto("/logout").await;
    browser.click("Sign out").await;
    browser.click("Sign in").await;
    fixture.sign_in(&browser, MEMBER).await;
    browser.click("Start again").await;
    fixture.sign_in(&browser, MEMBER).await;
    browser.fill(field, &recovery).await;
    browser.click("Continue").await;
    browser.sees("Shop").await;
    browser.goto("/account").await;
    browser.sees("9 recovery codes are left").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_is_asked_for_and_a_recovery_code_takes_its_place() {
    second_factor(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_works_without_javascript() {
    second_factor(WITHOUT_SCRIPT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_that_requires_a_second_factor_leads_to_it_and_back() {
    let fixture = BrowserFixture::open().await;
    fixture.require_second_factor().await;
    let browser = fixture.entered(MEMBER, "/explorer", Options::default()).await;
    browser.sees("Acme requires a second factor.").await;
    browser.axe().await;
    for page in ["/", "/device", "/settings/members"] {
        browser.goto(page).await;
        browser.sees("Acme requires a second factor.").await;
        browser.does_not_see("Shop").await;
    }
    browser.goto("/account").await;
    browser.sees("nothing of Acme is shown to you").await;
    browser.axe().await;
    browser.click("Give it").await;
    enrol(&fixture, &browser).await;
    browser.click("I have stored the codes").await;
    browser.goto("/").await;
    browser.sees("Shop").await;
}
