//! A key's own page: what to do next, its commands, and from where it was used.

use super::{
    fixture::{ADMIN, BrowserFixture},
    key_pages::{LIST, generate},
};
use crate::browser::Options;
use serde_json::json;
use service::{keys::RotateKey, tokens::client_authentication::Credential};
use std::process::Stdio;
use testkit::Pair;

/// During a grace the question is who still uses the previous secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_still_uses_the_previous_secret_stands_first_among_many_addresses() {
    let fixture = BrowserFixture::open().await;
    let former = generate(&fixture, "CI").await;
    let grace = RotateKey { grace_seconds: 3600, end_issued_tokens: false };
    let newer = fixture.app.rotate(&former, grace).await;
    for number in 0..13_u8 {
        let pair = if number == 0 { &former } else { &newer };
        let address = Some(std::net::IpAddr::from([198, 51, 100, number]));
        let ctx = service::RequestContext {
            address,
            now: fixture.now().plus_seconds(number.into()),
            ..fixture.ctx()
        };
        let credential = Credential { client_id: &pair.client_id, client_secret: &pair.client_secret };
        fixture.app.service.tokens().issue_for_client(&ctx, credential, "").await.unwrap();
    }
    fixture.app.service.keys().flush_usage(&fixture.ctx()).await.unwrap();
    let browser = fixture.signed_in(ADMIN, &format!("{LIST}/{}", former.client_id), Options::default()).await;
    assert_eq!(browser.text("[aria-label=Addresses] tbody tr:first-child th").await, "198.51.100.0");
    browser.does_not_see("198.51.100.3").await;
    browser.axe().await;
    browser.click("3 more addresses").await;
    browser.sees("198.51.100.3").await;
    browser.has_silent_console().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keys_page_says_what_to_do_next_and_which_program_used_it() {
    let fixture = BrowserFixture::open().await;
    let pair = generate(&fixture, "CI").await;
    let page = format!("{LIST}/{}", pair.client_id);
    let browser = fixture.signed_in(ADMIN, &page, Options::default()).await;
    browser.sees("Waiting for first use.").await;
    for _ in 0..2 {
        browser.click("Copy the Client ID").await;
        let copied = "const button = document.querySelector('[data-copy=\"#client-id\"]');
            return [button.querySelector('svg') !== null, 'copied' in button.dataset]";
        assert_eq!(browser.evaluate(copied, json!([])).await, json!([true, true]));
    }
    let commands = "return [...document.querySelectorAll('.tab pre')].map((pre) => pre.textContent)";
    let commands = browser.evaluate(commands, json!([])).await;
    let commands: Vec<&str> = commands.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(commands.len(), 7);
    assert!(
        !commands[0].contains("<your_client_secret>") && commands[0].contains("read -rs"),
        "{}",
        commands[0]
    );
    let file = format!("DUKU_CLIENT_ID={}\nDUKU_CLIENT_SECRET=<your_client_secret>", pair.client_id);
    assert_eq!(commands[3], file);
    for tab in ["actions", "gitlab", "env", "python", "javascript", "go"] {
        browser.click(&format!("[for=page-use-{tab}]")).await;
    }
    assert_eq!(browser.problems().await, Vec::<String>::new());

    let program = format!("<b>Deploy</b> {}", "x".repeat(200));
    let ctx = service::RequestContext { user_agent: Some(program.as_str().into()), ..fixture.ctx() };
    let credential = Credential { client_id: &pair.client_id, client_secret: &pair.client_secret };
    fixture.app.service.tokens().issue_for_client(&ctx, credential, "").await.unwrap();
    fixture.app.service.keys().flush_usage(&fixture.ctx()).await.unwrap();
    browser.goto(&page).await;
    browser.does_not_see("Waiting for first use").await;
    browser.sees("<b>Deploy</b> xxx").await;
    let title = browser.evaluate("return document.querySelector('td .cut').title", json!([])).await;
    assert!(title.as_str().unwrap().starts_with("<b>Deploy</b> xxx"), "{title}");
    assert_eq!(browser.problems().await, Vec::<String>::new());
    browser.click("Audit events").await;
    browser.is_at(&format!("/settings/audit?object={}", pair.client_id)).await;
    browser.sees("generated").await;
    browser.has_silent_console().await;
}

/// Whether a command of the page succeeds and what it says, with the secret typed or in the environment.
async fn run(command: &str, code: &str, pair: &Pair) -> (bool, String) {
    use tokio::io::AsyncWriteExt;
    let code = if command == "node" { format!("(async () => {{ {code}\n}})()") } else { code.to_owned() };
    // GitHub's runners end a step with the first command that fails.
    let flags: &[&str] = match command {
        "node" => &["--eval"],
        "bash" if code.contains("GITHUB_ENV") => &["-e", "-c"],
        _ => &["-c"],
    };
    let mut child = tokio::process::Command::new(command)
        .args(flags)
        .arg(&code)
        .env("DUKU_CLIENT_SECRET", &pair.client_secret)
        .env("CLIENT_ID", &pair.client_id)
        .env("CLIENT_SECRET", &pair.client_secret)
        .env("GITHUB_ENV", "/dev/stdout")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", pair.client_secret).as_bytes()).await.unwrap();
    let done = child.wait_with_output().await.unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_a_keys_page_work_as_they_stand_and_say_why_they_do_not() {
    let fixture = BrowserFixture::open().await;
    let former = generate(&fixture, "CI").await;
    let pair = fixture.app.rotate(&former, RotateKey::default()).await;
    let browser = fixture.entered(ADMIN, &format!("{LIST}/{}", pair.client_id), Options::default()).await;
    for (tab, command, answer) in [
        ("curl", "bash", "Shop"),
        ("actions", "bash", "DUKU_TOKEN=ey"),
        ("python", "python3", "Shop"),
        ("javascript", "node", "Shop"),
    ] {
        let code = "return document.getElementById(arguments[0]).textContent";
        let code = browser.evaluate(code, json!([format!("page-code-{tab}")])).await;
        let code = code.as_str().unwrap();
        let code = code.split_once("run: |\n").map_or(code, |(_, script)| script);
        let (succeeded, said) = run(command, code, &pair).await;
        assert!(succeeded && said.contains(answer), "{tab}: {said}");
        let (succeeded, said) = run(command, code, &former).await;
        assert!(!succeeded && said.contains("replaced by a rotation"), "{tab}: {said}");
        assert!(!said.contains("DUKU_TOKEN"), "{tab}: {said}");
    }
}
