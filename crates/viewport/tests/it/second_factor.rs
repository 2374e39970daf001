//! The second factor, from setting it up to taking it away.

use crate::harness::{Browser, Harness, PASSWORD, Page, code_of};
use domain::Clock;

/// Sets a second factor up; answers with its secret and the page of the recovery codes.
async fn enrol(harness: &Harness, ada: &Browser<'_>) -> (String, Page) {
    let page = ada.get("/account/second-factor").await;
    page.assert_says(200, "role=\"img\" aria-label=\"QR code");
    let secret = page.between("aria-labelledby=\"secret-label\">", "<").to_owned();
    let codes = ada.post("/account/second-factor", &[("code", &code_of(&secret, harness.clock.now()))]).await;
    codes.assert_says(200, "Your second factor is on");
    (secret, codes)
}

fn recovery_code(page: &Page) -> &str {
    page.between("aria-label=\"Recovery codes\">\n<li>", "</li>")
}

#[tokio::test]
async fn who_set_a_second_factor_up_signs_in_with_it() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let wrong = ada.post("/account/second-factor", &[("code", "000000")]).await;
    wrong.assert_says(422, "begin again");
    let (secret, codes) = enrol(&harness, &ada).await;
    assert_eq!(codes.headers["cache-control"], "no-store");
    assert!(codes.text.contains("data-guard="));
    // Loading the page again shows no codes.
    ada.post("/account/second-factor", &[("code", "1")]).await.assert_leads_to("/account/second-factor");
    ada.get("/account/second-factor").await.assert_says(200, "10 are left");
    ada.get("/account").await.assert_says(200, "10 recovery codes are left");

    harness.clock.advance_seconds(60);
    let pending = harness.password(PASSWORD).await.unwrap();
    assert!(pending.is_pending());
    let code = code_of(&secret, harness.clock.now());
    let signed_in =
        harness.service.users().give_second_factor(&harness.ctx(), pending.cookie.expose(), &code).await;
    harness
        .sign_in_to_viewport(&signed_in.unwrap())
        .await
        .get("/account")
        .await
        .assert_says(200, "Second factor");

    let pending = harness.password(PASSWORD).await.unwrap();
    let recovery = recovery_code(&codes);
    let signed_in =
        harness.service.users().give_second_factor(&harness.ctx(), pending.cookie.expose(), recovery).await;
    assert!(signed_in.is_ok(), "{recovery}");
}

#[tokio::test]
async fn a_wrong_code_is_told_at_its_field() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let secret =
        ada.get("/account/second-factor").await.between("aria-labelledby=\"secret-label\">", "<").to_owned();
    let wrong = ada.post("/account/second-factor", &[("code", "12 34")]).await;
    wrong.assert_says(422, "id=\"code-error\">");
    assert_eq!(wrong.between("aria-labelledby=\"secret-label\">", "<"), secret, "the secret stays");
    // An old session asks for the password too.
    harness.clock.advance_seconds(601);
    let code = code_of(&secret, harness.clock.now());
    let stale = ada.post("/account/second-factor", &[("code", &code)]).await;
    stale.assert_says(422, "id=\"password-error\">");
    let fields = [("code", code.as_str()), ("password", PASSWORD)];
    ada.post("/account/second-factor", &fields).await.assert_says(200, "Your second factor is on");
}

#[tokio::test]
async fn new_recovery_codes_replace_the_former_ones() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let (_, first) = enrol(&harness, &ada).await;
    let wrong = ada.post("/account/second-factor/codes", &[("password", "wrong")]).await;
    wrong.assert_says(422, "This is not your password.");
    let second = ada.post("/account/second-factor/codes", &[("password", PASSWORD)]).await;
    second.assert_says(200, "Your new recovery codes");
    for (codes, works) in [(&first, false), (&second, true)] {
        let pending = harness.password(PASSWORD).await.unwrap();
        let given = harness
            .service
            .users()
            .give_second_factor(&harness.ctx(), pending.cookie.expose(), recovery_code(codes))
            .await;
        assert_eq!(given.is_ok(), works);
    }
}

#[tokio::test]
async fn a_second_factor_is_removed_unless_an_organisation_requires_it() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let remove = "/account/second-factor/remove";
    ada.get(remove).await.assert_leads_to("/account/second-factor");
    enrol(&harness, &ada).await;
    ada.get(remove).await.assert_says(200, "Remove your second factor?");
    ada.post(remove, &[("password", "wrong")]).await.assert_says(422, "This is not your password.");
    harness.require_second_factor(true).await;
    ada.post(remove, &[("password", PASSWORD)]).await.assert_says(422, "Acme requires a second factor");
    harness.require_second_factor(false).await;
    let removed = ada.post(remove, &[("password", PASSWORD)]).await;
    removed.assert_leads_to("/account?done=second-factor-removed");
    assert!(!harness.password(PASSWORD).await.unwrap().is_pending());
}

#[tokio::test]
async fn an_organisation_that_requires_it_is_closed_until_it_is_given() {
    let harness = Harness::new().await;
    let (ada, elsewhere) = (harness.browser().await, harness.browser().await);
    harness.require_second_factor(true).await;
    for page in ["/settings/api-keys", "/explorer", "/device"] {
        ada.get(page).await.assert_leads_to("/account/second-factor?required=1");
    }
    ada.get("/account/second-factor?required=1").await.assert_says(200, "Acme requires a second factor.");
    enrol(&harness, &ada).await;
    ada.get("/settings/api-keys").await.assert_says(200, "API Keys");
    // The other browser signed in without it, and may not decide about it.
    let page = elsewhere.get("/account/second-factor?required=1").await;
    page.assert_says(403, "/login?max_age=0");
    for path in ["/account/second-factor/codes", "/account/second-factor/remove"] {
        elsewhere.post(path, &[("password", PASSWORD)]).await.assert_says(403, "Sign in again");
    }
}
