//! Reading: from page to page, within a page, on a phone, in the dark.

use super::{Browser, Options, PHONE, WITHOUT_SCRIPTS, site};
use serde_json::json;

/// The text of what is marked as the place where the reader is.
async fn here(browser: &Browser, part: &str) -> String {
    let marked = "return document.querySelector(arguments[0])?.textContent ?? ''";
    let text = browser.evaluate(marked, json!([format!("{part} a[aria-current]")])).await;
    text.as_str().unwrap().to_owned()
}

async fn reads_three_pages(options: Options) {
    let site = site().await;
    let browser = Browser::start(&site.api.url, options).await;
    browser.goto("/docs").await;
    browser.sees("Where to go next").await;
    assert_eq!(here(&browser, ".docs-nav").await, "Duku");
    browser.click(".docs-text [href='/docs/getting-started']").await;
    browser.is_at("/docs/getting-started").await;
    assert_eq!(browser.text("h1").await, "Getting started");
    assert_eq!(here(&browser, ".docs-nav").await, "Getting started");
    browser.tab_to("link “API keys”").await;
    browser.press("Enter").await;
    browser.is_at("/docs/integrations/api-keys").await;
    assert_eq!(here(&browser, ".docs-nav").await, "API keys");
    assert_eq!(browser.text(".hint .hint-label").await, "Warning");
    browser.click("[rel=next]").await;
    browser.is_at("/docs/integrations/manage-keys").await;
    browser.click("[rel=prev]").await;
    browser.is_at("/docs/integrations/api-keys").await;
    browser.back().await;
    browser.is_at("/docs/integrations/manage-keys").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_reads_from_page_to_page() {
    reads_three_pages(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_reads_from_page_to_page_without_scripts() {
    reads_three_pages(WITHOUT_SCRIPTS).await;
}

/// How far below the top of the window an element is, in pixels.
async fn top_of(browser: &Browser, css: &str) -> f64 {
    let script = "return document.querySelector(arguments[0]).getBoundingClientRect().top";
    browser.evaluate(script, json!([css])).await.as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contents_of_a_page_lead_to_its_parts_and_follow_the_reader() {
    let site = site().await;
    let browser = Browser::start(&site.api.url, Options::default()).await;
    browser.goto("/docs/operating/limits").await;
    browser.click(".docs-toc [href='#access-tokens']").await;
    browser.is_at("/docs/operating/limits#access-tokens").await;
    let is_there = async || (40.0..200.0).contains(&top_of(&browser, "#access-tokens").await);
    assert!(
        browser.comes_true(is_there).await,
        "below the bar: {}",
        top_of(&browser, "#access-tokens").await
    );
    assert!(browser.comes_true(async || here(&browser, ".docs-toc").await == "Access tokens").await);
    browser
        .evaluate(
            "document.querySelector('#concurrent-requests-and-connections').scrollIntoView()",
            json!([]),
        )
        .await;
    assert!(
        browser
            .comes_true(async || here(&browser, ".docs-toc").await == "Concurrent requests and connections")
            .await
    );
    // A long page keeps the reader's place in sight in its contents as well.
    let is_in_sight = "const at = document.querySelector('.docs-toc [aria-current]').getBoundingClientRect();
        return at.top >= 0 && at.bottom <= innerHeight";
    assert!(browser.comes_true(async || browser.evaluate(is_in_sight, json!([])).await == json!(true)).await);
}

/// What the person has in the clipboard, as the search box takes it.
async fn pasted(browser: &Browser) -> String {
    let area = "const area = Object.assign(document.createElement('textarea'), { id: 'paste' });
        document.querySelector('main').prepend(area); area.focus()";
    browser.evaluate(area, json!([])).await;
    browser.press("Control+v").await;
    let value =
        "const area = document.querySelector('#paste'); const { value } = area; area.remove(); return value";
    browser.evaluate(value, json!([])).await.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_is_copied_as_it_is_to_be_typed() {
    let site = site().await;
    let browser = Browser::start(&site.api.url, Options::default()).await;
    browser.goto("/docs/integrations/graphql-api").await;
    browser.click(".snippet button").await;
    browser.sees("Copied").await;
    let pasted_code = pasted(&browser).await;
    assert!(pasted_code.starts_with("TOKEN=\"$(duku token)\"\ncurl -fsS"), "{pasted_code}");
    browser.goto("/docs/operating/signing-keys").await;
    browser.click("[data-language=console] button").await;
    browser.sees("Copied").await;
    let commands = pasted(&browser).await;
    assert!(commands.starts_with("duku admin signing-key list\nduku admin signing-key rotate"), "{commands}");
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_has_everything_in_one_column() {
    let site = site().await;
    let browser = Browser::start(&site.api.url, PHONE).await;
    browser.goto("/docs").await;
    browser.does_not_see("Client libraries Verify tokens in your own service").await;
    browser.click("All pages").await;
    browser.click(".docs-nav [href='/docs/integrations/api-keys']").await;
    browser.is_at("/docs/integrations/api-keys").await;
    browser.click("On this page").await;
    browser.click(".docs-toc [href='#rotate-a-key']").await;
    let is_there = async || (40.0..200.0).contains(&top_of(&browser, "#rotate-a-key").await);
    assert!(browser.comes_true(is_there).await, "{}", top_of(&browser, "#rotate-a-key").await);
    assert_eq!(browser.sticking_out().await, None);
    browser.fill("Search the documentation", "tombstone").await;
    browser.sees("Nothing has “tombstone” in it.").await;
    assert_eq!(browser.sticking_out().await, None);
    browser.axe().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_likes_it_dark_gets_it_dark() {
    let site = site().await;
    let browser = Browser::start(&site.api.url, Options { dark: true, ..Options::default() }).await;
    browser.goto("/docs").await;
    let lightness =
        "const area = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        area.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
        area.fillRect(0, 0, 1, 1);
        return area.getImageData(0, 0, 1, 1).data[1]";
    assert!(browser.evaluate(lightness, json!([])).await.as_f64().unwrap() < 60.0);
    browser.emulate(1280, 900, false).await;
    assert!(browser.evaluate(lightness, json!([])).await.as_f64().unwrap() > 200.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_person_is_shown_the_nearest_pages() {
    let site = site().await;
    for options in [Options::default(), WITHOUT_SCRIPTS] {
        let browser = Browser::start(&site.api.url, options).await;
        browser.goto("/docs/integrations/api-key").await;
        browser.sees("Page not found").await;
        browser.click(".docs-text [href='/docs/integrations/api-keys']").await;
        browser.is_at("/docs/integrations/api-keys").await;
        browser.goto("/docs/zzzzz").await;
        browser.click(".docs-text [href='/docs']").await;
        browser.sees("Where to go next").await;
    }
}
