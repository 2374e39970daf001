//! The organisation's settings and its audit log.

use crate::harness::{ADA, EVE, Harness};
use http::StatusCode;
use service::audit::{Walk, read_export_line};

const SEEN: [(&str, &str); 3] =
    [("seen_name", "Acme"), ("seen_default_days", "90"), ("seen_maximum_days", "365")];

fn form<'a>(name: &'a str, default: &'a str, maximum: &'a str) -> Vec<(&'a str, &'a str)> {
    let typed = [("name", name), ("default_days", default), ("maximum_days", maximum)];
    typed.into_iter().chain(SEEN).collect()
}

#[tokio::test]
async fn settings_that_somebody_changed_are_not_overwritten_unseen() {
    let harness = Harness::new().await;
    let ada = harness.browser_of(ADA).await;
    let page = "/settings/organisation";
    assert_eq!(ada.open(page).await.value("seen_default_days"), "90");
    ada.submit(page, &form("Acme", "30", "60")).await;
    let answer = ada.post(page, &form("Acme Industries", "90", "365")).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    answer.says("value=\"Acme Industries\"");
    answer.says("<dt>Default lifetime</dt><dd class=\"lines\">30</dd>");
    assert_eq!(answer.value("seen_maximum_days"), "60");
}

#[tokio::test]
async fn each_wrong_setting_is_named_at_its_field() {
    let harness = Harness::new().await;
    let ada = harness.browser_of(ADA).await;
    for (fields, field) in [
        (form("", "90", "365"), "name"),
        (form("Acme", "x", "365"), "default_days"),
        (form("Acme", "366", "365"), "default_days"),
        (form("Acme", "90", "0"), "maximum_days"),
        (form("Acme", "90", "30"), "default_days"),
    ] {
        let answer = ada.post("/settings/organisation", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        answer.says(&format!("id=\"{field}-error\""));
    }
    let mut fields = form("Acme", "90", "365");
    fields.push(("require_second_factor", "1"));
    let answer = ada.post("/settings/organisation", &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.says("set up your own second factor first".get(1..).unwrap());
    answer.says("/account/second-factor");
}

#[tokio::test]
async fn the_export_is_the_whole_chain_and_verifies() {
    let harness = Harness::new().await;
    for number in 0..1005 {
        let name = format!("Product {number}");
        harness
            .service
            .products()
            .create_subject(&harness.ctx(), &Harness::operator(&harness.acme), &name, None, None)
            .await
            .unwrap();
    }
    let ada = harness.browser_of(ADA).await;
    let file = ada.open("/settings/audit/export").await;
    assert_eq!(file.header("content-type"), "application/x-ndjson");
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"audit-org_"));
    let mut walk = Walk::default();
    for line in file.text.lines() {
        walk.step(&read_export_line(line).unwrap()).unwrap();
    }
    let report = harness.service.audit_log().verify_own(&Harness::operator(&harness.acme)).await.unwrap();
    assert_eq!((walk.entries, &walk.hash), (report.entries, &report.hash));
    assert!(walk.entries > 1005);
    let checked = ada.open("/settings/audit?check=1").await;
    checked.says(&report.hash);
    checked.says("Whole");
}

#[tokio::test]
async fn the_log_is_filtered_and_in_pages() {
    let harness = Harness::new().await;
    for number in 0..60 {
        let name = format!("Product {number}");
        harness
            .service
            .products()
            .create_subject(&harness.ctx(), &Harness::operator(&harness.acme), &name, None, None)
            .await
            .unwrap();
        harness.clock.advance_seconds(1);
    }
    let ada = harness.browser_of(ADA).await;
    let first = ada.open("/settings/audit?action=subject.created").await;
    first.says("added the product");
    assert!(!first.text.contains("signed in</p>"), "the filter is ignored");
    let older = first.text.split_once("class=\"button older\" href=\"").unwrap().1;
    let older = older.split('"').next().unwrap().replace("&#38;", "&");
    assert!(older.contains("action=subject.created") && older.contains("before=evt_"), "{older}");
    let second = ada.open(&older).await;
    second.says("Product 0<");
    assert_eq!(second.text.matches("<li><time").count(), 10);
    let nothing = ada.open("/settings/audit?object=key_none").await;
    nothing.says("Nothing fits this filter");
    let eve = harness.browser_of(EVE).await;
    assert!(!eve.open("/settings/audit").await.text.contains("Product 59"), "another organisation's log");
}
