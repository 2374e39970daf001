//! The explorer's page.

use crate::harness::Harness;
use domain::Role;

#[tokio::test]
async fn the_page_has_what_the_script_needs() {
    let harness = Harness::new().await;
    let ada = harness.browser().await;
    let page = ada.get("/explorer").await;
    page.assert_says(200, "<div id=\"explorer\">");
    page.assert_says(200, &format!("<script src=\"{}\" defer>", viewport::ASSETS[0].url()));
    page.assert_says(200, "The explorer needs JavaScript.");
    let data = page.between("<script type=\"application/json\" id=\"explorer-data\">", "</script>");
    for part in ["\"endpoint\":\"/graphql\"", "\"publicEndpoint\":\"http://duku.test/graphql\"", "Audit log"]
    {
        assert!(data.contains(part), "{data}");
    }
    let acme = Harness::operator(&harness.acme);
    let ctx = harness.ctx();
    harness.service.users().add_member(&ctx, &acme, "bob@acme.example", Role::Admin).await.unwrap();
    harness.service.users().change_role(&ctx, &acme, crate::harness::ADA, Role::Member).await.unwrap();
    assert!(!ada.get("/explorer").await.text.contains("Audit log\",\"query"), "only Admins can ask for it");
}
