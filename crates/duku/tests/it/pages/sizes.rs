//! The smallest page maximum that an operator can set still shows every list.

use crate::{
    app::App,
    people::{cookie_of, set_password},
};
use domain::Role;
use duku::settings::GivenSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Answer, Engine};

const ADMIN: &str = "ada@example.org";

/// The bounds of `page_maximum`.
fn bounds() -> (i64, i64) {
    let bounded = GivenSettings::default().resolve(None).unwrap().bounded();
    let (_, _, bounds) = bounded.into_iter().find(|(name, ..)| *name == "page_maximum").unwrap();
    bounds.into_inner()
}

#[tokio::test]
async fn every_list_opens_with_the_smallest_page_maximum() {
    let given = GivenSettings { page_maximum: Some(bounds().0), ..GivenSettings::default() };
    let app = App::start_with(Engine::Sqlite, given).await;
    set_password(&app, ADMIN).await;
    let operator = app.operator();
    for number in 0..120 {
        let ctx = app.ctx();
        app.service
            .products()
            .create_subject(&ctx, &operator, &format!("Product {number}"), None, None)
            .await
            .unwrap();
    }
    app.service.users().add_member(&app.ctx(), &operator, "max@example.org", Role::Member).await.unwrap();
    let cookie = cookie_of(&app, ADMIN).await;
    for (page, holds) in [
        ("/", "?after=sbj_"),
        ("/settings/audit", "Product 119"),
        ("/settings/members", "max@example.org"),
        ("/settings/api-keys", "API key"),
    ] {
        let request = app.api.client().get(format!("{}{page}", app.api.url)).header("cookie", &cookie);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}: {}", answer.text);
        assert!(answer.text.contains(holds), "{page}: {}", answer.text);
    }
    let token = app.admin_token().await;
    let query = "{ subjects { id targets { id } } targets { id } auditLog { id } members { email } }";
    let data = app.api.graphql(&token, query, Value::Null).await.data();
    let lengths =
        ["subjects", "targets", "auditLog", "members"].map(|list| data[list].as_array().unwrap().len());
    assert_eq!(json!(lengths), json!([20, 0, 20, 2]));
}

#[test]
fn a_page_maximum_that_would_break_lists_is_a_start_error_that_says_so() {
    let (least, most) = bounds();
    assert_eq!((least, most), (20, 10_000));
    for wrong in [least - 1, 1, 0, -1, most + 1] {
        let given = GivenSettings { page_maximum: Some(wrong), ..GivenSettings::default() };
        let error = given.resolve(None).unwrap_err().to_string();
        assert_eq!(error, format!("--page-maximum is {wrong}; it must be 20 to 10000"));
    }
}
