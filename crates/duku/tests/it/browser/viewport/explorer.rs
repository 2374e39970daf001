//! The explorer on its real page: signed in as the person, under the page's own policy.

use super::fixture::{ADMIN, BrowserFixture, MEMBER};
use crate::browser::Options;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_explorer_asks_as_the_person() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(ADMIN, "/explorer", Options::default()).await;
    browser.click("Run").await;
    browser.sees("\"name\": \"Shop\"").await;
    browser.axe().await;
    browser.click("Who am I").await;
    browser.click("Run").await;
    browser.sees("ada@example.org").await;
    browser.sees("\"role\": \"ADMIN\"").await;
    browser.fill("GraphQL query", "{ subje").await;
    browser.press("Control+Space").await;
    browser.sees("[Subject!]!").await;
    browser.press("Escape").await;
    browser
        .fill("GraphQL query", "mutation { generateApiKey(input: { label: \"From here\" }) { combinedKey } }")
        .await;
    fixture.app.clock.advance_seconds(601);
    browser.press("Control+Enter").await;
    browser.sees("Confirm that it is you").await;
    browser.sees("Sign in again (in a new tab)").await;
    assert!(
        fixture.app.service.keys().list(&fixture.operator()).await.unwrap().is_empty(),
        "nothing by an old sign-in"
    );
    browser.axe().await;
    browser.has_silent_console().await;
    fixture.set_password(ADMIN).await;
    browser.press("Control+Enter").await;
    browser.sees("You are signed out").await;
    browser.axe().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_members_explorer_offers_what_members_may_and_says_so_without_javascript() {
    let fixture = BrowserFixture::open().await;
    let options = Options { width: 390, height: 844, dark: true, ..Options::default() };
    let browser = fixture.entered(MEMBER, "/explorer", options).await;
    browser.sees("Create a product").await;
    browser.does_not_see("Audit log ").await;
    browser.axe().await;
    browser.has_silent_console().await;
    let page = fixture.get(&fixture.cookie(MEMBER).await, "/explorer").await.text;
    assert!(page.contains("<noscript>") && page.contains("The explorer needs JavaScript."));
}
