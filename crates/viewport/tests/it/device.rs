//! Approving a device.

use crate::harness::{Harness, PASSWORD};
use service::users::devices::{DeviceStart, PollRejection};

async fn start(harness: &Harness) -> DeviceStart {
    let device = "duku/0.1.0 (laptop, Linux)";
    harness.service.users().start_device(&harness.ctx(), "duku-cli", "openid", device).await.unwrap()
}

#[tokio::test]
async fn a_device_that_is_approved_gets_its_tokens() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let device = start(&harness).await;
    ada.get("/device").await.assert_says(200, "name=\"user_code\"");
    let page = ada.get(&format!("/device?user_code={}", device.user_code.to_lowercase())).await;
    page.assert_says(200, &device.user_code);
    page.assert_says(200, "duku/0.1.0 (laptop, Linux)");
    page.assert_says(200, "Acme, as an Admin");
    let code = device.user_code.as_str();
    let done = ada.post("/device", &[("user_code", code), ("decision", "approve")]).await;
    done.assert_says(200, "It is in.");
    done.assert_says(200, "Go back to your terminal.");
    let polled =
        harness.service.users().poll_device(&harness.ctx(), "duku-cli", device.device_code.expose()).await;
    assert_eq!(polled.unwrap().email.as_str(), "ada@acme.example");
    ada.get("/account").await.assert_says(200, "Command line");

    let again = ada.post("/device", &[("user_code", code), ("decision", "approve")]).await;
    again.assert_says(422, "No device waits with this code");
}

#[tokio::test]
async fn a_device_that_is_rejected_stays_out() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let device = start(&harness).await;
    // Refusing needs no password, however long ago the sign-in was.
    harness.clock.advance_seconds(300);
    let fields = [("user_code", device.user_code.as_str()), ("decision", "deny")];
    ada.post("/device", &fields).await.assert_says(200, "Denied.");
    let polled =
        harness.service.users().poll_device(&harness.ctx(), "duku-cli", device.device_code.expose()).await;
    assert!(matches!(polled, Err(PollRejection::Denied)), "{polled:?}");
}

#[tokio::test]
async fn an_old_sign_in_is_confirmed_first() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    harness.clock.advance_seconds(700);
    let device = start(&harness).await;
    let code = device.user_code.as_str();
    let approve = [("user_code", code), ("decision", "approve")];
    ada.post("/device", &approve).await.assert_says(422, "id=\"password-error\">");
    let wrong = [approve[0], approve[1], ("password", "wrong")];
    ada.post("/device", &wrong).await.assert_says(422, "This is not your password.");
    let polled =
        harness.service.users().poll_device(&harness.ctx(), "duku-cli", device.device_code.expose()).await;
    assert!(matches!(polled, Err(PollRejection::Pending)), "{polled:?}");
    let right = [approve[0], approve[1], ("password", PASSWORD)];
    ada.post("/device", &right).await.assert_says(200, "It is in.");
}

#[tokio::test]
async fn codes_that_are_wrong_or_old_are_told_and_guesses_are_counted() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let device = start(&harness).await;
    harness.clock.advance_seconds(600);
    let old = ada.get(&format!("/device?user_code={}", device.user_code)).await;
    old.assert_says(422, "No device waits with this code");
    ada.get("/device?user_code=%3Cscript%3E").await.assert_says(422, "value=\"&#60;script&#62;\"");
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(ada.get("/device?user_code=BBBB-BBBB").await.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[11]), (422, 429));
}
