//! Viewport and the documentation as people meet them: in Chromium, by mouse, keyboard and screen reader, with scripts and without.
//!
//! Elements are found by what a person sees or hears: visible text, labels, accessible names. Everything waits up
//! to five seconds; what does not come then fails with the page's address and text, and a picture in
//! `target/browser-failures`.

mod checks;
mod docs;
mod driver;
mod explorer;
mod failure;
mod keys;
mod screenshots;
mod self_tests;
mod shots;
pub(crate) mod viewport;
mod webdriver;

use driver::Processes;
use serde_json::{Value, json};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use webdriver::{Answer, Element, Session};

/// How long a page may take to become what it should be.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
const PAGE: &str = include_str!("page.js");

/// The device and its user's preferences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) javascript: bool,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { javascript: true, width: 1280, height: 900, dark: false }
    }
}

/// One browser with an empty profile; it ends with the value, also when the test fails.
pub(crate) struct Browser {
    base: String,
    options: Options,
    session: Session,
    /// Has this browser already told of a failure?
    told: Cell<bool>,
    _processes: Processes,
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.told.get() {
            self.tell_from_drop();
        }
    }
}

impl Browser {
    /// Starts Chromium; paths that start with `/` will be those of `base`, like `http://127.0.0.1:4000`.
    pub(crate) async fn start(base: &str, options: Options) -> Self {
        let (session, processes) = driver::start(options.width, options.height).await;
        let browser = Self {
            base: base.trim_end_matches('/').to_owned(),
            options,
            session,
            told: Cell::new(false),
            _processes: processes,
        };
        browser.emulate(options.width, options.height, options.dark).await;
        if !options.javascript {
            browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        }
        browser
    }

    /// Runs the body of a function in the page and gives what it returns; it finds `arguments` as usual.
    pub(crate) async fn evaluate(&self, script: &str, arguments: Value) -> Value {
        match self.session.execute(script, arguments).await {
            Ok(answer) => answer,
            Err(error) => self.fail(&format!("evaluate: {error}")).await,
        }
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        match self.session.devtools(command, parameters).await {
            Ok(answer) => answer,
            Err(error) => self.fail(&format!("{command}: {error}")).await,
        }
    }

    /// Makes it another device: the viewport's size, and whether its user likes it dark.
    pub(crate) async fn emulate(&self, width: u32, height: u32, dark: bool) {
        let mobile = width < 640;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Opens a path of the server, or a whole URL, and waits until it is loaded.
    pub(crate) async fn goto(&self, path: &str) {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        if let Err(error) = self.session.goto(&url).await {
            self.fail(&format!("goto {path}: {error}")).await;
        }
    }

    /// Clicks the button or link with this accessible name, or what a CSS selector matches first if it starts with
    /// `#`, `.` or `[`.
    pub(crate) async fn click(&self, what: &str) {
        self.click_on(kind(what), &json!(what), None).await;
    }

    /// The same within the row, card or section that holds these words: `click_in("GitHub Actions", "Rotate")`.
    pub(crate) async fn click_in(&self, part: &str, what: &str) {
        self.click_on(kind(what), &json!(what), Some(part)).await;
    }

    /// Writes into the field with this label, instead of what is there.
    pub(crate) async fn fill(&self, label: &str, value: &str) {
        self.with_element("field", &json!(label), None, async |field| self.overwrite(field, value).await)
            .await;
    }

    /// Takes a radio button or ticks or unticks a checkbox, by its label.
    pub(crate) async fn choose(&self, label: &str) {
        self.with_element("choice", &json!(label), None, async |choice| self.press_choice(choice).await)
            .await;
    }

    /// Takes an option of the list with this label.
    pub(crate) async fn select(&self, label: &str, option: &str) {
        self.click_on("option", &json!([label, option]), None).await;
    }

    /// The visible text of what a CSS selector matches first.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.with_element("css", &json!(css), None, async |element| self.session.text(element).await).await
    }

    /// All visible text of the page, with single spaces.
    pub(crate) async fn page_text(&self) -> String {
        self.ask("text").await.unwrap_or_else(|error| format!("(no text: {error})"))
    }

    /// Waits until the page says this.
    pub(crate) async fn sees(&self, words: &str) {
        if !self.comes_true(async || self.page_text().await.contains(words)).await {
            self.fail(&format!("“{words}” is not to be seen")).await;
        }
    }

    /// Waits until the page does not say this any more.
    pub(crate) async fn does_not_see(&self, words: &str) {
        // Between two pages nothing is to be seen, which proves nothing.
        let is_gone = async || self.ask("text").await.is_ok_and(|text| !text.contains(words));
        if !self.comes_true(is_gone).await {
            self.fail(&format!("“{words}” is still to be seen")).await;
        }
    }

    /// Waits until the address has this path (and query).
    pub(crate) async fn is_at(&self, path: &str) {
        let wanted = format!("{}{path}", self.base);
        if !self.comes_true(async || self.url().await == wanted).await {
            self.fail(&format!("the address is not {path}")).await;
        }
    }

    /// The whole address of the page.
    pub(crate) async fn url(&self) -> String {
        self.session.url().await.unwrap_or_else(|error| format!("({error})"))
    }

    /// What has the focus, like `button “Revoke”`.
    pub(crate) async fn focused(&self) -> String {
        match self.ask("focused").await {
            Ok(description) => description,
            Err(error) => self.fail(&format!("focused: {error}")).await,
        }
    }

    /// The Back button.
    pub(crate) async fn back(&self) {
        if let Err(error) = self.session.back().await {
            self.fail(&format!("back: {error}")).await;
        }
    }

    /// The Reload button.
    pub(crate) async fn reload(&self) {
        if let Err(error) = self.session.reload().await {
            self.fail(&format!("reload: {error}")).await;
        }
    }

    async fn click_on(&self, question: &str, words: &Value, part: Option<&str>) {
        self.with_element(question, words, part, async |element| self.session.click(element).await).await;
    }

    /// Finds it and does something with it; a page that is still changing may take it away in between, or cover it.
    async fn with_element<T>(
        &self,
        question: &str,
        words: &Value,
        part: Option<&str>,
        act: impl AsyncFn(&Element) -> Answer<T>,
    ) -> T {
        let start = Instant::now();
        loop {
            let element = self.element(question, words, part).await;
            let error = match act(&element).await {
                Ok(done) => return done,
                Err(error) => error,
            };
            if start.elapsed() > PATIENCE {
                self.fail(&format!("{question} {words}: {error}")).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A click that lands beside its target because the page moved meanwhile is an error, so that it is made again.
    async fn press_choice(&self, choice: &Element) -> Answer<()> {
        let script = "const [element] = arguments, input = element.control ?? element; \
            return [input.checked, input.type === 'radio']";
        let state = async || self.session.execute(script, json!([choice.json()])).await;
        let before = state().await?;
        self.session.click(choice).await?;
        // A choice that leads to another page is gone by now.
        let Ok(after) = state().await else { return Ok(()) };
        let is_chosen = after == json!([true, true]) || after != before;
        if is_chosen { Ok(()) } else { Err("the click changed nothing".to_owned()) }
    }

    async fn overwrite(&self, field: &Element, value: &str) -> Answer<()> {
        let kind = self.session.attribute(field, "type").await?.unwrap_or_default();
        if ["date", "time", "datetime-local", "month"].contains(&kind.as_str()) {
            // Typed, these depend on the machine's language.
            let script = "const [field, value] = arguments; field.value = value; \
                for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }))";
            return self.session.execute(script, json!([field.json(), value])).await.map(drop);
        }
        if self.session.attribute(field, "contenteditable").await?.is_some() {
            self.session.click(field).await?;
            self.press("Control+a").await;
            self.press("Delete").await;
        } else {
            self.session.clear(field).await?;
        }
        self.session.write(field, value).await
    }

    /// Waits until there is exactly one such element.
    async fn element(&self, question: &str, words: &Value, part: Option<&str>) -> Element {
        let start = Instant::now();
        loop {
            let problem = match self.session.execute(PAGE, json!([question, words, part])).await {
                Ok(answer) => match Element::of(&answer) {
                    Some(element) => return element,
                    None => webdriver::text(&answer),
                },
                // In the midst of a navigation there is no page to ask.
                Err(error) => error,
            };
            if start.elapsed() > PATIENCE {
                self.fail(&problem).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask(&self, question: &str) -> Answer<String> {
        self.session.execute(PAGE, json!([question])).await.map(|answer| webdriver::text(&answer))
    }

    pub(crate) async fn comes_true(&self, condition: impl AsyncFn() -> bool) -> bool {
        let start = Instant::now();
        loop {
            if condition().await {
                return true;
            }
            if start.elapsed() > PATIENCE {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A selector says by its first sign that it is one.
fn kind(what: &str) -> &'static str {
    if what.starts_with(['#', '.', '[']) { "css" } else { "pressable" }
}
