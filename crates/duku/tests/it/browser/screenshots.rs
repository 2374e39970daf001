//! `cargo xtask screenshots`: a walk through every page and state.

use super::{
    Browser, Options,
    shots::Shots,
    viewport::{
        every_page::waiting_key,
        fixture::{ADMIN, BrowserFixture, MEMBER},
        generating::make_no_new_secrets,
        getting_in::enrol,
    },
};
use crate::app::Fresh;
use domain::{Role, workload::Preset};
use duku::settings::GivenSettings;
use jose::assertion::AssertionAlgorithm::Es256 as ES256;
use serde_json::json;
use service::keys::{GenerateKey, RotateKey};
use testkit::Engine;
use testkit::Pair;

/// Promises nothing, so it does nothing unless it is asked where the pictures go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_state() {
    let Some(folder) = std::env::var_os("DUKU_SCREENSHOTS") else { return };
    let shots = Shots::into_folder(folder);
    getting_in(&shots).await;
    api_keys(&shots).await;
    secretless_keys(&shots).await;
    products(&shots).await;
    settings(&shots).await;
    account(&shots).await;
}

async fn getting_in(shots: &Shots) {
    let fresh = Fresh::start_with(Engine::Sqlite, GivenSettings::default()).await;
    let link = fresh.service.operations().make_setup_link(&fresh.ctx()).await.unwrap().unwrap();
    let first = Browser::start(&fresh.api.url, Options::default()).await;
    first.goto(link.strip_prefix(&fresh.api.url).unwrap()).await;
    shots.take(&first, "setup").await;
    first.goto("/").await;
    shots.take(&first, "setup-code").await;
    first.goto(link.strip_prefix(&fresh.api.url).unwrap()).await;
    first.fill("Organisation", "Acme").await;
    first.fill("Your email address", ADMIN).await;
    first.fill("Password", crate::people::PASSWORD).await;
    first.click("Create the organisation").await;
    first.sees("First steps").await;
    shots.take(&first, "home-first-steps").await;
    first.goto("/nowhere").await;
    shots.take(&first, "not-found-signed-in").await;
    documentation(shots, &first).await;
    drop(first);
    let fixture = BrowserFixture::open().await;
    let browser = fixture.browser(Options::default()).await;
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

async fn documentation(shots: &Shots, browser: &Browser) {
    for (page, name) in [
        ("/docs", "docs"),
        ("/docs/getting-started", "docs-commands"),
        ("/docs/integrations/api-keys", "docs-page"),
        ("/docs/integrations/client-libraries", "docs-code"),
        ("/docs/operating/backup", "docs-hint"),
        ("/docs/operating/limits", "docs-tables"),
        ("/docs/integrations/graphql-schema", "docs-schema"),
        ("/docs/search", "docs-search-empty"),
        ("/docs/search?q=secret", "docs-search"),
        ("/docs/search?q=zyx", "docs-search-nothing"),
        ("/docs/ask?q=How+long+does+an+access+token+live%3F", "docs-ask"),
        ("/docs/ask?q=Which+colour+has+the+sea%3F", "docs-ask-nothing"),
        ("/docs/integrations/api-key", "docs-missing"),
    ] {
        browser.goto(page).await;
        shots.take(browser, name).await;
    }
    browser.goto("/docs").await;
    browser.press("/").await;
    browser.press("rotate").await;
    browser.sees("Rotate a key without downtime").await;
    browser.press("ArrowDown").await;
    shots.take(browser, "docs-searching").await;
}

async fn products(shots: &Shots) {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    let browser = fixture.signed_in(MEMBER, "/", Options::default()).await;
    browser.sees("Shop").await;
    for (name, url) in [("Checkout", Some("https://checkout.example")), ("Warehouse", None)] {
        service.products().create_subject(&fixture.ctx(), &operator, name, None, url).await.unwrap();
    }
    let shop = service.products().list_subjects(&operator, 1, None).await.unwrap().remove(0);
    browser.click("Shop").await;
    browser.sees("https://shop.example").await;
    shots.take(&browser, "product-empty").await;
    for (build_key, name, environment) in
        [("main", "Production", "production"), ("pr-7", "Preview 7", "preview")]
    {
        let target = domain::product::UncheckedTarget {
            build_key: build_key.into(),
            name: name.into(),
            version: "2026.11.3".into(),
            environment: environment.into(),
            build_number: Some(4711),
            build_url: Some("https://preview-7.shop.example/".into()),
            metadata: Some(
                serde_json::json!({ "commit": "0d1f0a6c8e57", "ciRunUrl": "https://ci.example/runs/815", "bypassSecret": "hush", "flags": { "beta": true } }),
            ),
            description: None,
        };
        service.products().upsert_target(&fixture.ctx(), &operator, shop.id.as_str(), target).await.unwrap();
    }
    browser.goto("/").await;
    shots.take(&browser, "home").await;
    browser.goto(&format!("/p/{}", shop.id)).await;
    shots.take(&browser, "product").await;
    browser.click("Production").await;
    browser.sees("0d1f0a6c8e57").await;
    shots.take(&browser, "target").await;
    for (page, name) in [
        ("/p/new".to_owned(), "product-new"),
        (format!("/p/{}/edit", shop.id), "product-edit"),
        (format!("/p/{}/delete", shop.id), "product-delete"),
        (format!("/p/{}/t/new", shop.id), "target-new"),
    ] {
        browser.goto(&page).await;
        shots.take(&browser, name).await;
    }
    browser.goto("/explorer").await;
    browser.sees("Run").await;
    shots.take(&browser, "explorer").await;
}

async fn settings(shots: &Shots) {
    let fixture = BrowserFixture::open().await;
    fill_keys(&fixture).await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    service.users().invite(&fixture.ctx(), &operator, "grace@example.org", Role::Admin).await.unwrap();
    let browser = fixture.signed_in(ADMIN, "/", Options::default()).await;
    browser.sees("Shop").await;
    shots.take(&browser, "home-attention").await;
    for (page, name) in [
        ("/settings/members", "members"),
        ("/settings/members/invite", "members-invite"),
        ("/settings/organisation", "organisation"),
        ("/settings/audit", "audit"),
        ("/settings/audit?check=1", "audit-checked"),
    ] {
        browser.goto(page).await;
        shots.take(&browser, name).await;
    }
    browser.goto("/settings/members/invite").await;
    browser.fill("Email", "alan@example.org").await;
    browser.click("Invite").await;
    browser.sees("/invite/").await;
    shots.take(&browser, "members-invited").await;
    let members = service.users().list_members(&operator).await.unwrap();
    let max = members.iter().find(|member| member.email.as_str() == MEMBER).unwrap();
    for page in ["role", "remove"] {
        browser.goto(&format!("/settings/members/{}/{page}", max.id)).await;
        shots.take(&browser, &format!("members-{page}")).await;
    }
    let invited =
        service.users().invite(&fixture.ctx(), &operator, "new@example.org", Role::Member).await.unwrap();
    let stranger = fixture.browser(Options::default()).await;
    stranger.goto(&invited.link.replace(&fixture.app.api.url, "")).await;
    shots.take(&stranger, "invite").await;
    stranger.goto("/invite/unknown").await;
    shots.take(&stranger, "invite-unknown").await;
    let reset = service.users().make_reset_link(&fixture.ctx(), "test", MEMBER).await.unwrap();
    stranger.goto(&reset.replace(&fixture.app.api.url, "")).await;
    shots.take(&stranger, "reset").await;
}

async fn account(shots: &Shots) {
    let fixture = BrowserFixture::open().await;
    let service = &fixture.app.service;
    let browser = fixture.signed_in(ADMIN, "/account", Options::default()).await;
    browser.sees("This browser").await;
    shots.take(&browser, "account").await;
    browser.goto("/account/password").await;
    shots.take(&browser, "account-password").await;
    browser.goto("/account/second-factor").await;
    shots.take(&browser, "second-factor").await;
    browser.fill("Type the code that the app shows", "123 456").await;
    browser.click("Turn it on").await;
    browser.sees("This is not the code").await;
    shots.take(&browser, "second-factor-wrong").await;
    let (secret, _) = enrol(&fixture, &browser).await;
    shots.take(&browser, "recovery-codes").await;
    browser.click("I have stored the codes").await;
    browser.goto("/account/second-factor").await;
    shots.take(&browser, "second-factor-on").await;
    let other = fixture.signed_in(ADMIN, "/account", Options::default()).await;
    other.sees("recovery code").await;
    shots.take(&other, "sign-in-second-factor").await;
    drop((other, secret));
    let device =
        service.users().start_device(&fixture.ctx(), "duku-cli", "", "duku/0.1 on ada-laptop").await.unwrap();
    browser.goto("/device").await;
    shots.take(&browser, "device").await;
    browser.goto(&format!("/device?user_code={}", device.user_code)).await;
    shots.take(&browser, "device-confirm").await;
    browser.goto("/logout").await;
    shots.take(&browser, "sign-out").await;
    browser.click("Sign out").await;
    browser.sees("You are signed out").await;
    shots.take(&browser, "signed-out").await;
}

async fn api_keys(shots: &Shots) {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.signed_in(ADMIN, "/settings/api-keys", Options::default()).await;
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
    fill_keys(&fixture).await;
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
    browser.goto("/settings/api-keys").await;
    browser.click("Staging crawler").await;
    browser.sees("Only the newest addresses are kept").await;
    shots.take(&browser, "key-page-many-addresses").await;
    browser.click("54 more addresses").await;
    shots.take(&browser, "key-page-all-addresses").await;
    browser.goto("/settings/api-keys").await;
    fixture.app.clock.advance_seconds(700);
    browser.click("Generate API Key").await;
    browser.fill("Label", "GitHub Actions").await;
    browser.fill("Your password", "wrong").await;
    browser.click("Generate").await;
    browser.sees("There is an active key").await;
    browser.fill("Your password", "wrong").await;
    browser.click("Generate all the same").await;
    browser.sees("This is not your password.").await;
    shots.take(&browser, "keys-generate-again").await;
    browser.press("Escape").await;
    for number in 0..5 {
        fixture.app.generate(&format!("Integration {number}"), None).await;
    }
    browser.reload().await;
    browser.sees("All 10 places").await;
    shots.take(&browser, "keys-full").await;
    browser.goto("/settings/api-keys/generate").await;
    shots.take(&browser, "keys-generate-full").await;
    let member = fixture.signed_in(MEMBER, "/settings/api-keys", Options::default()).await;
    member.sees("Only Admins").await;
    shots.take(&member, "keys-member").await;
}

/// A repository is set up: the form, the key that waits, the run that asks, what is allowed, a token that is checked.
async fn secretless_keys(shots: &Shots) {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.signed_in(ADMIN, "/settings/api-keys/generate/workload", Options::default()).await;
    shots.take(&browser, "secretless-choose").await;
    for preset in ["github_actions", "kubernetes"] {
        browser.goto(&format!("/settings/api-keys/generate/workload?preset={preset}")).await;
        shots.take(&browser, &format!("secretless-generate-{preset}")).await;
    }
    browser.goto("/settings/api-keys/generate/public-keys").await;
    shots.take(&browser, "secretless-public-keys").await;
    let (key, attempt) = waiting_key(&fixture).await;
    browser.goto(&format!("/settings/api-keys/{key}")).await;
    browser.sees("Runs that ask").await;
    shots.take(&browser, "secretless-waiting").await;
    browser.goto(&format!("/settings/api-keys/{key}/attempts/{attempt}/allow")).await;
    shots.take(&browser, "secretless-allow").await;
    browser.click("Allow exactly this").await;
    browser.sees("Allowed.").await;
    shots.take(&browser, "secretless-key").await;
    browser.goto(&format!("/settings/api-keys/{key}/authentication")).await;
    shots.take(&browser, "secretless-change").await;
    let issuer = testkit::TestIssuer::new("https://token.actions.githubusercontent.com", ES256);
    let token = issuer.token(Preset::GitHubActions, "https://other.example", fixture.now(), &json!({}));
    browser.goto(&format!("/settings/api-keys/{key}/check")).await;
    browser.fill("Token", &token).await;
    browser.click("Check").await;
    browser.sees("would be rejected").await;
    shots.take(&browser, "secretless-check").await;
    browser.goto("/settings/api-keys").await;
    shots.take(&browser, "secretless-list").await;
    make_no_new_secrets(&fixture).await;
    browser.click("Generate API Key").await;
    browser.sees("makes no new secrets").await;
    shots.take(&browser, "keys-generate-no-secrets").await;
}

/// Keys in every state.
async fn fill_keys(fixture: &BrowserFixture) {
    let (service, operator) = (&fixture.app.service, fixture.operator());
    let day = 86_400;
    for (label, days, ago) in [
        ("Old Jenkins", 30, 42),
        ("Nightly export", 90, 79),
        ("Staging crawler", 60, 58),
        ("Terraform", 90, 3),
        ("Deploy preview environments to the European cluster", 365, 1),
    ] {
        let made_at =
            service::RequestContext { now: fixture.now().plus_seconds(-ago * day), ..fixture.ctx() };
        let input = GenerateKey { label: label.to_owned(), expires_in_days: Some(days) };
        let made = service.keys().generate(&made_at, &operator, &input).await.unwrap();
        let pair =
            Pair { client_id: made.key.id.to_string(), client_secret: made.secret.expose().to_owned() };
        for back in 0..ago.min(30) {
            let ctx = service::RequestContext {
                now: fixture.now().plus_seconds(-back * day - 3600),
                ..fixture.ctx()
            };
            let credential = service::tokens::client_authentication::Credential {
                client_id: &pair.client_id,
                client_secret: &pair.client_secret,
            };
            for _ in 0..(back * 7 % 11) {
                let _ = service.tokens().issue_for_client(&ctx, credential, "").await;
            }
        }
        if label == "Terraform" {
            let grace = RotateKey { grace_seconds: day, end_issued_tokens: false };
            service.keys().rotate(&fixture.ctx(), &operator, &pair.client_id, grace).await.unwrap();
        }
        if label == "Staging crawler" {
            use_from_many_addresses(fixture, &pair).await;
        }
        if label == "Nightly export" {
            service.keys().rotate(&made_at, &operator, &pair.client_id, RotateKey::default()).await.unwrap();
            fixture.app.api.exchange(&pair).await;
        }
    }
    service.keys().flush_usage(&fixture.ctx()).await.unwrap();
}

/// More addresses than are kept of a key.
async fn use_from_many_addresses(fixture: &BrowserFixture, pair: &Pair) {
    for number in 1..=140_u8 {
        let address = std::net::IpAddr::from([198, 51, 100, number]);
        let ctx = service::RequestContext { address: Some(address), ..fixture.ctx() };
        let credential = service::tokens::client_authentication::Credential {
            client_id: &pair.client_id,
            client_secret: &pair.client_secret,
        };
        let _ = fixture.app.service.tokens().issue_for_client(&ctx, credential, "").await;
    }
}
