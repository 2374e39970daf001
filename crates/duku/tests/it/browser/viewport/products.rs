//! Products and targets: added, changed by two people at once, deleted with what goes along, and what does not fit.

use super::fixture::{ADMIN, BrowserFixture, MEMBER};
use crate::browser::{Browser, Options};
use serde_json::json;

const WITHOUT_SCRIPT: Options = Options { javascript: false, width: 1280, height: 900, dark: false };
const HOSTILE: &str = "<script>alert(1)</script>\"'&amp;";

async fn life(options: Options) {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(MEMBER, "/", options).await;
    browser.click("Shop").await;
    browser.sees("No targets yet").await;
    browser.click("Delete").await;
    browser.sees("It has no targets.").await;
    browser.click("Delete the product").await;
    browser.sees("The product is deleted").await;
    browser.sees("No products yet").await;
    browser.click("Add a product").await;
    browser.fill("Name", "Checkout").await;
    browser.fill("Base URL (optional)", "not a url").await;
    browser.fill("Description (optional)", "Two\nlines").await;
    // The browser's own check of the address would come first.
    browser.evaluate("document.querySelector('form[action=\"/p/new\"]').noValidate = true", json!([])).await;
    browser.click("Add the product").await;
    browser.sees("http").await;
    browser.axe().await;
    browser.fill("Base URL (optional)", "https://checkout.example/").await;
    browser.click("Add the product").await;
    browser.sees("Added.").await;
    browser.sees("Two lines").await;
    browser.click("Edit").await;
    browser.fill("Name", "Checkout 2").await;
    browser.click("Save").await;
    browser.sees("Saved.").await;

    browser.click("Add a target").await;
    browser.fill("Name", "Production").await;
    browser.fill("Build key", "main").await;
    browser.fill("Version", "1.2.3").await;
    browser.fill("Environment", "production").await;
    browser.fill("Build number (optional)", "4711").await;
    browser.fill("Metadata (optional)", "{ not json").await;
    browser.click("Add the target").await;
    browser.sees("This is not JSON: look at line 1").await;
    browser.axe().await;
    browser.fill("Metadata (optional)", "{ \"commit\": \"0d1f0a6c\" }").await;
    browser.click("Add the target").await;
    browser.sees("The target is added.").await;
    browser.sees("0d1f0a6c").await;
    browser.click("Edit").await;
    browser.fill("Version", "1.2.4").await;
    browser.click("Save").await;
    browser.sees("1.2.4").await;
    browser.click("Checkout 2").await;
    browser.sees("4711").await;
    browser.axe().await;
    browser.click("Production").await;
    browser.click("Delete").await;
    browser.sees("goes for good").await;
    browser.click("Cancel").await;
    browser.click("Checkout 2").await;
    browser.click("Delete").await;
    browser.sees("Its one target goes with it.").await;
    browser.fill("Type Checkout 2 to confirm", "Checkout 2").await;
    browser.click("Delete the product").await;
    browser.sees("The product is deleted, and its targets with it.").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_and_its_target_live_and_go() {
    life(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_and_its_target_live_and_go_without_javascript() {
    life(WITHOUT_SCRIPT).await;
}

async fn value(browser: &Browser, css: &str) -> String {
    let script = "return document.querySelector(arguments[0]).value";
    browser.evaluate(script, json!([css])).await.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_change_a_product_at_once_lose_nothing() {
    let fixture = BrowserFixture::open().await;
    let (shop, other) = (fixture.shop().await, fixture.cookie(ADMIN).await);
    let page = format!("/p/{shop}");
    let browser = fixture.entered(MEMBER, &page, Options::default()).await;
    browser.click("Edit").await;
    browser.fill("Name", "Max's shop").await;
    fixture.app.clock.advance_seconds(1);
    let seen = fixture.get(&other, &format!("{page}/edit")).await.text;
    let seen = seen.split("name=\"seen_at\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form =
        [("seen_at", seen.as_str()), ("name", "Ada's shop"), ("base_url", ""), ("description", "Hers")];
    assert_eq!(fixture.post(&other, &format!("{page}/edit"), &form).await.status, 303);
    browser.click("Save").await;
    browser.sees("Somebody else saved changes meanwhile.").await;
    browser.sees("Ada's shop").await;
    browser.sees("Hers").await;
    assert_eq!(value(&browser, "#name").await, "Max's shop", "what was typed is kept");
    browser.axe().await;
    browser.fill("Description (optional)", "His and hers").await;
    browser.click("Save").await;
    browser.sees("Saved.").await;
    browser.sees("His and hers").await;

    // What is gone is said, too.
    browser.click("Edit").await;
    browser.fill("Name", "Too late").await;
    fixture.app.service.products().delete_subject(&fixture.ctx(), &fixture.operator(), &shop).await.unwrap();
    browser.click("Save").await;
    browser.sees("Page not found").await;
    browser.axe().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_organisation_is_not_here() {
    let fixture = BrowserFixture::open().await;
    let service = &fixture.app.service;
    let globex = service
        .organisations()
        .create(&fixture.ctx(), "test", "Globex", "eve@globex.example", None)
        .await
        .unwrap();
    let operator = service::Principal::operator("test", &globex);
    let theirs = service
        .products()
        .create_subject(&fixture.ctx(), &operator, "Secret plan", None, None)
        .await
        .unwrap()
        .id;
    let target = domain::product::UncheckedTarget {
        build_key: "main".into(),
        name: "Hidden".into(),
        version: "1".into(),
        environment: "staging".into(),
        build_number: None,
        build_url: None,
        metadata: None,
        description: None,
    };
    let target = service
        .products()
        .upsert_target(&fixture.ctx(), &operator, theirs.as_str(), target)
        .await
        .unwrap()
        .id;
    let shop = fixture.shop().await;
    let browser = fixture.entered(ADMIN, "/", Options::default()).await;
    for page in [
        format!("/p/{theirs}"),
        format!("/p/{theirs}/edit"),
        format!("/p/{theirs}/delete"),
        format!("/p/{theirs}/t/{target}"),
        format!("/p/{shop}/t/{target}"),
        format!("/p/{shop}/t/{target}/edit"),
    ] {
        browser.goto(&page).await;
        browser.sees("Page not found").await;
        browser.does_not_see("Secret plan").await;
        browser.does_not_see("Hidden").await;
    }
    browser.axe().await;
    browser.click("Go to the products").await;
    browser.sees("Shop").await;
    let cookie = fixture.cookie(ADMIN).await;
    let deletion = fixture.post(&cookie, &format!("/p/{theirs}/delete"), &[("confirm", "Secret plan")]).await;
    assert_eq!(deletion.status, 404);
    service.products().find_subject(&operator, theirs.as_str()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_or_hostile_does_no_harm() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(MEMBER, "/", Options::default()).await;
    browser.click("Add a product").await;
    browser.sees("A web application that you test").await;
    let long = "x".repeat(10_000);
    let paste = "for (const id of ['name', 'description']) document.getElementById(id).value = arguments[0]";
    browser.evaluate(paste, json!([long])).await;
    browser.click("Add the product").await;
    browser.sees("characters; it has 10000").await;
    assert_eq!(value(&browser, "#name").await.len(), 10_000);
    assert_eq!(value(&browser, "#description").await.len(), 10_000);
    browser.axe().await;
    browser.fill("Name", HOSTILE).await;
    browser.fill("Description (optional)", HOSTILE).await;
    browser.fill("Base URL (optional)", "https://shop.example/?q=<script>'\"").await;
    browser.click("Add the product").await;
    browser.sees("Added.").await;
    browser.sees(HOSTILE).await;
    let page = browser.url().await.split('?').next().unwrap().to_owned();
    let page = fixture.path(&page);
    for at in ["/", &format!("{page}/edit"), &format!("{page}/delete"), &format!("{page}/t/new")] {
        browser.goto(at).await;
        browser.sees(HOSTILE).await;
    }
    for label in ["Name", "Build key", "Version", "Environment", "Description (optional)"] {
        browser.fill(label, HOSTILE).await;
    }
    browser.fill("Metadata (optional)", "{ \"<script>\": \"</script><script>alert(1)</script>\" }").await;
    browser.click("Add the target").await;
    browser.sees("The target is added.").await;
    browser.sees("alert(1)").await;
    browser.axe().await;
    browser.emulate(390, 844, false).await;
    let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    for at in [page.clone(), "/".to_owned()] {
        browser.goto(&at).await;
        browser.sees(HOSTILE).await;
        assert_eq!(browser.evaluate(overflow, json!([])).await, json!(0), "{at}");
    }
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_is_added_and_deleted_by_keyboard_alone() {
    let fixture = BrowserFixture::open().await;
    let browser = fixture.entered(MEMBER, "/", Options::default()).await;
    browser.tab_to("link “Add a product”").await;
    browser.press("Enter").await;
    browser.sees("A web application that you test").await;
    assert_eq!(browser.focused().await, "text “Name”");
    browser.press("Escape").await;
    browser.does_not_see("A web application that you test").await;
    assert_eq!(browser.focused().await, "link “Add a product”", "back where it was");
    browser.press("Enter").await;
    browser.sees("A web application that you test").await;
    browser.press("Keyboard").await;
    browser.press("Enter").await;
    browser.sees("Added.").await;
    browser.tab_to("link “Delete”").await;
    browser.press("Enter").await;
    browser.sees("It has no targets.").await;
    assert_eq!(browser.focused().await, "link “Cancel”", "nothing is deleted by mistake");
    browser.press("Shift+Tab").await;
    browser.press("Enter").await;
    browser.sees("The product is deleted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_comes_in_pages() {
    let fixture = BrowserFixture::open().await;
    let (service, operator) = (&fixture.app.service, fixture.operator());
    for number in 1..=101 {
        let name = format!("Product {number:03}");
        // The oldest come first.
        let ctx = service::RequestContext { now: fixture.now().plus_seconds(number), ..fixture.ctx() };
        service.products().create_subject(&ctx, &operator, &name, None, None).await.unwrap();
    }
    let browser = fixture.entered(MEMBER, "/", WITHOUT_SCRIPT).await;
    browser.sees("Product 049").await;
    browser.does_not_see("Product 050").await;
    browser.click("Next").await;
    browser.sees("Product 050").await;
    browser.click("Next").await;
    browser.sees("Product 101").await;
    browser.does_not_see("Product 099 ").await;
    browser.click("First page").await;
    browser.sees("Shop").await;
}

/// The CI actions link to this address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exploration_leads_to_its_target_and_a_missing_page_keeps_the_navigation() {
    let fixture = BrowserFixture::open().await;
    let shop = fixture.shop().await;
    let target = domain::product::UncheckedTarget {
        build_key: "main".into(),
        name: "Production".into(),
        version: "1".into(),
        environment: "staging".into(),
        build_url: Some("https://preview.shop.example/".into()),
        metadata: Some(json!({ "ciRunUrl": "https://ci.example/1", "apiKey": "hush" })),
        ..Default::default()
    };
    let products = fixture.app.service.products();
    let target = products.upsert_target(&fixture.ctx(), &fixture.operator(), &shop, target).await.unwrap().id;
    let cookie = fixture.cookie(MEMBER).await;
    let answer = fixture.get(&cookie, &format!("/p/{shop}/t/{target}/exploration")).await;
    assert_eq!(answer.status, 303);
    let browser = fixture.entered(MEMBER, &format!("/p/{shop}/t/{target}/exploration"), WITHOUT_SCRIPT).await;
    browser.is_at(&format!("/p/{shop}/t/{target}")).await;
    browser.sees("Address of the deployment https://preview.shop.example/").await;
    browser.sees("CI run https://ci.example/1").await;
    browser.sees("(set)").await;
    let link = "return document.querySelector('a[href=\"https://ci.example/1\"]').rel";
    assert_eq!(browser.evaluate(link, json!([])).await, json!("noopener noreferrer"));
    for missing in
        [format!("/p/{shop}/t/unknown/exploration"), "/p/unknown".to_owned(), "/nowhere".to_owned()]
    {
        assert_eq!(fixture.get(&cookie, &missing).await.status, 404, "{missing}");
        assert_eq!(fixture.get("", "/nowhere").await.status, 404);
        browser.goto(&missing).await;
        browser.sees("Page not found").await;
        browser.sees("Explorer").await;
        // A Member is led to no page that answers 403.
        browser.does_not_see("Audit log").await;
    }
}
