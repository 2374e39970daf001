//! The explorer: a GraphQL editor that asks as the person who is signed in. Its script is `assets/explorer.js`.

use crate::frame::{
    answer::Answer,
    page_context::{MemberPage, show},
};
use domain::SubjectId;
use pages::{Asset, Chrome, Section};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// What the pages of Viewport load beside the shared files.
pub static ASSETS: [Asset; 1] = [Asset {
    name: "explorer.js",
    content_type: "text/javascript; charset=utf-8",
    gzip: include_bytes!(concat!(env!("OUT_DIR"), "/explorer.js.gz")),
}];

static SCRIPT: LazyLock<String> = LazyLock::new(|| ASSETS.iter().map(Asset::url).collect());

#[derive(askama::Template)]
#[template(path = "explorer.html", blocks = ["content"])]
struct Page<'a> {
    chrome: Chrome,
    script: &'a str,
    /// JSON in which nothing can end its element.
    data: String,
    endpoint: &'a str,
    token_url: String,
}

/// Queries that people can begin with.
static EXAMPLES: LazyLock<Vec<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../explorer/examples.json")).unwrap_or_default());

/// What stands in the examples for the id of a product.
const SOME_SUBJECT: &str = "sbj_… (run “Products” to find it)";

/// What the script reads, as JSON that HTML does not end early: inside JSON these characters stand in texts alone.
fn data(endpoint: &str, is_admin: bool, subject: Option<&SubjectId>) -> String {
    let examples: Vec<&Value> =
        EXAMPLES.iter().filter(|example| is_admin || example.get("adminsOnly").is_none()).collect();
    let mut text =
        json!({ "endpoint": "/graphql", "publicEndpoint": endpoint, "examples": examples }).to_string();
    if let Some(subject) = subject {
        text = text.replace(SOME_SUBJECT, subject.as_str());
    }
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// `GET /explorer`
pub(crate) async fn show(context: MemberPage) -> Answer {
    let first = context.service().products().list_subjects(&context.principal, 1, None).await;
    let first = context.outcome(first)?;
    let endpoint = &context.service().policy().audience;
    let page = Page {
        chrome: context.chrome("Explorer", Section::Explorer).await?,
        script: &SCRIPT,
        data: data(endpoint, context.is_admin(), first.first().map(|product| &product.id)),
        endpoint,
        token_url: context.viewport.protocol("token"),
    };
    Ok(show!(context, page))
}

#[cfg(test)]
mod tests;
