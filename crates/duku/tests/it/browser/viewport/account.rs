//! A person's own account: password, sessions, second factor, organisations, and the approved devices.

use super::{
    fixture::{ADMIN, BrowserFixture, MEMBER, PASSWORD},
    getting_in::enrol,
};
use crate::browser::Options;
use service::users::devices::PollRejection;

const WITHOUT_SCRIPT: Options = Options { javascript: false, width: 1280, height: 900, dark: false };

async fn password_and_sessions(options: Options) {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(MEMBER, "/account", options).await;
    let other = fixture.cookie(MEMBER).await;
    let is_out = async |cookie: &str| {
        let answer = fixture.get(cookie, "/account").await;
        answer.status == 303 && answer.header("location").starts_with("/login")
    };
    assert!(!is_out(&other).await);
    browser.reload().await;
    browser.click("End the session of Test/1.0").await;
    browser.sees("The session has ended.").await;
    assert!(is_out(&other).await, "at its next click");
    let others = [fixture.cookie(MEMBER).await, fixture.cookie(MEMBER).await];
    browser.reload().await;
    browser.click("End all others").await;
    browser.sees("Every other session has ended.").await;
    for cookie in &others {
        assert!(is_out(cookie).await);
    }

    let other = fixture.cookie(MEMBER).await;
    browser.click("Change the password").await;
    browser.fill("Present password", "wrong").await;
    browser.fill("New password", "four unrelated words here").await;
    browser.click("Change the password").await;
    browser.sees("This is not your password.").await;
    browser.axe().await;
    browser.fill("Present password", PASSWORD).await;
    browser.fill("New password", "short").await;
    browser.click("Change the password").await;
    browser.sees("at least 12 characters").await;
    browser.axe().await;
    browser.fill("Present password", PASSWORD).await;
    browser.fill("New password", "four unrelated words here").await;
    browser.click("Change the password").await;
    browser.sees("Your new password is set.").await;
    assert!(is_out(&other).await);
    browser.click("End the session of this browser").await;
    browser.sees("You are signed out").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sessions_end_by_hand_and_by_a_new_password() {
    password_and_sessions(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sessions_end_without_javascript() {
    password_and_sessions(WITHOUT_SCRIPT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_comes_gets_new_codes_and_goes() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(ADMIN, "/account/second-factor", Options::default()).await;
    browser.fill("Type the code that the app shows", "12 34").await;
    browser.click("Turn it on").await;
    browser.sees("This is not the code of just now").await;
    browser.axe().await;
    let (_, first) = enrol(&fixture, &browser).await;
    // The codes ask before they go.
    browser.click("Explorer").await;
    browser.sees("Leave without storing the codes?").await;
    browser.axe().await;
    browser.click("Stay").await;
    browser.sees(&first).await;
    browser.click("I have stored the codes").await;
    browser.sees("10 recovery codes are left").await;
    browser.back().await;
    browser.does_not_see(&first).await;
    browser.goto("/account").await;
    browser.click("Manage the second factor").await;
    browser.axe().await;
    browser.fill("Your password", "wrong").await;
    browser.click("New recovery codes").await;
    browser.sees("This is not your password.").await;
    browser.fill("Your password", PASSWORD).await;
    browser.click("New recovery codes").await;
    browser.sees("The former codes are rejected now.").await;
    browser.does_not_see(&first).await;
    browser.axe().await;
    browser.click("I have stored the codes").await;
    browser.click("Manage the second factor").await;
    browser.click("Remove the second factor").await;
    browser.sees("Remove your second factor?").await;
    browser.axe().await;
    browser.fill("Your password", PASSWORD).await;
    browser.click("Remove the second factor").await;
    browser.sees("Your second factor is removed.").await;
    browser.has_silent_console().await;
}

async fn organisations(options: Options) {
    let fixture = BrowserFixture::open().await;
    let service = &fixture.app.service;
    let globex = service.organisations().create(&fixture.ctx(), "test", "Globex", ADMIN, None).await.unwrap();
    let operator = service::Principal::operator("test", &globex);
    service.products().create_subject(&fixture.ctx(), &operator, "Rocket", None, None).await.unwrap();
    let browser = fixture.entered(ADMIN, "/account", options).await;
    browser.click("Switch to Globex").await;
    browser.sees("Rocket").await;
    browser.does_not_see("Shop").await;
    browser.click("Organisation: Globex").await;
    browser.axe().await;
    browser.click("Acme").await;
    browser.sees("Shop").await;
    service.users().remove_member(&fixture.ctx(), &fixture.operator(), ADMIN).await.unwrap_err();
    // Removed from where one is, one goes on in the other.
    service
        .users()
        .change_role(&fixture.ctx(), &fixture.operator(), MEMBER, domain::Role::Admin)
        .await
        .unwrap();
    service.users().remove_member(&fixture.ctx(), &fixture.operator(), ADMIN).await.unwrap();
    browser.reload().await;
    browser.sees("Rocket").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_belongs_to_two_organisations_switches() {
    organisations(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_belongs_to_two_organisations_switches_without_javascript() {
    organisations(WITHOUT_SCRIPT).await;
}

async fn command_line(options: Options) {
    let fixture = BrowserFixture::open().await;
    let (service, ctx) = (&fixture.app.service, fixture.ctx());
    let start =
        async |device: &str| service.users().start_device(&ctx, "duku-cli", "", device).await.unwrap();
    let device = start("duku/0.1 on <b>ada-laptop</b>").await;
    let browser = fixture.entered(ADMIN, "/device", options).await;
    browser.fill("Code", "WRNG-CODE").await;
    browser.click("Continue").await;
    browser.sees("No device waits with this code").await;
    browser.axe().await;
    browser.fill("Code", &device.user_code.to_lowercase()).await;
    browser.click("Continue").await;
    browser.sees(&device.user_code).await;
    browser.sees("duku/0.1 on <b>ada-laptop</b>").await;
    browser.sees("Acme, as an Admin").await;
    browser.click("Approve").await;
    browser.sees("It is in.").await;
    browser.axe().await;
    let tokens = service.users().poll_device(&ctx, "duku-cli", device.device_code.expose()).await.unwrap();
    assert_eq!(tokens.email.as_str(), ADMIN);
    browser.click("Your account").await;
    browser.sees("Command line").await;

    let device = start("duku/0.1 on another").await;
    fixture.app.clock.advance_seconds(301);
    browser.goto(&format!("/device?user_code={}", device.user_code)).await;
    browser.click("Deny").await;
    browser.sees("Denied.").await;
    let rejected = service.users().poll_device(&fixture.ctx(), "duku-cli", device.device_code.expose()).await;
    assert!(matches!(rejected, Err(PollRejection::Denied)));

    // An old sign-in has to prove itself.
    let device = service.users().start_device(&fixture.ctx(), "duku-cli", "", "duku/0.1").await.unwrap();
    fixture.app.clock.advance_seconds(301);
    browser.goto(&format!("/device?user_code={}", device.user_code)).await;
    browser.sees("Your last sign-in was a while ago.").await;
    browser.axe().await;
    browser.fill("Your password", "wrong").await;
    browser.click("Approve").await;
    browser.sees("This is not your password.").await;
    browser.fill("Your password", PASSWORD).await;
    browser.click("Approve").await;
    browser.sees("It is in.").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_approved_or_denied() {
    command_line(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_approved_without_javascript() {
    command_line(WITHOUT_SCRIPT).await;
}
