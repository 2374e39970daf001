//! Settings → API Keys beyond the documentation's steps: what is shown once, what asks first, what can go wrong.

use super::fixture::{ADMIN, BrowserFixture, MEMBER, PASSWORD};
use crate::browser::{Browser, Options};
use domain::Role;
use serde_json::json;
use service::{keys::GenerateKey, tokens::client_authentication::Credential};
use testkit::Pair;

pub(super) const LIST: &str = "/settings/api-keys";

pub(super) async fn generate(fixture: &BrowserFixture, label: &str) -> Pair {
    fixture.app.generate(label, None).await
}

/// Opens the dialog and generates a key; the secret is shown.
async fn generate_here(browser: &Browser, label: &str) -> String {
    browser.click("Generate API Key").await;
    browser.fill("Label", label).await;
    browser.click("Generate").await;
    browser.sees("This is the only time that you can see this secret.").await;
    browser.text("#value-secret").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shown_secret_asks_before_it_goes_and_does_not_come_back() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    let secret = generate_here(&browser, "CI").await;
    browser.axe().await;
    for tab in ["curl", "actions", "gitlab", "env", "python", "javascript", "go"] {
        browser.click(&format!("[for=use-{tab}]")).await;
        assert_eq!(browser.layout_faults().await, Vec::<String>::new(), "{tab}");
    }
    for leave in ["Escape", "cross"] {
        match leave {
            "cross" => browser.click("Close").await,
            key => browser.press(key).await,
        }
        browser.sees("Leave without storing the secret?").await;
        assert_eq!(browser.focused().await, "button “Stay”");
        browser.click("Stay").await;
        browser.does_not_see("Leave without storing").await;
        browser.sees(&secret).await;
    }
    browser.press("Escape").await;
    browser.click("Leave").await;
    browser.sees("1 of 10").await;
    let everything = "return document.documentElement.outerHTML + JSON.stringify([{...localStorage}, {...sessionStorage}])";
    let page = browser.evaluate(everything, json!([])).await;
    assert!(!page.as_str().unwrap().contains(&secret), "nothing of it is in the page or the storage");
    browser.goto("/account").await;
    browser.back().await;
    browser.sees("1 of 10").await;
    browser.does_not_see(&secret).await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_does_not_bring_a_secret_back_without_javascript() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.signed_in(ADMIN, LIST, Options { javascript: false, ..Options::default() }).await;
    let secret = generate_here(&browser, "CI").await;
    browser.click("I have stored the secret").await;
    browser.sees("1 of 10").await;
    browser.back().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!browser.page_text().await.contains(&secret));
    assert_eq!(
        fixture.app.service.keys().list(&fixture.operator()).await.unwrap().len(),
        1,
        "and makes no second key"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_by_keyboard_alone() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.browser(Options::default()).await;
    browser.goto(LIST).await;
    assert_eq!(browser.focused().await, "email “Email”");
    browser.press(ADMIN).await;
    browser.tab_to("password “Password”").await;
    browser.press(PASSWORD).await;
    browser.press("Enter").await;
    browser.sees("No API keys yet").await;
    browser.tab_to("link “Generate API Key”").await;
    browser.press("Enter").await;
    browser.sees("For one integration").await;
    assert_eq!(browser.focused().await, "text “Label”", "the dialog begins where one types");
    browser.press("Keyboard").await;
    browser.press("Enter").await;
    browser.sees("This is the only time").await;
    let pair = Pair {
        client_id: browser.text("#value-id").await,
        client_secret: browser.text("#value-secret").await,
    };
    fixture.app.api.token(&pair).await;
    browser.tab_to("link “I have stored the secret”").await;
    browser.press("Enter").await;
    browser.sees("1 of 10").await;
    assert_eq!(browser.focused().await, "link “Generate API Key”", "where the dialog was opened");
    assert_eq!(browser.tab().await, "link “Keyboard”");
    assert_eq!(browser.tab().await, "link “Rotate Keyboard”");
    assert_eq!(browser.tab().await, "link “audit log”", "a row is two stops");
    browser.press("Shift+Tab").await;
    browser.press("ArrowRight").await;
    assert_eq!(browser.focused().await, "link “Revoke Keyboard”");
    browser.press("Enter").await;
    browser.sees("deleted permanently").await;
    assert_eq!(browser.focused().await, "link “Cancel”", "nothing is revoked by mistake");
    browser.press("Shift+Tab").await;
    browser.press("Keyboard").await;
    browser.tab_to("button “Revoke”").await;
    browser.press("Enter").await;
    browser.sees("is revoked. Tokens already issued are rejected now.").await;
    assert_eq!(browser.focused().await, "h1 “API Keys”", "the row is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_sign_in_asks_for_the_password_and_loses_nothing() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    browser.sees("No API keys yet").await;
    browser.click("Generate API Key").await;
    browser.fill("Label", "Nightly").await;
    browser.fill("Lifetime", "30").await;
    fixture.app.clock.advance_seconds(601);
    browser.click("Generate").await;
    browser.sees("Your last sign-in was a while ago").await;
    browser.axe().await;
    browser.fill("Your password", "wrong").await;
    browser.click("Generate").await;
    browser.sees("This is not your password.").await;
    browser.fill("Your password", PASSWORD).await;
    browser.click("Generate").await;
    browser.sees("This is the only time").await;
    let keys = fixture.app.service.keys().list(&fixture.operator()).await.unwrap();
    assert_eq!((keys[0].key.label.as_str(), keys[0].key.lifetime.days()), ("Nightly", 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_organisation_says_what_could_go_and_rotates_still() {
    let fixture = BrowserFixture::open().await;
    for number in 1..=10 {
        generate(&fixture, &format!("Key {number}")).await;
    }
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    browser.sees("All 10 places are taken.").await;
    browser.sees("never used").await;
    let disabled = "return [...document.querySelectorAll('button')].some((b) => b.textContent.includes('Generate API Key') && b.disabled)";
    assert_eq!(browser.evaluate(disabled, json!([])).await, json!(true));
    browser.axe().await;
    browser.click_in("Key 7", "Rotate Key 7").await;
    browser.click("Rotate").await;
    browser.sees("has a new secret").await;
    browser.goto("/settings/api-keys/generate").await;
    browser.sees("All 10 places are taken.").await;
    browser.sees("never used").await;
    assert_eq!(browser.evaluate("return document.querySelector('#label')", json!([])).await, json!(null));
    assert_eq!(browser.problems().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_label_warns_and_does_not_reject() {
    let fixture = BrowserFixture::open().await;
    generate(&fixture, "CI").await;
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    browser.click("Generate API Key").await;
    browser.fill("Label", "ci").await;
    browser.click("Generate").await;
    browser.sees("There is an active key “ci” already.").await;
    browser.axe().await;
    browser.click("Generate all the same").await;
    browser.sees("This is the only time").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_told_why_and_whom_to_ask() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.signed_in(MEMBER, LIST, Options::default()).await;
    browser.sees("Only Admins can manage API keys.").await;
    browser.sees(ADMIN).await;
    browser.axe().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_lost_while_the_page_is_open_says_so_at_the_next_click() {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    generate(&fixture, "CI").await;
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    browser.sees("1 of 10").await;
    service.users().change_role(&fixture.ctx(), &operator, MEMBER, Role::Admin).await.unwrap();
    service.users().change_role(&fixture.ctx(), &operator, ADMIN, Role::Member).await.unwrap();
    browser.click_in("CI", "Rotate CI").await;
    browser.sees("Only Admins can manage API keys.").await;
    browser.sees(MEMBER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_type_is_shown_as_they_typed_it() {
    let fixture = BrowserFixture::open().await;
    let hostile = "<script>alert(1)</script>\"'&amp;";
    let input = GenerateKey { label: hostile.to_owned(), expires_in_days: None };
    let made =
        fixture.app.service.keys().generate(&fixture.ctx(), &fixture.operator(), &input).await.unwrap();
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    browser.sees(hostile).await;
    for page in ["", "/rotate", "/revoke"] {
        browser.goto(&format!("{LIST}/{}{page}", made.key.id)).await;
        browser.sees(hostile).await;
        browser.axe().await;
    }
    browser.fill(&format!("Type {hostile} to confirm"), hostile).await;
    browser.click("Revoke").await;
    browser.sees("is revoked.").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grace_is_shown_with_its_use_and_can_be_ended() {
    let fixture = BrowserFixture::open().await;
    let pair = generate(&fixture, "CI").await;
    let other = fixture.app.generate("Deploy preview environments to the European cluster", Some(365)).await;
    let ctx = service::RequestContext { address: Some([198, 51, 100, 199].into()), ..fixture.ctx() };
    let credential = Credential { client_id: &other.client_id, client_secret: &other.client_secret };
    fixture.app.service.tokens().issue_for_client(&ctx, credential, "").await.unwrap();
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    generate_here(&browser, "Nightly export").await;
    browser.click("I have stored the secret").await;
    browser.click_in("CI", "Rotate CI").await;
    browser.choose("24 hours").await;
    browser.click("Rotate").await;
    browser.sees("The previous secret works until").await;
    let token = fixture.app.api.token(&pair).await;
    assert!(fixture.app.api.accepts(&token).await);
    fixture.app.service.keys().flush_usage(&fixture.ctx()).await.unwrap();
    browser.sees("Waiting for first use…").await;
    browser.click("I have stored the secret").await;
    browser.sees("Grace until").await;
    let beyond = "const list = document.querySelector('.scroll'); return list.scrollWidth - list.clientWidth";
    assert_eq!(browser.evaluate(beyond, json!([])).await, 0, "the whole list is to be seen");
    browser.click("CI").await;
    browser.sees("It was used 1 time").await;
    browser.sees("Waiting for first use of the new secret.").await;
    assert_eq!(browser.text("[aria-label=Addresses] tbody td:last-child").await, "Previous");
    browser.axe().await;
    browser.click("End now").await;
    browser.click("End it now").await;
    browser.sees("The previous secret of “CI” is rejected now.").await;
    browser.is_at(&format!("{LIST}/{}", pair.client_id)).await;
    assert_eq!(browser.text("[aria-label=Addresses] tbody td:last-child").await, "Former");
    browser.reload().await;
    browser.does_not_see("is rejected now").await;
    assert_eq!(fixture.app.api.exchange(&pair).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_session_leads_to_the_sign_in_and_back() {
    let fixture = BrowserFixture::open().await;
    generate(&fixture, "CI").await;
    let browser = fixture.signed_in(ADMIN, LIST, Options::default()).await;
    browser.sees("1 of 10").await;
    fixture.set_password(ADMIN).await;
    browser.click_in("CI", "Rotate CI").await;
    browser.sees("Sign in to Duku").await;
    fixture.sign_in(&browser, ADMIN).await;
    browser.sees("1 of 10").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clicks_make_one_key() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture
        .signed_in(ADMIN, "/settings/api-keys/generate", Options { javascript: false, ..Options::default() })
        .await;
    browser.fill("Label", "Twice").await;
    // Two clicks in one go, as a double click sends them, without any script of ours in between.
    let twice = "const b = [...document.querySelectorAll('main button')].at(-1); b.click(); b.click();";
    browser.evaluate(twice, json!([])).await;
    browser.sees("Twice").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(fixture.app.service.keys().list(&fixture.operator()).await.unwrap().len(), 1);
}

/// The place of a key in the list: the label below another, the same columns, and all ten on one screen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_keys_fit_a_screen_and_have_one_layout() {
    let fixture = BrowserFixture::open().await;
    let long = "Deploy preview environments to the European cluster";
    for label in
        ["CI", "GitHub Actions", long, "E2E", "Nightly export", "Terraform", "QA", "Staging", "Load", "x"]
    {
        let pair = generate(&fixture, label).await;
        if label.len() > 5 {
            fixture.app.api.token(&pair).await;
        }
    }
    fixture.app.service.keys().flush_usage(&fixture.ctx()).await.unwrap();
    fixture.app.clock.advance_seconds(40 * 86_400);
    fixture.set_password(ADMIN).await;
    let browser = fixture.entered(ADMIN, LIST, Options::default()).await;
    browser.sees("All 10 places are taken.").await;
    let end = "const rows = [...document.querySelectorAll('tbody tr')];
        return [rows.length, Math.round(rows.at(-1).getBoundingClientRect().bottom + scrollY)]";
    let end = browser.evaluate(end, json!([])).await;
    assert_eq!(end[0], 10);
    assert!(end[1].as_i64().unwrap() <= 900, "the last row ends at {}", end[1]);
    assert_eq!(browser.problems().await, Vec::<String>::new());
}
