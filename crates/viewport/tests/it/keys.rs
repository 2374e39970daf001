//! API keys' pages: what is said of a key that is gone, what a rotation suggests.

use crate::harness::{ADA, EVE, Harness};
use domain::Role;
use service::{
    keys::{GenerateKey, GeneratedKey, RotateKey},
    tokens::client_authentication::Credential,
};

const HOSTILE: &str = "<script>alert(1)</script>\"'&";
const LIST: &str = "/settings/api-keys";
const DAY: i64 = 86_400;

async fn generate(harness: &Harness, label: &str) -> GeneratedKey {
    let input = GenerateKey { label: label.into(), expires_in_days: Some(90) };
    let operator = Harness::operator(&harness.acme);
    harness.service.keys().generate(&harness.ctx(), &operator, &input).await.unwrap()
}

async fn exchange(harness: &Harness, made: &GeneratedKey) {
    let credential = Credential { client_id: made.key.id.as_str(), client_secret: made.secret.expose() };
    harness.service.tokens().issue_for_client(&harness.ctx(), credential, "").await.unwrap();
    harness.service.keys().flush_usage(&harness.ctx()).await.unwrap();
}

#[tokio::test]
async fn a_second_revocation_says_kindly_that_the_key_is_revoked() {
    let harness = Harness::new().await;
    let key = format!("{LIST}/{}", generate(&harness, HOSTILE).await.key.id);
    let ada = harness.browser_of(ADA).await;
    let revoke = format!("{key}/revoke");
    let done = ada.submit(&revoke, &[("confirm", HOSTILE)]).await;
    ada.open(&done).await.says(
        "alert(1)&#60;/script&#62;&#34;&#39;&#38;” is revoked. Tokens already issued are rejected now.",
    );
    let again = ada.submit(&revoke, &[("confirm", HOSTILE)]).await;
    for page in [&revoke, &key, &format!("{key}/rotate"), &format!("{key}/end-grace")] {
        ada.get(page).await.assert_leads_to(&again);
    }
    ada.open(&again).await.says("&#38;” is already revoked.");
    // Nobody else learns that it was there, and an address puts no words on the page.
    let eve = harness.browser_of(EVE).await;
    assert_eq!(eve.post(&revoke, &[("confirm", HOSTILE)]).await.status.as_u16(), 404);
    assert!(!eve.open(&again).await.text.contains("alert(1)"));
    harness.join("max@acme.example", Role::Member).await;
    assert_eq!(harness.browser_of("max@acme.example").await.get(&again).await.status.as_u16(), 403);
    let unknown = "/settings/api-keys?done=revoked&key=key_00000000000000000000000000";
    ada.open(unknown).await.says("Revoked. Tokens already issued");
}

#[tokio::test]
async fn a_rotation_suggests_a_grace_by_the_keys_use_and_names_the_one_that_it_ends() {
    let harness = Harness::new().await;
    let made = generate(&harness, "CI").await;
    let ada = harness.browser_of(ADA).await;
    let rotate = format!("{LIST}/{}/rotate", made.key.id);
    let chosen = "value=\"0\" checked";
    let form = ada.open(&rotate).await;
    assert!(!form.text.contains("Suggested") && form.text.contains(chosen), "nothing uses it: {}", form.text);
    exchange(&harness, &made).await;
    let form = ada.open(&rotate).await;
    form.says("24 hours<span class=\"hint\">Suggested");
    form.says(chosen);
    harness.clock.advance_seconds(2 * DAY);
    exchange(&harness, &made).await;
    let ada = harness.browser_of(ADA).await;
    let form = ada.open(&rotate).await;
    form.says("7 days<span class=\"hint\">Suggested");
    assert!(!form.text.contains("A grace runs until"));
    let grace = RotateKey { grace_seconds: DAY, end_issued_tokens: false };
    let operator = Harness::operator(&harness.acme);
    harness.service.keys().rotate(&harness.ctx(), &operator, made.key.id.as_str(), grace).await.unwrap();
    ada.open(&rotate).await.says("This rotation ends it.");
    let done = ada.submit(&format!("{LIST}/{}/end-grace", made.key.id), &[]).await;
    ada.open(&done).await.says("The previous secret of “CI” is rejected now.");
}

#[tokio::test]
async fn a_key_gets_another_label_and_a_label_that_is_taken_warns() {
    let harness = Harness::new().await;
    let key = format!("{LIST}/{}", generate(&harness, "CI").await.key.id);
    generate(&harness, "Nightly").await;
    let ada = harness.browser_of(ADA).await;
    let rename = format!("{key}/rename");
    ada.open(&key).await.says(&format!("href=\"{rename}\""));
    assert_eq!(ada.open(&rename).await.value("label"), "CI");
    let done = ada.submit(&rename, &[("label", HOSTILE)]).await;
    ada.open(&done).await.says("The key is called “&#60;script&#62;");
    assert!(!ada.open(LIST).await.text.contains("<script>alert"));
    let warning = ada.post(&rename, &[("label", "nightly")]).await;
    warning.assert_says(200, "There is an active key “nightly” already.");
    ada.submit(&rename, &[("label", "nightly"), ("duplicate", "nightly")]).await;
    // Its own label is nobody else's.
    let other = generate(&harness, "Alone").await.key.id;
    ada.submit(&format!("{LIST}/{other}/rename"), &[("label", "alone")]).await;
    ada.post(&rename, &[("label", " ")]).await.assert_says(422, "label-error");
    ada.open("/settings/audit").await.says("renamed the API key to");
    ada.submit(&format!("{key}/revoke"), &[("confirm", "nightly")]).await;
    assert!(ada.submit(&rename, &[("label", "CI")]).await.contains("done=revoked-before"));
    let eve = harness.browser_of(EVE).await;
    assert_eq!(eve.get(&format!("{LIST}/{other}/rename")).await.status.as_u16(), 404);
}
