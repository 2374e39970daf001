//! Blocks in formats that have a reader.

use super::{Rule, all_pass, blocks};
use crate::app::App;
use duku::settings::GivenSettings;
use serde_json::Value;
use testkit::Engine;
use yaml_rust2::YamlLoader;

#[test]
fn json_can_be_read() {
    all_pass(Rule::Json, |fence| {
        serde_json::from_str::<Value>(&fence.text).map(drop).map_err(|error| error.to_string())
    });
}

#[test]
fn toml_is_settings_that_a_server_takes() {
    all_pass(Rule::Toml, |fence| {
        let given: GivenSettings = toml::from_str(&fence.text).map_err(|error| error.to_string())?;
        given.resolve(None).map(drop).map_err(|error| error.to_string())
    });
}

#[test]
fn yaml_can_be_read() {
    all_pass(Rule::Yaml, |fence| {
        let documents = YamlLoader::load_from_str(&fence.text).map_err(|error| error.to_string())?;
        let is_table = documents.len() == 1 && documents.iter().all(|document| document.as_hash().is_some());
        if is_table { Ok(()) } else { Err("not one document with keys".to_owned()) }
    });
}

#[test]
fn groovy_closes_what_it_opens() {
    all_pass(Rule::Groovy, |fence| {
        let mut open = Vec::new();
        for sign in fence.text.chars() {
            match (open.last(), sign) {
                (Some('\''), '\'')
                | (Some('"'), '"')
                | (Some('{'), '}')
                | (Some('('), ')')
                | (Some('['), ']') => {
                    open.pop();
                }
                (Some('\'' | '"'), _) => {}
                (_, '{' | '(' | '[' | '\'' | '"') => open.push(sign),
                (_, '}' | ')' | ']') => return Err(format!("`{sign}` closes nothing")),
                _ => {}
            }
        }
        if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
    });
}

/// Stands in a document for the identifier of a product.
const PRODUCT: &str = "sbj_…";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphql_is_answered_without_an_error() {
    let app = App::start(Engine::Sqlite).await;
    let token = app.admin_token().await;
    let mut problems = Vec::new();
    for fence in blocks(Rule::GraphQl) {
        // Some of them delete it.
        let product = app
            .service
            .products()
            .create_subject(&app.ctx(), &app.operator(), "Shop", None, None)
            .await
            .unwrap();
        let document = fence.text.replace(PRODUCT, product.id.as_str());
        let answer = app.api.graphql(&token, &document, Value::Null).await.json();
        if let Some(errors) = answer.get("errors") {
            problems.push(format!("{}: {errors}", fence.place()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
