//! The explorer: a GraphQL editor that asks as the person who is signed in. Its script is `assets/explorer.js`.

use crate::frame::{
    answer::Answer,
    page_context::{MemberPage, show},
};
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

/// A query that people can begin with.
struct Example {
    name: &'static str,
    query: &'static str,
    variables: Option<&'static str>,
    admins_only: bool,
}

const fn example(name: &'static str, query: &'static str) -> Example {
    Example { name, query, variables: None, admins_only: false }
}

const fn admins(name: &'static str, query: &'static str) -> Example {
    Example { admins_only: true, ..example(name, query) }
}

const EXAMPLES: [Example; 8] = [
    example("Products", "{\n  subjects {\n    id\n    name\n  }\n}"),
    example(
        "Products with their targets",
        "{\n  subjects(first: 20) {\n    name\n    baseUrl\n    targets {\n      name\n      environment\n      version\n      updatedAt\n    }\n  }\n}",
    ),
    example(
        "Who am I",
        "{\n  viewer {\n    kind\n    name\n    role\n    scopes\n    organisation {\n      name\n    }\n  }\n}",
    ),
    admins(
        "API keys",
        "{\n  apiKeys {\n    label\n    status\n    createdBy\n    lastUsedAt\n    lastUsedFrom\n    expiresAt\n  }\n}",
    ),
    admins("Members", "{\n  members {\n    email\n    role\n  }\n}"),
    admins("Audit log", "{\n  auditLog(first: 20) {\n    at\n    action\n    actor\n    object\n  }\n}"),
    Example {
        name: "Create a product",
        query: "mutation CreateProduct($input: CreateSubjectInput!) {\n  createSubject(input: $input) {\n    id\n    name\n  }\n}",
        variables: Some(
            "{\n  \"input\": {\n    \"name\": \"Shop\",\n    \"baseUrl\": \"https://shop.example\"\n  }\n}",
        ),
        admins_only: false,
    },
    Example {
        name: "Report a deployment",
        query: "mutation ReportDeployment($input: UpsertSimulationTargetInput!) {\n  upsertSimulationTarget(input: $input) {\n    id\n    name\n    version\n    updatedAt\n  }\n}",
        variables: Some(
            "{\n  \"input\": {\n    \"subjectId\": \"sbj_… (run “Products” to find it)\",\n    \"buildKey\": \"main\",\n    \"name\": \"Staging\",\n    \"version\": \"1.0.0\",\n    \"environment\": \"staging\",\n    \"buildNumber\": 1\n  }\n}",
        ),
        admins_only: false,
    },
];

/// What the script reads, as JSON that HTML does not end early: inside JSON these characters stand in texts alone.
fn data(endpoint: &str, is_admin: bool) -> String {
    let known = EXAMPLES.iter().filter(|example| is_admin || !example.admins_only);
    let examples: Vec<Value> = known
        .map(
            |example| json!({ "name": example.name, "query": example.query, "variables": example.variables }),
        )
        .collect();
    let text =
        json!({ "endpoint": "/graphql", "publicEndpoint": endpoint, "examples": examples }).to_string();
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// `GET /explorer`
pub(crate) async fn show(context: MemberPage) -> Answer {
    let endpoint = &context.service().policy().audience;
    let page = Page {
        chrome: context.chrome("Explorer", Section::Explorer).await?,
        script: &SCRIPT,
        data: data(endpoint, context.is_admin()),
        endpoint,
        token_url: context.viewport.protocol("token"),
    };
    Ok(show!(context, page))
}

#[cfg(test)]
mod tests;
