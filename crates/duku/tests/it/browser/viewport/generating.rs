//! From “Generate API Key” to the way that fits: the platform's own form, public keys, or a client secret.

use super::{
    every_page::waiting_key,
    fixture::{ADMIN, BrowserFixture},
    key_pages::LIST,
};
use crate::browser::{Browser, Options};
use serde_json::json;
use service::organisations::OrganisationSettings;

const PHONE: Options = Options { width: 390, height: 844, javascript: true, dark: false };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_leads_to_its_own_form_where_one_types_at_once() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(ADMIN, LIST, Options::default()).await;
    browser.click("Generate API Key").await;
    browser.sees("Where does it run?").await;
    browser.click("GitHub Actions").await;
    browser.is_at("/settings/api-keys/generate/workload?preset=github_actions").await;
    assert_eq!(browser.focused().await, "text “Label”");
    browser.sees("There is no repository to enter").await;
    browser.goto(LIST).await;
    browser.click("Generate API Key").await;
    browser.click("Another platform").await;
    browser.is_at("/settings/api-keys/generate/workload").await;
    assert_eq!(browser.focused().await, "h1 “Generate API Key”");
    browser.click("Kubernetes").await;
    browser.sees("Generate API Key for Kubernetes").await;
    browser.press("Cluster").await;
    browser.press("Enter").await;
    assert_eq!(browser.focused().await, "text “Issuer”", "it is missing");
    browser.fill("Issuer", "https://cluster.invalid").await;
    browser.click("Generate").await;
    browser.sees("paste them under “The issuer's public keys”").await;
    assert_eq!(browser.focused().await, "text “Issuer”");
    browser.axe().await;
    assert_eq!(browser.problems().await, Vec::<String>::new());
    browser.has_silent_console().await;
}

pub(crate) async fn make_no_new_secrets(fixture: &BrowserFixture) {
    let (service, operator) = (&fixture.app.service, fixture.operator());
    let seen = OrganisationSettings::of(&service.organisations().get(&operator).await.unwrap());
    let new = OrganisationSettings { secretless_only: true, ..seen.clone() };
    service.organisations().change_settings(&fixture.ctx(), &operator, &seen, &new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_secrets_are_made_none_is_offered() {
    let fixture = BrowserFixture::open().await;
    make_no_new_secrets(&fixture).await;
    for options in [Options::default(), PHONE, Options { javascript: false, ..Options::default() }] {
        let browser = fixture.entered(ADMIN, LIST, options).await;
        browser.click("Generate API Key").await;
        browser.sees("This organisation makes no new secrets.").await;
        browser.does_not_see("Label").await;
        if options.javascript {
            browser.axe().await;
            assert_eq!(browser.problems().await, Vec::<String>::new());
        }
        browser.click("public keys").await;
        browser.is_at("/settings/api-keys/generate/public-keys").await;
        browser.does_not_see("client secret").await;
    }
}

/// What begins within a card and ends outside its padding.
async fn beyond_padding(browser: &Browser, card: &str) -> serde_json::Value {
    let script = "const card = document.querySelector(arguments[0]), style = getComputedStyle(card);
        const end = card.getBoundingClientRect().right - parseFloat(style.paddingRight);
        return [...card.querySelectorAll('*')].filter((part) => part.checkVisibility()
            && !part.closest('.vh') && part.getBoundingClientRect().right > end + 1).map((part) => part.outerHTML)";
    browser.evaluate(script, json!([card])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone_nothing_sticks_out_of_a_card() {
    let fixture = BrowserFixture::open().await;
    waiting_key(&fixture).await;
    let browser = fixture.entered(ADMIN, LIST, PHONE).await;
    browser.sees("Workload identity").await;
    assert_eq!(beyond_padding(&browser, ".table tbody tr").await, json!([]));
    browser.click("Generate API Key").await;
    browser.sees("Where does it run?").await;
    assert_eq!(beyond_padding(&browser, "#dialog-body").await, json!([]));
    assert_eq!(browser.problems().await, Vec::<String>::new());
}
