//! Settings → Organisation: its rules, two Admins at once, and what the rules do elsewhere.

use super::{
    fixture::{ADMIN, BrowserFixture},
    getting_in::enrol,
};
use crate::browser::Options;
use serde_json::json;
use service::organisations::OrganisationSettings;

const PAGE: &str = "/settings/organisation";

async fn rules(options: Options) {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    let browser = fixture.entered(ADMIN, PAGE, options).await;
    browser.fill("Default lifetime of a key", "60").await;
    browser.fill("Longest lifetime of a key", "30").await;
    browser.click("Save").await;
    browser.text("#default_days-error").await;
    browser.axe().await;
    browser.fill("Longest lifetime of a key", "120").await;
    browser.fill("Name", "Acme <script>alert(1)</script>").await;
    browser.click("Save").await;
    browser.sees("Saved.").await;
    browser.sees("Acme <script>alert(1)</script>").await;
    browser.goto("/settings/api-keys/generate").await;
    browser.sees("At most 120 days.").await;
    let days = browser.evaluate("return document.getElementById('days').value", json!([])).await;
    assert_eq!(days, json!("60"));

    // Another Admin saves first.
    browser.goto(PAGE).await;
    browser.fill("Default lifetime of a key", "45").await;
    let seen = OrganisationSettings::of(&service.organisations().get(&operator).await.unwrap());
    let new = OrganisationSettings { name: "Acme Ltd".into(), ..seen.clone() };
    service.organisations().change_settings(&fixture.ctx(), &operator, &seen, &new).await.unwrap();
    browser.click("Save").await;
    browser.sees("Somebody else saved changes meanwhile.").await;
    browser.sees("Acme Ltd").await;
    browser.axe().await;
    browser.fill("Name", "Acme Ltd").await;
    browser.click("Save").await;
    browser.sees("Saved.").await;
    let now = OrganisationSettings::of(&service.organisations().get(&operator).await.unwrap());
    assert_eq!((now.name.as_str(), now.default_days, now.maximum_days), ("Acme Ltd", 45, 120));

    let long = "document.getElementById('name').value = 'x'.repeat(10000)";
    browser.evaluate(long, json!([])).await;
    browser.click("Save").await;
    browser.sees("it has 10000").await;
    browser.axe().await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_rules_are_changed_by_two_admins_at_once_and_hold() {
    rules(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_rules_are_changed_without_javascript() {
    rules(Options { javascript: false, ..Options::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_locks_themselves_out_by_requiring_a_second_factor() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(ADMIN, PAGE, Options::default()).await;
    browser.sees("To require it, have one yourself first").await;
    let box_label = "Require a second factor Whoever has none is asked to set one up before anything of Acme is shown. API keys are not concerned.";
    browser.choose(box_label).await;
    browser.click("Save").await;
    browser.sees("Set up your own second factor first, or you would lock yourself out.").await;
    browser.axe().await;
    browser.click("Set it up").await;
    enrol(&fixture, &browser).await;
    browser.click("I have stored the codes").await;
    browser.goto(PAGE).await;
    browser.does_not_see("To require it, have one yourself first").await;
    browser.choose(box_label).await;
    browser.click("Save").await;
    browser.sees("Saved.").await;
    browser.goto("/account/second-factor/remove").await;
    browser.fill("Your password", super::fixture::PASSWORD).await;
    browser.click("Remove the second factor").await;
    browser.sees("It stays as it is.").await;
    browser.axe().await;
}
