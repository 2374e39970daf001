//! The W3C WebDriver protocol, as much of it as the harness speaks.
//!
//! `thirtyfour` would do it too, but it turns on `preserve_order` of `serde_json` for everything that is built with the
//! tests: they would then test another product than the one that is released.

use base64::Engine as _;
use serde_json::{Value, json};
use std::time::Duration;

/// One command; loading a page is the longest of them.
const COMMAND: Duration = Duration::from_secs(30);
/// The name by which the protocol marks elements in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What a command answers, or why it failed, in the driver's words.
pub(crate) type Answer<T> = Result<T, String>;

/// A session with one window.
#[derive(Debug)]
pub(crate) struct Session {
    client: reqwest::Client,
    url: String,
    /// The browser's process.
    pub(super) process: Option<u64>,
}

/// An element of the page.
#[derive(Debug, Clone)]
pub(crate) struct Element(String);

/// A line of the console.
#[derive(Debug, serde::Deserialize)]
pub(super) struct LogEntry {
    pub(super) level: String,
    pub(super) message: String,
    pub(super) source: Option<String>,
}

impl Session {
    /// Starts a browser through the driver on this port.
    pub(super) async fn start(port: u16, options: Value) -> Answer<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(COMMAND).build();
        let client = client.map_err(|error| error.to_string())?;
        let milliseconds = COMMAND.as_secs() * 1000;
        let capabilities = json!({ "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "pageLoad": milliseconds, "script": milliseconds },
        }});
        let mut session = Self { client, url: format!("http://127.0.0.1:{port}/session"), process: None };
        let answer = session.post("", json!({ "capabilities": capabilities })).await?;
        session.process = answer["capabilities"]["goog:processID"].as_u64();
        let id = answer["sessionId"].as_str().ok_or("the driver names no session")?;
        session.url = format!("{}/{id}", session.url);
        Ok(session)
    }

    async fn post(&self, command: &str, body: Value) -> Answer<Value> {
        self.send(self.client.post(format!("{}{command}", self.url)).json(&body)).await
    }

    async fn get(&self, command: &str) -> Answer<Value> {
        self.send(self.client.get(format!("{}{command}", self.url))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer<Value> {
        let response =
            request.send().await.map_err(|error| format!("no answer from chromedriver: {error}"))?;
        let succeeded = response.status().is_success();
        let mut answer: Value = response.json().await.map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        if succeeded {
            return Ok(value);
        }
        let said = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        // The rest is the driver's version and stack.
        let message = said("message").split("\n  (Session info").next().unwrap_or_default().to_owned();
        Err(format!("{}: {message}", said("error")))
    }

    /// Opens a URL and waits until it is loaded.
    pub(super) async fn goto(&self, url: &str) -> Answer<()> {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    pub(super) async fn url(&self) -> Answer<String> {
        self.get("/url").await.map(|value| text(&value))
    }

    pub(super) async fn back(&self) -> Answer<()> {
        self.post("/back", json!({})).await.map(drop)
    }

    pub(super) async fn reload(&self) -> Answer<()> {
        self.post("/refresh", json!({})).await.map(drop)
    }

    /// Runs the body of a function; it finds `arguments` as usual.
    pub(super) async fn execute(&self, script: &str, arguments: Value) -> Answer<Value> {
        self.post("/execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// The same for a script whose last argument is the function that takes its answer.
    pub(super) async fn execute_async(&self, script: &str) -> Answer<Value> {
        self.post("/execute/async", json!({ "script": script, "args": [] })).await
    }

    pub(super) async fn devtools(&self, command: &str, parameters: Value) -> Answer<Value> {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// What the console has said since the last call.
    pub(super) async fn console(&self) -> Answer<Vec<LogEntry>> {
        let entries = self.post("/se/log", json!({ "type": "browser" })).await?;
        serde_json::from_value(entries).map_err(|error| error.to_string())
    }

    /// The visible part of the page, as PNG.
    pub(super) async fn picture(&self) -> Answer<Vec<u8>> {
        self.get("/screenshot").await.and_then(|data| decoded(&data))
    }

    pub(super) async fn click(&self, element: &Element) -> Answer<()> {
        self.post(&format!("/element/{}/click", element.0), json!({})).await.map(drop)
    }

    pub(super) async fn clear(&self, element: &Element) -> Answer<()> {
        self.post(&format!("/element/{}/clear", element.0), json!({})).await.map(drop)
    }

    pub(super) async fn write(&self, element: &Element, words: &str) -> Answer<()> {
        self.post(&format!("/element/{}/value", element.0), json!({ "text": words })).await.map(drop)
    }

    pub(super) async fn text(&self, element: &Element) -> Answer<String> {
        self.get(&format!("/element/{}/text", element.0)).await.map(|value| text(&value))
    }

    pub(super) async fn attribute(&self, element: &Element, name: &str) -> Answer<Option<String>> {
        let value = self.get(&format!("/element/{}/attribute/{name}", element.0)).await?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// Presses these keys one after another while others are held.
    pub(super) async fn keys(&self, held: &[char], pressed: impl Iterator<Item = char>) -> Answer<()> {
        let step = |kind: &str, key: char| json!({ "type": kind, "value": key });
        let mut steps: Vec<Value> = held.iter().map(|key| step("keyDown", *key)).collect();
        steps.extend(pressed.flat_map(|key| [step("keyDown", key), step("keyUp", key)]));
        steps.extend(held.iter().rev().map(|key| step("keyUp", *key)));
        let actions = json!([{ "type": "key", "id": "keyboard", "actions": steps }]);
        self.post("/actions", json!({ "actions": actions })).await.map(drop)
    }
}

impl Element {
    /// Is this an element that a script gave back?
    pub(super) fn of(value: &Value) -> Option<Self> {
        value[ELEMENT].as_str().map(|id| Self(id.to_owned()))
    }

    /// As an argument of a script.
    pub(super) fn json(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }
}

/// A string of JSON, or nothing.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Pictures come in base64.
pub(super) fn decoded(data: &Value) -> Answer<Vec<u8>> {
    let data = data.as_str().ok_or("no picture")?;
    base64::engine::general_purpose::STANDARD.decode(data).map_err(|error| error.to_string())
}
