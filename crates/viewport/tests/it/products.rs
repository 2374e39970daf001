//! Products and targets: changes do not overwrite each other, nothing crosses the boundary, text stays text.

use crate::harness::{ADA, EVE, Harness};
use domain::Role;
use http::StatusCode;

const MEMBER: &str = "max@acme.example";
const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// Acme with a Member besides its Admin.
async fn harness() -> Harness {
    let harness = Harness::new().await;
    harness.join(MEMBER, Role::Member).await;
    harness
}

async fn product(harness: &Harness, name: &str) -> String {
    let browser = harness.browser_of(MEMBER).await;
    let place = browser.submit("/p/new", &[("name", name)]).await;
    place.split('?').next().unwrap().to_owned()
}

const TARGET: [(&str, &str); 4] =
    [("name", "Staging"), ("build_key", "main"), ("version", "1.0"), ("environment", "staging")];

async fn target(harness: &Harness, product: &str) -> String {
    let browser = harness.browser_of(MEMBER).await;
    let place = browser.submit(&format!("{product}/t/new"), &TARGET).await;
    place.split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_member_adds_changes_and_deletes_products_and_targets() {
    let harness = harness().await;
    let browser = harness.browser_of(MEMBER).await;
    browser.open("/").await.says("No products yet");
    let shop = product(&harness, "Shop").await;
    browser.open("/").await.says(&format!("href=\"{shop}\""));
    browser.open(&shop).await.says("upsertSimulationTarget");
    let staging = target(&harness, &shop).await;
    browser.open(&shop).await.says(&format!("href=\"{staging}\""));
    let form = browser.open(&format!("{staging}/edit")).await;
    let seen = form.value("seen_at").to_owned();
    harness.clock.advance_seconds(1);
    let fields = [
        ("name", "Staging"),
        ("version", "1.1"),
        ("environment", "staging"),
        ("seen_at", &*seen),
        ("metadata", "{\"a\": [1]}"),
    ];
    browser.submit(&format!("{staging}/edit"), &fields).await;
    browser.open(&staging).await.says("&#34;a&#34;: [");
    browser.submit(&format!("{staging}/delete"), &[]).await;
    browser.open(&shop).await.says("No targets yet");
    assert_eq!(browser.submit(&format!("{shop}/delete"), &[]).await, "/?done=product-deleted");
}

#[tokio::test]
async fn a_product_that_somebody_changed_is_not_overwritten_unseen() {
    let harness = harness().await;
    let shop = product(&harness, "Shop").await;
    let edit = format!("{shop}/edit");
    let (ada, max) = (harness.browser_of(ADA).await, harness.browser_of(MEMBER).await);
    let seen = ada.open(&edit).await.value("seen_at").to_owned();
    harness.clock.advance_seconds(1);
    let url = "https://shop.example/";
    max.submit(&edit, &[("name", "Store"), ("base_url", url), ("seen_at", &seen)]).await;
    let answer = ada.post(&edit, &[("name", "Market"), ("description", "Sells"), ("seen_at", &seen)]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    answer.says("Somebody else saved changes meanwhile");
    for kept in ["value=\"Market\"", "Sells</textarea>", "<dd class=\"lines\">Store</dd>", url] {
        answer.says(kept);
    }
    let seen = answer.value("seen_at").to_owned();
    ada.submit(&edit, &[("name", "Market"), ("seen_at", &seen)]).await;
    ada.open(&shop).await.says("<h1>Market</h1>");
    let blind = ada.post(&edit, &[("name", "Blind")]).await;
    assert_eq!(blind.status, StatusCode::CONFLICT, "a form that saw nothing overwrites nothing");
}

#[tokio::test]
async fn a_target_that_a_pipeline_changed_is_not_overwritten_unseen() {
    let harness = harness().await;
    let shop = product(&harness, "Shop").await;
    let staging = target(&harness, &shop).await;
    let browser = harness.browser_of(ADA).await;
    let edit = format!("{staging}/edit");
    let seen = browser.open(&edit).await.value("seen_at").to_owned();
    harness.clock.advance_seconds(1);
    let input = domain::product::UncheckedTarget {
        build_key: "main".into(),
        name: "Staging".into(),
        version: "2.0".into(),
        environment: "staging".into(),
        ..Default::default()
    };
    let subject = shop.rsplit('/').next().unwrap();
    harness
        .service
        .products()
        .upsert_target(&harness.ctx(), &Harness::operator(&harness.acme), subject, input)
        .await
        .unwrap();
    let fields = [("name", "Mine"), ("version", "1.5"), ("environment", "staging"), ("seen_at", &*seen)];
    let answer = browser.post(&edit, &fields).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    answer.says("value=\"Mine\"");
    answer.says("<dd class=\"lines\">2.0</dd>");
    browser.submit(&format!("{staging}/delete"), &[]).await;
    assert_eq!(browser.post(&edit, &fields).await.status, StatusCode::NOT_FOUND);
    browser.open(&shop).await.says("No targets yet");
}

#[tokio::test]
async fn adding_a_target_overwrites_none() {
    let harness = harness().await;
    let shop = product(&harness, "Shop").await;
    target(&harness, &shop).await;
    let browser = harness.browser_of(ADA).await;
    let answer = browser.post(&format!("{shop}/t/new"), &TARGET).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.says("already: Staging");
}

#[tokio::test]
async fn metadata_that_is_no_json_is_said_to_be_none_and_kept() {
    let harness = harness().await;
    let shop = product(&harness, "Shop").await;
    let browser = harness.browser_of(ADA).await;
    let mut fields = TARGET.to_vec();
    fields.push(("metadata", "{commit: 1}"));
    let answer = browser.post(&format!("{shop}/t/new"), &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.says("not JSON: look at line 1");
    answer.says("{commit: 1}</textarea>");
}

#[tokio::test]
async fn a_product_with_targets_is_deleted_only_by_its_name() {
    let harness = harness().await;
    let shop = product(&harness, "Shop").await;
    target(&harness, &shop).await;
    let browser = harness.browser_of(ADA).await;
    let delete = format!("{shop}/delete");
    browser.open(&delete).await.says("Its one target goes with it");
    let wrong = browser.post(&delete, &[("confirm", "shop")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    browser.open(&shop).await;
    browser.submit(&delete, &[("confirm", " Shop ")]).await;
    assert_eq!(browser.get(&shop).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_organisations_products_and_targets_are_not_there() {
    let harness = harness().await;
    let shop = product(&harness, "Shop").await;
    let other_shop = product(&harness, "Other shop").await;
    let staging = target(&harness, &shop).await;
    let eve = harness.browser_of(EVE).await;
    let pages = ["", "/edit", "/delete", "/t/new"].map(|page| format!("{shop}{page}"));
    let targets = ["", "/edit", "/delete"].map(|page| format!("{staging}{page}"));
    for page in pages.iter().chain(&targets) {
        assert_eq!(eve.get(page).await.status, StatusCode::NOT_FOUND, "{page}");
    }
    for page in pages.iter().chain(&targets).skip(1).filter(|page| **page != staging) {
        let fields = [("name", "Mine"), ("confirm", "Shop")];
        assert_eq!(eve.post(page, &fields).await.status, StatusCode::NOT_FOUND, "{page}");
    }
    // Nor is a target below another product of the same organisation.
    let lost = staging.replace(&shop, &other_shop);
    for page in [lost.clone(), format!("{lost}/edit"), format!("{lost}/delete")] {
        assert_eq!(harness.browser_of(ADA).await.get(&page).await.status, StatusCode::NOT_FOUND, "{page}");
    }
    harness.browser_of(ADA).await.open(&staging).await;
}

#[tokio::test]
async fn what_people_typed_stays_text() {
    let harness = harness().await;
    let shop = product(&harness, HOSTILE).await;
    let browser = harness.browser_of(ADA).await;
    let metadata = serde_json::json!({ "x": HOSTILE }).to_string();
    let fields = [
        ("name", HOSTILE),
        ("build_key", HOSTILE),
        ("version", HOSTILE),
        ("environment", HOSTILE),
        ("description", HOSTILE),
        ("build_url", "https://ci.example/?\"><script>alert(1)</script>"),
        ("metadata", &metadata),
    ];
    let staging = browser.submit(&format!("{shop}/t/new"), &fields).await;
    let staging = staging.split('?').next().unwrap();
    let query = format!("/settings/audit?object={0}&actor={0}&action={0}", "%3Cscript%3E%22");
    let mut pages = vec!["/".to_owned(), "/settings/audit".to_owned(), query];
    pages.extend(["", "/edit", "/delete", "/t/new"].map(|page| format!("{shop}{page}")));
    pages.extend(["", "/edit", "/delete"].map(|page| format!("{staging}{page}")));
    for page in pages {
        for opened in [browser.open(&page).await, browser.get_part(&page).await] {
            let script = opened.text.replace("<script src=", "");
            assert!(!script.contains("<script"), "{page}: {}", opened.text);
            assert!(!opened.text.contains(" style="), "{page}");
        }
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let harness = harness().await;
    for number in 1..=51 {
        let name = format!("Product {number:02}");
        harness
            .service
            .products()
            .create_subject(&harness.ctx(), &Harness::operator(&harness.acme), &name, None, None)
            .await
            .unwrap();
        harness.clock.advance_seconds(1);
    }
    let browser = harness.browser_of(MEMBER).await;
    let first = browser.open("/").await;
    first.says("Product 50");
    assert!(!first.text.contains("Product 51"));
    let next = first.text.split_once("href=\"/?after=").unwrap().1.split('"').next().unwrap();
    let second = browser.open(&format!("/?after={next}")).await;
    second.says("Product 51");
    second.says("First page");
    assert!(!second.text.contains("Product 50"));
}
