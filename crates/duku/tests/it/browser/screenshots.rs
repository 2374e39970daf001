//! `cargo xtask screenshots`: a walk through every page and state.

use super::{
    Options,
    shots::Shots,
    viewport::stage::{ADMIN, MEMBER, Stage},
};
use service::keys::{GenerateKey, RotateKey};
use testkit::Pair;

/// Promises nothing, so it does nothing unless it is asked where the pictures go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_state() {
    let Some(folder) = std::env::var_os("DUKU_SCREENSHOTS") else { return };
    let shots = Shots::into_folder(folder);
    getting_in(&shots).await;
    api_keys(&shots).await;
}

async fn getting_in(shots: &Shots) {
    let stage = Stage::open().await;
    let browser = stage.browser(Options::default()).await;
    browser.goto("/login").await;
    shots.take(&browser, "sign-in").await;
    browser.fill("Email", ADMIN).await;
    browser.fill("Password", "wrong").await;
    browser.click("Sign in").await;
    shots.take(&browser, "sign-in-wrong").await;
    browser.goto("/forgot").await;
    shots.take(&browser, "forgot").await;
    browser.goto("/nowhere").await;
    shots.take(&browser, "not-found").await;
}

async fn api_keys(shots: &Shots) {
    let stage = Stage::open().await;
    let browser = stage.signed_in(ADMIN, "/settings/api-keys", Options::default()).await;
    browser.sees("No API keys yet").await;
    shots.take(&browser, "keys-empty").await;
    browser.click("Generate API Key").await;
    browser.fill("Label", "GitHub Actions").await;
    shots.take(&browser, "keys-generate").await;
    browser.click("Generate").await;
    browser.sees("Waiting for first use").await;
    shots.take(&browser, "keys-once").await;
    browser.click("I have stored the secret").await;
    browser.sees("1 of 10").await;
    fill_keys(&stage).await;
    browser.reload().await;
    shots.take(&browser, "keys-list").await;
    browser.click_in("Nightly export", "Rotate Nightly export").await;
    browser.sees("Grace").await;
    shots.take(&browser, "keys-rotate").await;
    browser.press("Escape").await;
    browser.click_in("Nightly export", "Revoke Nightly export").await;
    browser.sees("to confirm").await;
    shots.take(&browser, "keys-revoke").await;
    browser.press("Escape").await;
    browser.click("Nightly export").await;
    browser.sees("Used from").await;
    shots.take(&browser, "key-page").await;
    let member = stage.signed_in(MEMBER, "/settings/api-keys", Options::default()).await;
    member.sees("Only Admins").await;
    shots.take(&member, "keys-member").await;
}

/// Keys in every standing.
async fn fill_keys(stage: &Stage) {
    let (service, operator) = (&stage.app.service, stage.operator());
    let day = 86_400;
    for (label, days, ago) in [
        ("Old Jenkins", 30, 42),
        ("Nightly export", 90, 79),
        ("Staging crawler", 60, 58),
        ("Terraform", 90, 3),
        ("Deploy preview environments to the European cluster", 365, 1),
    ] {
        let made_at = service::Ctx { now: stage.now().plus_seconds(-ago * day), ..stage.ctx() };
        let input = GenerateKey { label: label.to_owned(), expires_in_days: Some(days) };
        let made = service.generate_key(&made_at, &operator, &input).await.unwrap();
        let pair =
            Pair { client_id: made.key.id.to_string(), client_secret: made.secret.expose().to_owned() };
        for back in 0..ago.min(30) {
            let ctx = service::Ctx { now: stage.now().plus_seconds(-back * day - 3600), ..stage.ctx() };
            let credential = service::exchange::Credential {
                client_id: &pair.client_id,
                client_secret: &pair.client_secret,
            };
            for _ in 0..(back * 7 % 11) {
                let _ = service.exchange(&ctx, credential, "").await;
            }
        }
        if label == "Terraform" {
            let grace = RotateKey { grace_seconds: day, end_issued_tokens: false };
            service.rotate_key(&stage.ctx(), &operator, &pair.client_id, grace).await.unwrap();
        }
        if label == "Nightly export" {
            service.rotate_key(&made_at, &operator, &pair.client_id, RotateKey::default()).await.unwrap();
            stage.app.api.exchange(&pair).await;
        }
    }
    service.flush_usage(&stage.ctx()).await.unwrap();
}
