//! A person's password, sessions and organisations.

use crate::harness::{ADA, Harness, PASSWORD};
use axum::body::Body;
use domain::Role;
use http::Request;

const NEW: &str = "meadow copper lantern wren";

#[tokio::test]
async fn a_changed_password_ends_every_other_session() {
    let harness = Harness::new().await;
    let (here, elsewhere) = (harness.browser().await, harness.browser().await);
    here.get("/account/password").await.assert_says(200, "Change your password");
    let wrong = here.post("/account/password", &[("current", "wrong"), ("password", NEW)]).await;
    wrong.assert_says(422, "id=\"current-error\">This is not your password.");
    let short = here.post("/account/password", &[("current", PASSWORD), ("password", "short")]).await;
    short.assert_says(422, "id=\"password-error\"");
    assert!(!elsewhere.is_out().await);

    let changed = here.post("/account/password", &[("current", PASSWORD), ("password", NEW)]).await;
    changed.assert_leads_to("/account?done=password");
    here.get("/account?done=password").await.assert_says(200, "Every other session has ended.");
    assert!(elsewhere.is_out().await);
    assert!(harness.password(PASSWORD).await.is_none() && harness.password(NEW).await.is_some());
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let harness = Harness::new().await;
    let (here, elsewhere, third) =
        (harness.browser().await, harness.browser().await, harness.browser().await);
    let page = here.get("/account").await;
    page.assert_says(200, "Firefox on Linux");
    assert_eq!(page.text.matches("This browser").count(), 1);
    let own = page.between("/account/sessions/ses_", "/end").to_owned();
    let rest = page.text.split_once(&own).unwrap().1;
    let other = rest.split_once("/account/sessions/ses_").unwrap().1.split_once("/end").unwrap().0;

    let ended = here.post(&format!("/account/sessions/ses_{other}/end"), &[]).await;
    ended.assert_leads_to("/account?done=session");
    assert_eq!([elsewhere.is_out().await, third.is_out().await].iter().filter(|out| **out).count(), 1);
    let again = here.post(&format!("/account/sessions/ses_{other}/end"), &[]).await;
    again.assert_leads_to("/account?done=gone");

    here.post("/account/sessions/end-others", &[]).await.assert_leads_to("/account?done=others");
    assert!(elsewhere.is_out().await && third.is_out().await && !here.is_out().await);
    here.post("/account/sessions/end-others", &[]).await.assert_leads_to("/account?done=no-others");

    let left = here.post(&format!("/account/sessions/ses_{own}/end"), &[]).await;
    left.assert_leads_to("/signed-out");
    let cleared = left.headers.get_all("set-cookie").iter();
    assert_eq!(cleared.filter(|cookie| cookie.to_str().unwrap().contains("Max-Age=0")).count(), 2);
    assert!(here.is_out().await);
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let own = ada.get("/account").await.between("/account/sessions/", "/end").to_owned();
    let request = Request::post(format!("/account/sessions/{own}/end")).body(Body::empty()).unwrap();
    assert!(harness.send(request).await.location().starts_with("/login"), "a stranger");
    let forged = Request::post("/account/sessions/end-others")
        .header("cookie", format!("duku_session={}", ada.cookie))
        .header("sec-fetch-site", "cross-site")
        .body(Body::empty());
    harness.send(forged.unwrap()).await.assert_says(403, "another site");
    assert!(!ada.is_out().await);
}

#[tokio::test]
async fn a_person_switches_between_own_organisations_only() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let foreign = ada.post("/switch", &[("organisation", harness.globex.id.as_str())]).await;
    foreign.assert_says(404, "You belong to no such organisation");
    ada.post("/switch", &[("organisation", "<script>")]).await.assert_says(404, "Page not found");
    ada.get("/account").await.assert_says(200, "You are here");

    let globex = Harness::operator(&harness.globex);
    harness.service.users().add_member(&harness.ctx(), &globex, ADA, Role::Member).await.unwrap();
    ada.get("/account").await.assert_says(200, "Switch<span class=\"vh\"> to Globex</span>");
    ada.post("/switch", &[("organisation", harness.globex.id.as_str())]).await.assert_leads_to("/");
    ada.get("/account").await.assert_says(200, "Switch<span class=\"vh\"> to Acme</span>");
    ada.get("/settings/api-keys").await.assert_says(403, "Only Admins");
    ada.post("/switch", &[("organisation", harness.acme.id.as_str())]).await.assert_leads_to("/");
}

#[tokio::test]
async fn a_person_without_an_organisation_has_an_account() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let acme = Harness::operator(&harness.acme);
    harness.service.users().add_member(&harness.ctx(), &acme, "bob@acme.example", Role::Admin).await.unwrap();
    harness.service.users().remove_member(&harness.ctx(), &acme, ADA).await.unwrap();
    ada.get("/account").await.assert_says(200, "Ask an Admin for an invitation");
    ada.get("/explorer").await.assert_says(403, "You belong to no organisation");
}

#[tokio::test]
async fn a_form_acts_in_no_other_organisation_than_its_page() {
    let harness = Harness::new().await;
    let globex = Harness::operator(&harness.globex);
    harness.service.users().add_member(&harness.ctx(), &globex, ADA, Role::Admin).await.unwrap();
    let ada = harness.browser().await;
    let pages = [
        ("/p/new", "Nothing was changed", [("name", "For Acme"), ("description", "")]),
        (
            "/settings/members/invite",
            "Nothing was changed",
            [("email", "new@acme.example"), ("role", "admin")],
        ),
        ("/settings/organisation", "Nothing was changed", [("default_days", "7"), ("maximum_days", "9")]),
        ("/settings/api-keys/generate", "Nothing was changed", [("label", "For Acme"), ("days", "30")]),
    ];
    for (path, words, fields) in pages {
        ada.post("/switch", &[("organisation", harness.acme.id.as_str())]).await.assert_leads_to("/");
        let page = ada.open(path).await;
        let named = ("in_organisation", page.value("in_organisation"));
        assert_eq!(named.1, harness.acme.id.as_str(), "{path}");
        ada.post("/switch", &[("organisation", harness.globex.id.as_str())]).await.assert_leads_to("/");
        let sent = ada.post(path, &[&[named][..], &fields].concat()).await;
        sent.assert_says(409, words);
        sent.assert_says(409, "You have switched to Globex");
    }
    let keys = harness.service.keys().list(&globex).await.unwrap();
    assert!(keys.is_empty(), "{keys:?}");
    for path in ["/", "/settings/members", "/settings/organisation"] {
        let page = ada.open(path).await;
        assert!(!page.text.contains("For Acme") && !page.text.contains("new@acme"), "{path}");
    }
}
