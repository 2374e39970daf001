//! What holds on every page: a silent console, and nothing that axe-core complains about.

use super::{Browser, webdriver::Answer};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A rule of axe-core that the page breaks.
#[derive(Debug, Deserialize)]
struct Violation {
    id: String,
    help: String,
    nodes: Vec<String>,
}

impl Browser {
    /// What the console has complained about since the last call: errors of scripts, violations of the policy,
    /// files that are missing. The statuses of pages and of the API's answers are the test's own affair.
    pub(crate) async fn console_errors(&self) -> Vec<String> {
        let entries = match self.session.console().await {
            Ok(entries) => entries,
            Err(error) => self.fail(&format!("the console cannot be read: {error}")).await,
        };
        let complaints = entries.into_iter().filter(|entry| entry.level == "SEVERE");
        complaints
            .filter(|entry| entry.source.as_deref() != Some("network") || is_about_a_file(&entry.message))
            .map(|entry| entry.message)
            .collect()
    }

    /// Fails if the console has complained.
    pub(crate) async fn has_silent_console(&self) {
        let errors = self.console_errors().await;
        if !errors.is_empty() {
            self.fail(&format!("the console complains:\n  {}", errors.join("\n  "))).await;
        }
    }

    /// Fails if axe-core finds anything wrong on the page as it is now. It is a script: without scripts it is silent.
    pub(crate) async fn axe(&self) {
        let violations = self.axe_violations().await;
        if !violations.is_empty() {
            self.fail(&format!("axe-core complains:\n  {}", violations.join("\n  "))).await;
        }
    }

    /// What `axe` would fail with.
    pub(crate) async fn axe_violations(&self) -> Vec<String> {
        if !self.options.javascript {
            return Vec::new();
        }
        match self.run_axe().await {
            Ok(violations) => violations
                .into_iter()
                .map(|Violation { id, help, nodes }| format!("{id}: {help}\n    {}", nodes.join("\n    ")))
                .collect(),
            Err(error) => self.fail(&format!("axe-core does not run: {error}")).await,
        }
    }

    /// A title, one heading, nothing that axe-core finds, and nothing that sticks out: light and wide, dark and narrow.
    pub(crate) async fn problems(&self) -> Vec<String> {
        let mut problems = self.axe_violations().await;
        self.emulate(390, 844, true).await;
        problems.extend(self.axe_violations().await);
        problems.extend(self.sticking_out().await);
        problems.extend(self.layout_faults().await);
        self.emulate(320, 640, true).await;
        problems.extend(self.sticking_out().await);
        self.emulate(1280, 900, false).await;
        problems.extend(self.layout_faults().await);
        let heads =
            "return [document.title.endsWith(' · Duku'), document.querySelectorAll('main h1').length]";
        let heads = self.evaluate(heads, json!([])).await;
        if heads != json!([true, 1]) {
            problems.push(format!("has it a title, and how many headings: {heads}"));
        }
        problems
    }

    /// Blocks that overlap or touch, a page that scrolls beyond its end, and rows of one table that differ.
    pub(crate) async fn layout_faults(&self) -> Vec<String> {
        let width = self.evaluate("return innerWidth", json!([])).await;
        let faults = self.evaluate(include_str!("layout.js"), json!([])).await;
        let faults = faults.as_array().unwrap_or_else(|| panic!("no list: {faults}"));
        faults.iter().map(|fault| format!("at {width}px: {}", fault.as_str().unwrap_or_default())).collect()
    }

    /// What makes the page wider than the screen.
    pub(crate) async fn sticking_out(&self) -> Option<String> {
        let wide = "const { scrollWidth, clientWidth } = document.documentElement;
            if (scrollWidth <= clientWidth) return '';
            const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > clientWidth + 1);
            return `sticks out, ${scrollWidth} of ${clientWidth}: ${out.slice(-3).map((e) => e.outerHTML.slice(0, 120)).join('\\n')}`";
        let wide = self.evaluate(wide, json!([])).await;
        wide.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    async fn run_axe(&self) -> Answer<Vec<Violation>> {
        let nothing = json!([]);
        // It is half a megabyte: once for each page is enough.
        if self.session.execute("return typeof axe", nothing.clone()).await? != "object" {
            self.session.execute(&axe_library(), nothing).await?;
        }
        let script = "const done = arguments[0];
            const line = (node) => `${node.target.join(' ')}: ${node.failureSummary.replace(/\\s+/g, ' ')}`;
            axe.run(document, { resultTypes: ['violations'], preload: false, iframes: false }).then(
                ({ violations }) => done(violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(line) }))),
                (error) => done([{ id: 'axe', help: String(error), nodes: [] }]))";
        let violations = self.session.execute_async(script).await?;
        serde_json::from_value(violations).map_err(|error| error.to_string())
    }
}

/// `http://127.0.0.1:4000/assets/page.css - Failed to load resource: …`
fn is_about_a_file(message: &str) -> bool {
    let path = message.split(' ').next().unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// `cargo xtask test` installs it with the JavaScript clients.
fn axe_library() -> String {
    let file = target_folder().join("clients/node/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask test --only clients`", file.display()))
}

/// Cargo gives tests a folder inside the target folder, wherever that is.
pub(super) fn target_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

#[test]
fn the_status_of_a_page_is_no_complaint_and_a_missing_file_is() {
    for (url, is_file) in [
        ("http://127.0.0.1:1/assets/page.css", true),
        ("http://127.0.0.1:1/favicon.ico?v=1", true),
        ("http://127.0.0.1:1/settings/api-keys", false),
        ("http://127.0.0.1:1/login?next=/a.b", false),
    ] {
        let message = format!("{url} - Failed to load resource: the server responded with a status of 404");
        assert_eq!(is_about_a_file(&message), is_file, "{url}");
    }
}
