//! The documentation's page "API Keys", step by step with its own words, in the browser and at the real endpoints.

use super::fixture::{ADMIN, BrowserFixture};
use crate::browser::{Browser, Options};
use reqwest::StatusCode;
use serde_json::json;
use testkit::Pair;

/// What the page shows once.
async fn shown_pair(browser: &Browser) -> Pair {
    Pair { client_id: browser.text("#value-id").await, client_secret: browser.text("#value-secret").await }
}

async fn generate_exchange_rotate_revoke(options: Options) {
    let fixture = BrowserFixture::open().await;
    let api = &fixture.app.api;
    let browser = fixture.signed_in(ADMIN, "/settings/api-keys", options).await;

    browser.click("API Keys").await;
    browser.click("Generate API Key").await;
    browser.fill("Label", "GitHub Actions").await;
    browser.click("Generate").await;
    browser.sees("This is the only time that you can see this secret.").await;
    let first = shown_pair(&browser).await;
    let token = api.token(&first).await;
    assert!(api.accepts(&token).await);
    if options.javascript {
        browser.sees("from 127.0.0.1").await;
    }
    browser.click("I have stored the secret").await;
    browser.sees("1 of 10").await;
    browser.does_not_see(&first.client_secret).await;

    browser.click_in("GitHub Actions", "Rotate GitHub Actions").await;
    browser.sees("The current secret stops working immediately").await;
    browser.click("Rotate").await;
    browser.sees("This is the only time that you can see this secret.").await;
    let second = shown_pair(&browser).await;
    assert_eq!(second.client_id, first.client_id);
    assert_eq!(api.exchange(&first).await.status, StatusCode::UNAUTHORIZED, "invalid immediately");
    let token = api.token(&second).await;
    browser.click("I have stored the secret").await;

    browser.click_in("GitHub Actions", "Revoke GitHub Actions").await;
    browser.fill("Type GitHub Actions to confirm", "GitHub Actions").await;
    browser.click("Revoke").await;
    browser.sees("is revoked. Tokens already issued are rejected now.").await;
    assert!(!api.accepts(&token).await);
    assert!(api.exchange(&second).await.description().contains("revoked"));
    browser.sees("No API keys yet").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_by_mouse() {
    generate_exchange_rotate_revoke(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_without_javascript() {
    generate_exchange_rotate_revoke(Options { javascript: false, ..Options::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_on_a_phone() {
    let options = Options { width: 390, height: 844, ..Options::default() };
    let fixture = BrowserFixture::open().await;
    let browser = fixture.signed_in(ADMIN, "/settings/api-keys", options).await;
    browser.click("Generate API Key").await;
    browser.fill("Label", "Phone").await;
    browser.click("Generate").await;
    browser.sees("This is the only time").await;
    fixture.app.api.token(&shown_pair(&browser).await).await;
    let overflow = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(browser.evaluate(overflow, json!([])).await, json!(false), "nothing sticks out");
}
