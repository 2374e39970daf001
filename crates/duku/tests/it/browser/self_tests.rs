//! The harness does what it says, and its checks can fail: tried on a small site of its own.

use super::{Browser, Options};
use axum::{
    Router,
    extract::RawQuery,
    http::header,
    response::{Html, IntoResponse},
    routing::get,
};
use std::{collections::HashMap, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

const POLICY: &str =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; form-action 'self'";
const STYLE: &str =
    ":root{color-scheme:light dark} body{font:16px sans-serif;margin:2rem} .late{height:120vh}
    .hidden{display:none}";
const SCRIPT: &str = "document.querySelector('#script').textContent = 'written by a script';
    setTimeout(() => document.querySelector('#late').textContent = 'and later', 300);
    const host = document.querySelector('#host');
    host.attachShadow({ mode: 'open' }).innerHTML = '<button>In the shadow</button><p></p>';
    host.shadowRoot.querySelector('button').onclick = () =>
        host.shadowRoot.querySelector('p').textContent = 'pressed in the shadow';
    document.querySelector('#open').onclick = () => document.querySelector('dialog').showModal()";
const FORM: &str = "<h1>A form</h1><p id=script>no script</p><p id=late></p><div id=host></div>
    <form action=/saved><label>Label <input name=label></label>
    <label for=when>Expires</label><input id=when name=when type=date>
    <label for=life>Lifetime</label><select id=life name=life><option>30 days<option>90 days</select>
    <fieldset><legend>Grace</legend><label><input type=radio name=grace value=none checked> None</label>
    <label><input type=radio name=grace value=hour> 1 hour</label>
    <label><input class=hidden type=radio name=grace value=day> 1 day</label></fieldset>
    <button>Save</button></form>
    <ul><li>First key <a href=/saved?label=first>Rotate</a></li><li>Second key <a href=/saved?label=second>Rotate</a></li></ul>
    <button id=open>Open</button><dialog aria-label=Sure><p>Really?</p><form method=dialog><button>Cancel</button></form></dialog>
    <p class=late>The end</p>";

/// A site that is served as long as the value lives.
pub(super) struct Site {
    pub(super) url: String,
    serving: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Site {
    pub(super) async fn start() -> Self {
        let router = Router::new()
            .route("/", get(async || page("Form", FORM)))
            .route("/saved", get(saved))
            .route("/unkind", get(async || page("Unkind", "<h1>Unkind</h1><img src='data:,'><input>")))
            .route(
                "/careless",
                get(async || page("Careless", "<h1 onclick='x()'>Careless</h1><script>1</script>")),
            )
            .route(
                "/broken",
                get(async || page("Broken", "<h1>Broken</h1><script src=/missing.js></script>")),
            )
            .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], STYLE)))
            .route("/script.js", get(async || ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, serving }
    }
}

fn page(title: &str, body: &str) -> impl IntoResponse + use<> {
    let script = if title == "Form" { "<script defer src=/script.js></script>" } else { "" };
    let html = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}</title>\
        <meta name=viewport content='width=device-width'><link rel=icon href='data:,'>\
        <link rel=stylesheet href=/style.css>{script}</head><body><main>{body}</main></body></html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html))
}

async fn saved(RawQuery(query): RawQuery) -> impl IntoResponse {
    let form: HashMap<_, _> =
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let value = |name: &str| form.get(name).cloned().unwrap_or_default();
    let said = [value("label"), value("when"), value("life"), value("grace")].join(" ");
    page("Saved", &format!("<h1>Saved {}</h1><a href=/>Back to the form</a>", said.trim()))
}

async fn open(options: Options) -> (Site, Browser) {
    let site = Site::start().await;
    let browser = Browser::start(&site.url, options).await;
    browser.goto("/").await;
    (site, browser)
}

/// The message that a helper fails with.
async fn failure_of(browser: Browser, helper: impl AsyncFnOnce(&Browser) + Send + 'static) -> String {
    let local = tokio::task::LocalSet::new();
    let task =
        local.run_until(async move { tokio::task::spawn_local(async move { helper(&browser).await }).await });
    let panic = task.await.unwrap_err().into_panic();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_filled_by_its_labels() {
    let (_site, browser) = open(Options::default()).await;
    browser.fill("Label", "GitHub").await;
    browser.fill("Label", "GitHub Actions").await;
    browser.fill("Expires", "2027-02-21").await;
    browser.select("Lifetime", "90 days").await;
    browser.choose("1 hour").await;
    browser.choose("1 day").await;
    browser.click("Save").await;
    browser.sees("Saved GitHub Actions 2027-02-21 90 days day").await;
    assert!(browser.url().await.contains("/saved?label=GitHub+Actions"));
    browser.back().await;
    browser.is_at("/").await;
    browser.click_in("Second key", "Rotate").await;
    browser.sees("Saved second").await;
    assert_eq!(browser.text("h1").await, "Saved second");
    browser.has_silent_console().await;
    browser.axe().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_run_or_do_not() {
    let (_site, browser) = open(Options::default()).await;
    browser.sees("written by a script").await;
    browser.sees("and later").await;
    browser.does_not_see("no script").await;
    browser.click("In the shadow").await;
    browser.sees("pressed in the shadow").await;
    drop(browser);

    let (_site, browser) = open(Options { javascript: false, ..Options::default() }).await;
    browser.sees("no script").await;
    browser.fill("Label", "plain").await;
    browser.choose("1 hour").await;
    browser.click("Save").await;
    browser.sees("Saved plain").await;
    browser.click("Back to the form").await;
    browser.reload().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    browser.sees("no script").await;
    browser.does_not_see("and later").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_goes_where_a_person_would() {
    let (_site, browser) = open(Options::default()).await;
    browser.sees("written by a script").await;
    assert_eq!(browser.focused().await, "nothing");
    assert_eq!(browser.tab().await, "button “In the shadow”");
    assert_eq!(browser.tab().await, "text “Label”");
    browser.press("by hand").await;
    browser.press("Shift+Tab").await;
    assert_eq!(browser.focused().await, "button “In the shadow”");
    browser.tab_to("button “Open”").await;
    browser.press("Enter").await;
    browser.sees("Really?").await;
    assert_eq!(browser.focused().await, "button “Cancel”");
    browser.press("Escape").await;
    browser.does_not_see("Really?").await;
    browser.press("Shift+Tab").await;
    browser.tab_to("text “Label”").await;
    browser.press("Enter").await;
    browser.sees("Saved by hand").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_as_wide_and_as_dark_as_asked() {
    let (_site, browser) = open(Options { width: 390, height: 844, dark: true, ..Options::default() }).await;
    let look = "return `${innerWidth} ${matchMedia('(prefers-color-scheme: dark)').matches}`";
    let seen = async || browser.evaluate(look, serde_json::json!([])).await;
    assert_eq!(seen().await, "390 true");
    browser.emulate(1280, 900, false).await;
    assert_eq!(seen().await, "1280 false");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.png");
    browser.screenshot(&file).await;
    let picture = std::fs::read(file).unwrap();
    let number = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
    // The PNG's header: the whole page is higher than the window.
    assert_eq!(number(16), 1280);
    assert!(number(20) > 900, "{}", number(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_what_is_unkind() {
    let (_site, browser) = open(Options::default()).await;
    browser.goto("/unkind").await;
    let violations = browser.axe_violations().await.join("\n");
    assert!(violations.contains("image-alt") && violations.contains("label"), "{violations}");
    let message = failure_of(browser, async |browser| browser.axe().await).await;
    assert!(message.contains("image-alt") && message.contains("/unkind"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_tells_of_broken_policies_and_missing_files() {
    let (_site, browser) = open(Options::default()).await;
    browser.has_silent_console().await;
    browser.goto("/careless").await;
    let errors = browser.console_errors().await.join("\n");
    assert!(errors.contains("Content Security Policy"), "{errors}");
    browser.goto("/nowhere").await;
    browser.has_silent_console().await;
    browser.goto("/broken").await;
    let message = failure_of(browser, async |browser| browser.has_silent_console().await).await;
    assert!(message.contains("missing.js"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_with_what_is() {
    let (_site, browser) = open(Options::default()).await;
    let message = failure_of(browser, async |browser| browser.click("Revoke").await).await;
    assert!(message.contains("no button or link is called “Revoke”"), "{message}");
    assert!(message.contains("Save | Rotate"), "{message}");
    assert!(message.contains("browser-failures") && message.contains("A form"), "{message}");
}
