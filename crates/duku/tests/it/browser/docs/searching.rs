//! Searching and asking.

use super::{Browser, Options, WITHOUT_SCRIPTS, site};
use serde_json::json;

const BOX: &str = "Search the documentation";

/// What a screen reader is told to be chosen in the list.
async fn chosen(browser: &Browser) -> String {
    let script = "const id = document.activeElement.getAttribute('aria-activedescendant');
        return id ? document.getElementById(id).querySelector('strong').textContent : ''";
    browser.evaluate(script, json!([])).await.as_str().unwrap().to_owned()
}

async fn is_open(browser: &Browser) -> bool {
    browser
        .evaluate("return document.activeElement.getAttribute('aria-expanded') === 'true'", json!([]))
        .await
        == json!(true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_searches_by_keyboard_alone() {
    let site = site().await;
    let browser = Browser::start(&site.api.url, Options::default()).await;
    browser.goto("/docs").await;
    browser.press("/").await;
    assert_eq!(browser.focused().await, format!("combobox “{BOX}”"));
    browser.press("rotate downtime").await;
    assert!(browser.comes_true(async || is_open(&browser).await).await, "the list opens");
    assert_eq!(chosen(&browser).await, "", "nothing is chosen for the person");
    for dark in [false, true] {
        browser.emulate(1280, 900, dark).await;
        browser.axe().await;
    }
    browser.press("ArrowDown").await;
    let first = chosen(&browser).await;
    assert_eq!(first, "Rotate a key without downtime");
    browser.press("ArrowUp").await;
    assert_ne!(chosen(&browser).await, first, "it goes round");
    browser.press("Escape").await;
    assert!(!is_open(&browser).await);
    browser.press("ArrowDown").await;
    browser.press("ArrowDown").await;
    browser.press("ArrowUp").await;
    browser.press("Enter").await;
    browser.is_at("/docs/guides/rotate-without-downtime").await;
    // A `/` in a field is a letter.
    browser.click("#page\\.ask").await;
    browser.press("/").await;
    assert!(browser.focused().await.starts_with("text"), "{}", browser.focused().await);
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_has_is_told_and_enter_shows_all_that_fits() {
    let site = site().await;
    let browser = Browser::start(&site.api.url, Options::default()).await;
    browser.goto("/docs").await;
    browser.fill(BOX, "<img src=x onerror=alert(1)>zyx").await;
    browser.sees("Nothing has “<img src=x onerror=alert(1)>zyx” in it.").await;
    assert_eq!(browser.evaluate("return document.querySelectorAll('img').length", json!([])).await, json!(0));
    browser.fill(BOX, "grace").await;
    browser.press("Enter").await;
    browser.is_at("/docs/search?q=grace").await;
    browser.sees("places have “grace”, best first.").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_searches_without_scripts() {
    let site = site().await;
    let browser = Browser::start(&site.api.url, WITHOUT_SCRIPTS).await;
    browser.goto("/docs").await;
    browser.fill(BOX, "rotate downtime").await;
    browser.press("Enter").await;
    browser.is_at("/docs/search?q=rotate+downtime").await;
    assert!(browser.text(".docs-results").await.starts_with("Rotate a key without downtime"));
    browser.click("Rotate a key without downtime").await;
    browser.is_at("/docs/guides/rotate-without-downtime").await;
    browser.goto("/docs/search?q=zyx").await;
    browser.sees("Nothing has “zyx” in it.").await;
}

async fn asks(options: Options) {
    let site = site().await;
    let browser = Browser::start(&site.api.url, options).await;
    browser.goto("/docs/integrations/api-keys").await;
    browser.fill("Ask the documentation", "How long does an access token live?").await;
    browser.click("Ask").await;
    browser.is_at("/docs/ask?page=integrations%2Fapi-keys&q=How+long+does+an+access+token+live%3F").await;
    browser.sees("How long does an access token live?").await;
    browser.sees("300 seconds (5 minutes)").await;
    browser.sees("Sources").await;

    let question = "Is <b id=\"planted\">this</b> & \"that\" safe?";
    browser.fill("Ask the documentation", question).await;
    browser.click("Ask").await;
    browser.sees(question).await;
    browser.does_not_see("How long does an access token live?").await;
    assert_eq!(browser.evaluate("return document.querySelector('#planted')", json!([])).await, json!(null));
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_asks() {
    asks(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_asks_without_scripts() {
    asks(WITHOUT_SCRIPTS).await;
}
