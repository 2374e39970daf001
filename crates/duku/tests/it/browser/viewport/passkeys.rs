//! Passkeys with the browser's own authenticator: added under Account, used at the sign-in, removed.

use super::fixture::{ADMIN, BrowserFixture, PASSWORD};
use crate::browser::{Browser, Options};
use duku::settings::GivenSettings;
use serde_json::{Value, json};

const ACCOUNT: &str = "/account";

/// Browsers allow passkeys at `localhost`, but not at an address of numbers.
async fn fixture() -> BrowserFixture {
    let public_url = Some("http://localhost:0".to_owned());
    BrowserFixture::with(GivenSettings { public_url, ..GivenSettings::default() }).await
}

/// Gives the browser a device that keeps passkeys and knows its owner.
async fn plug_in(browser: &Browser) -> Value {
    browser.devtools("WebAuthn.enable", json!({})).await;
    let options = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    });
    browser.devtools("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await["authenticatorId"]
        .take()
}

/// Whether the device knows its owner's finger.
async fn know_owner(browser: &Browser, device: &Value, known: bool) {
    let owner = json!({ "authenticatorId": device, "isUserVerified": known });
    browser.devtools("WebAuthn.setUserVerified", owner).await;
}

async fn sign_out(browser: &Browser) {
    browser.goto("/logout").await;
    browser.click("Sign out").await;
    browser.sees("signed out").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_added_signs_in_and_is_rejected_when_it_is_removed() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(ADMIN, ACCOUNT, Options::default()).await;
    let device = plug_in(&browser).await;

    browser.click("Add a passkey").await;
    browser.axe().await;
    browser.fill("Name", "Work laptop").await;
    browser.click("Continue").await;
    browser.sees("Work laptop").await;
    browser.axe().await;
    browser.click("Make the passkey").await;
    browser.sees("Your passkey is added.").await;
    browser.sees("never used").await;
    browser.axe().await;

    sign_out(&browser).await;
    browser.goto(ACCOUNT).await;
    browser.axe().await;
    browser.click("Use a passkey").await;
    browser.sees("You are signed in as").await;
    browser.is_at(ACCOUNT).await;
    browser.sees("last used just now").await;

    // What asks for a new proof takes a passkey, too, but not from somebody whom the device does not know.
    browser.goto("/login?max_age=0&next=/account").await;
    browser.sees("Confirm your password to go on.").await;
    know_owner(&browser, &device, false).await;
    browser.click("Use a passkey").await;
    browser.sees("Nothing came of it").await;
    browser.axe().await;
    know_owner(&browser, &device, true).await;
    browser.click("Use a passkey").await;
    browser.is_at(ACCOUNT).await;

    browser.click("Remove the passkey Work laptop").await;
    browser.sees("Remove this passkey?").await;
    browser.axe().await;
    browser.click("Remove the passkey").await;
    browser.sees("The passkey is removed.").await;
    browser.does_not_see("Work laptop").await;

    sign_out(&browser).await;
    browser.goto(ACCOUNT).await;
    browser.click("Use a passkey").await;
    browser.sees("This passkey is not known here.").await;
    browser.axe().await;

    browser.fill("Password", PASSWORD).await;
    browser.fill("Email", ADMIN).await;
    browser.click("Sign in").await;
    browser.sees("You are signed in as").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_needs_the_password_again_after_ten_minutes() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(ADMIN, ACCOUNT, Options::default()).await;
    browser.sees("You are signed in as").await;
    plug_in(&browser).await;
    fixture.app.clock.advance_seconds(601);
    browser.goto("/account/passkeys/add").await;
    browser.fill("Name", "Phone").await;
    browser.fill("Your password", "not the password").await;
    browser.click("Continue").await;
    browser.sees("This is not your password.").await;
    browser.fill("Your password", PASSWORD).await;
    browser.click("Continue").await;
    browser.click("Make the passkey").await;
    browser.sees("Your passkey is added.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript_there_is_a_password_and_a_word_about_it() {
    let fixture = fixture().await;
    let options = Options { javascript: false, ..Options::default() };
    let browser = fixture.browser(options).await;
    browser.goto(ACCOUNT).await;
    browser.does_not_see("Use a passkey").await;
    fixture.sign_in(&browser, ADMIN).await;
    browser.click("Add a passkey").await;
    browser.fill("Name", "Phone").await;
    browser.click("Continue").await;
    browser.sees("This browser cannot make one.").await;
    browser.does_not_see("You have no").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_browsers_allow_no_passkeys_none_are_offered() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.browser(Options::default()).await;
    browser.goto(ACCOUNT).await;
    browser.sees("Sign in to Duku").await;
    browser.does_not_see("passkey").await;
    fixture.sign_in(&browser, ADMIN).await;
    browser.sees("You are signed in as").await;
    browser.does_not_see("Passkeys").await;
}
