//! Settings → Audit log: filtered, in pages, checked, and taken along as a file that anyone can check.

use super::fixture::{ADMIN, BrowserFixture};
use crate::browser::Options;
use service::audit::{Walk, read_export_line};

const PAGE: &str = "/settings/audit";

async fn log(options: Options) {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    for number in 1..=60 {
        let name = format!("Product <{number:02}>");
        service.products().create_subject(&fixture.ctx(), &operator, &name, None, None).await.unwrap();
    }
    let key = fixture.app.generate("CI", None).await.client_id;
    let browser = fixture.entered(ADMIN, PAGE, options).await;
    browser.sees("generated the API key CI").await;
    browser.sees("Product <60>").await;
    browser.does_not_see("Product <05>").await;
    browser.click("Older").await;
    browser.sees("Product <05>").await;
    browser.sees("created the organisation").await;
    browser.click("Newest").await;
    browser.sees("Product <60>").await;

    browser.select("What", "API key generated").await;
    browser.click("Filter").await;
    browser.sees("generated the API key CI").await;
    browser.does_not_see("Product <60>").await;
    browser.axe().await;
    browser.click("Show all").await;
    browser.select("Who", ADMIN).await;
    browser.click("Filter").await;
    browser.sees("signed in").await;
    browser.does_not_see("Product <60>").await;
    browser.click("Show all").await;
    browser.fill("ID of the object", &key).await;
    browser.press("Enter").await;
    browser.does_not_see("Product <60>").await;
    browser.sees("generated the API key CI").await;
    browser.fill("ID of the object", "\"><script>alert(1)</script>").await;
    browser.press("Enter").await;
    browser.sees("No entries").await;
    browser.axe().await;
    browser.click("Check the chain").await;
    browser.sees("Whole").await;
    browser.axe().await;

    // The link's file, by the same browser's right.
    let cookie = fixture.cookie(ADMIN).await;
    let file = fixture.get(&cookie, "/settings/audit/export").await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-disposition").contains("attachment"));
    let mut walk = Walk::default();
    for line in file.text.lines() {
        walk.step(&read_export_line(line).unwrap()).unwrap();
    }
    assert!(walk.entries > 60);
    browser.goto("/settings/audit?check=1").await;
    browser.sees(&walk.hash).await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_found_checked_and_taken_along() {
    log(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_found_without_javascript() {
    log(Options { javascript: false, ..Options::default() }).await;
}
