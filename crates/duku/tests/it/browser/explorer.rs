//! The explorer's editor on the real API: the committed bundle, under the policy that Viewport's pages have.

use super::{Browser, Options};
use crate::app::App;
use axum::{
    Router,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use testkit::Engine;
use tokio::net::TcpListener;

const BUNDLE: &str = include_str!("../../../../viewport/assets/explorer.js");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const PAGE: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorer</title>
    <meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
    <script defer src="/explorer.js"></script></head><body><main><h1>Explorer</h1>
    <div id="explorer"><p>The explorer needs JavaScript.</p></div>
    <script type="application/json" id="explorer-data">{ "endpoint": "/graphql",
    "publicEndpoint": "https://duku.example/graphql", "examples": [
        { "name": "Who am I", "query": "{ viewer { kind } }" },
        { "name": "New product",
          "query": "mutation ($input: CreateSubjectInput!) { createSubject(input: $input) { name } }",
          "variables": { "input": { "name": "Ada's shop" } } }
    ] }</script></main></body></html>"#;

/// Does what a session will do: lets the browser in as the Admin, while it is signed in.
async fn site(app: &App, signed_in: Arc<AtomicBool>) -> String {
    let (api, token) = (format!("{}/graphql", app.api.url), app.admin_token().await);
    let forward = async move |body: String| -> Response {
        if !signed_in.load(Ordering::Relaxed) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let request = reqwest::Client::new().post(api).bearer_auth(token).body(body);
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
        (status, [(header::CONTENT_TYPE, "application/json")], answer.text().await.unwrap()).into_response()
    };
    let router = Router::new()
        .route("/explorer", get(async || ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))))
        .route("/explorer.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], BUNDLE)))
        .route("/graphql", post(forward));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn open(options: Options) -> (App, Browser, Arc<AtomicBool>) {
    let app = App::start(Engine::Sqlite).await;
    let signed_in = Arc::new(AtomicBool::new(true));
    let url = site(&app, signed_in.clone()).await;
    let browser = Browser::start(&url, options).await;
    browser.goto("/explorer").await;
    (app, browser, signed_in)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_completed_checked_and_run() {
    let (_app, browser, _) = open(Options::default()).await;
    browser.click("Run").await;
    browser.sees(r#""kind": "PERSON""#).await;
    browser.sees("200 ·").await;
    browser.click("New product").await;
    browser.press("Control+Enter").await;
    browser.sees(r#""name": "Ada's shop""#).await;

    browser.fill("GraphQL query", "{ subje").await;
    browser.press("Control+Space").await;
    browser.sees("[Subject!]!").await;
    // The list takes no key in its first moments, lest somebody who writes fast takes what they have not seen.
    browser.click(".cm-tooltip-autocomplete li + li").await;
    browser.press(" { id noSuchField }").await;
    browser.press("Control+Enter").await;
    browser.sees("1 error").await;
    browser.axe().await;
    browser.press("Escape").await;
    assert_eq!(browser.tab().await, "textbox “Variables, as JSON”");
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_documented_and_the_request_is_also_a_curl_command() {
    let (_app, browser, _) =
        open(Options { width: 390, height: 844, dark: true, ..Options::default() }).await;
    browser.click("Documentation").await;
    browser.sees("The organisation's products").await;
    browser.fill("Search types and fields", "generatea").await;
    browser.click("Mutation.generateApiKey").await;
    browser.sees("GenerateApiKeyInput").await;
    assert_eq!(browser.focused().await, "h3 “generateApiKey”");
    browser.axe().await;

    browser.click("New product").await;
    browser.click("curl").await;
    browser.sees("curl -sS 'https://duku.example/graphql'").await;
    browser.sees(r#""variables":{"input":{"name":"Ada'\''s shop"}}"#).await;
    browser.click("Copy").await;
    browser.axe().await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_signed_out_is_told_and_keeps_the_query() {
    let (_app, browser, signed_in) = open(Options::default()).await;
    browser.sees("viewer").await;
    signed_in.store(false, Ordering::Relaxed);
    browser.click("Run").await;
    browser.sees("You are signed out").await;
    browser.sees("viewer").await;
    browser.axe().await;
    let link = "return document.querySelector('#explorer').shadowRoot.querySelector('.problem a').getAttribute('href')";
    assert_eq!(browser.evaluate(link, serde_json::json!([])).await, "/login?next=/explorer");
}
