//! What holds on every page, whoever looks at it: one table, and a page without a row in it fails.

use super::fixture::{ADMIN, BrowserFixture, MEMBER};
use crate::browser::{Browser, Options};
use domain::{Role, product::UncheckedTarget, workload::Preset};
use jose::assertion::AssertionAlgorithm;
use serde_json::{Value, json};
use service::{
    keys::{
        GenerateKey, RotateKey,
        identities::{GenerateSecretlessKey, NewIdentity, NewWorkload},
    },
    tokens::{
        assertion::PresentedAssertion,
        client_authentication::{ClientProof, Credential},
    },
};
use std::collections::BTreeSet;
use testkit::TestIssuer;

/// Every page of Viewport: its route, and the address at which a test looks at it. No address: no page of its own, but a
/// part of one or a file.
const PAGES: [(&str, &str); 60] = [
    ("/login", "/login"),
    ("/login/callback", "/login/callback?state=unknown"),
    ("/logout", "/logout"),
    ("/signed-out", "/signed-out"),
    ("/setup", "/setup"),
    ("/setup/{code}", "/setup/unknown"),
    ("/invite/{code}", "/invite/{code}"),
    ("/forgot", "/forgot"),
    ("/reset/{code}", "/reset/{reset}"),
    ("/account", "/account"),
    ("/account/password", "/account/password"),
    ("/account/second-factor", "/account/second-factor"),
    ("/account/second-factor/remove", "/account/second-factor/remove"),
    ("/device", "/device?user_code={device}"),
    ("/explorer", "/explorer"),
    ("/", "/"),
    ("/p/new", "/p/new"),
    ("/p/{subject}", "/p/{subject}"),
    ("/p/{subject}/edit", "/p/{subject}/edit"),
    ("/p/{subject}/delete", "/p/{subject}/delete"),
    ("/p/{subject}/t/new", "/p/{subject}/t/new"),
    ("/p/{subject}/t/{target}", "/p/{subject}/t/{target}"),
    ("/p/{subject}/t/{target}/exploration", "/p/{subject}/t/{target}/exploration"),
    ("/p/{subject}/t/{target}/edit", "/p/{subject}/t/{target}/edit"),
    ("/p/{subject}/t/{target}/delete", "/p/{subject}/t/{target}/delete"),
    ("/settings/members", "/settings/members"),
    ("/settings/members/invite", "/settings/members/invite"),
    ("/settings/members/{user}/role", "/settings/members/{user}/role"),
    ("/settings/members/{user}/remove", "/settings/members/{user}/remove"),
    ("/settings/members/invitations/{id}/revoke", "/settings/members/invitations/{invitation}/revoke"),
    ("/settings/organisation", "/settings/organisation"),
    ("/settings/audit", "/settings/audit?check=1"),
    ("/settings/audit/export", ""),
    ("/settings/api-keys", "/settings/api-keys"),
    ("/settings/api-keys/generate", "/settings/api-keys/generate"),
    ("/settings/api-keys/{id}", "/settings/api-keys/{key}"),
    ("/settings/api-keys/{id}/first-use", ""),
    ("/settings/api-keys/{id}/rename", "/settings/api-keys/{key}/rename"),
    ("/settings/api-keys/{id}/rotate", "/settings/api-keys/{key}/rotate"),
    ("/settings/api-keys/{id}/end-grace", "/settings/api-keys/{key}/end-grace"),
    ("/settings/api-keys/generate/{method}", "/settings/api-keys/generate/workload"),
    ("/settings/api-keys/{id}/authentication", "/settings/api-keys/{waiting}/authentication"),
    ("/settings/api-keys/{id}/replace", "/settings/api-keys/{key}/replace"),
    ("/settings/api-keys/{id}/renew", "/settings/api-keys/{waiting}/renew"),
    ("/settings/api-keys/{id}/check", "/settings/api-keys/{waiting}/check"),
    ("/settings/api-keys/{id}/attempts", ""),
    (
        "/settings/api-keys/{id}/attempts/{attempt}/allow",
        "/settings/api-keys/{waiting}/attempts/{attempt}/allow",
    ),
    ("/settings/api-keys/{id}/revoke", "/settings/api-keys/{key}/revoke"),
    // The same routes in other states.
    ("/settings/api-keys/generate/{method}", "/settings/api-keys/generate/workload?preset=github_actions"),
    ("/settings/api-keys/generate/{method}", "/settings/api-keys/generate/workload?preset=kubernetes"),
    ("/settings/api-keys/generate/{method}", "/settings/api-keys/generate/workload?preset=buildkite"),
    ("/settings/api-keys/generate/{method}", "/settings/api-keys/generate/public-keys"),
    ("/settings/api-keys/{id}", "/settings/api-keys/{waiting}"),
    ("/settings/audit", "/settings/audit?actor=nobody"),
    ("/device", "/device"),
    ("/invite/{code}", "/invite/unknown"),
    ("/", "/?done=product-deleted"),
    ("/forgot", "/forgot?email=ada@example.org"),
    ("/p/{subject}", "/p/unknown"),
    ("/login", "/nowhere"),
];

/// Pages that need a host with a name; the browser tests of passkeys look at them.
const PASSKEY_PAGES: [&str; 2] = ["/account/passkeys/add", "/account/passkeys/{id}/remove"];

/// An organisation with something of everything.
struct FilledOrganisation {
    fixture: BrowserFixture,
    names: Vec<(&'static str, String)>,
}

/// A key that waits for its first run, and the run that asked.
pub(crate) async fn waiting_key(fixture: &BrowserFixture) -> (String, String) {
    let (service, operator, ctx) = (&fixture.app.service, fixture.operator(), fixture.ctx());
    let issuer = TestIssuer::new("https://token.actions.githubusercontent.com", AssertionAlgorithm::Es256);
    let identity = NewIdentity::Workload(NewWorkload {
        preset: Preset::GitHubActions,
        issuer: None,
        audience: None,
        key_set: Some(issuer.jwks().to_string()),
        conditions: None,
    });
    let new = GenerateSecretlessKey { label: "Deployments".into(), expires_in_days: Some(90), identity };
    let key = service.keys().generate_without_secret(&ctx, &operator, new).await.unwrap().id.to_string();
    let token = issuer.token(Preset::GitHubActions, &service.policy().issuer, ctx.now, &json!({}));
    let presented = PresentedAssertion { client_id: Some(&key), token: &token, is_client_assertion: true };
    let proof = ClientProof::Assertion(presented);
    service.tokens().issue_for_client(&ctx, proof, "").await.unwrap_err();
    let attempts = service.keys().attempts(&operator, &key).await.unwrap();
    (key, attempts[0].id.clone())
}

impl FilledOrganisation {
    async fn open() -> Self {
        let fixture = BrowserFixture::open().await;
        let (service, operator, ctx) = (&fixture.app.service, fixture.operator(), fixture.ctx());
        let subject = fixture.shop().await;
        let target = UncheckedTarget {
            build_key: "main".into(),
            name: "Production".into(),
            version: "2026.11.3".into(),
            environment: "production".into(),
            build_number: Some(4711),
            build_url: Some("https://ci.example/builds/4711".into()),
            metadata: Some(json!({ "commit": "0d1f0a6c8e57", "flags": { "beta": true } })),
            description: Some("What customers see.".into()),
        };
        let target = service.products().upsert_target(&ctx, &operator, &subject, target).await.unwrap();
        let input = GenerateKey { label: "GitHub Actions".into(), expires_in_days: Some(10) };
        let made = service.keys().generate(&ctx, &operator, &input).await.unwrap();
        let key = made.key.id.to_string();
        let credential = Credential { client_id: &key, client_secret: made.secret.expose() };
        service.tokens().issue_for_client(&ctx, credential, "").await.unwrap();
        service.keys().flush_usage(&ctx).await.unwrap();
        let grace = RotateKey { grace_seconds: 86_400, end_issued_tokens: false };
        service.keys().rotate(&ctx, &operator, &key, grace).await.unwrap();
        let (waiting, attempt) = waiting_key(&fixture).await;
        let invited =
            service.users().invite(&ctx, &operator, "grace@example.org", Role::Admin).await.unwrap();
        let reset = service.users().make_reset_link(&ctx, "test", "grace@example.org").await;
        assert!(reset.is_err(), "nobody is known by an invitation");
        let reset = service.users().make_reset_link(&ctx, "test", MEMBER).await.unwrap();
        let device =
            service.users().start_device(&ctx, "duku-cli", "", "duku/0.1 on ada-laptop").await.unwrap();
        let last = |link: &str| link.rsplit('/').next().unwrap().to_owned();
        let names = vec![
            ("{subject}", subject),
            ("{waiting}", waiting),
            ("{attempt}", attempt),
            ("{target}", target.id.to_string()),
            ("{key}", key),
            ("{invitation}", invited.invitation.id.to_string()),
            ("{code}", last(&invited.link)),
            ("{reset}", last(&reset)),
            ("{device}", device.user_code),
            ("{user}", fixture.member(MEMBER).await),
        ];
        Self { fixture, names }
    }

    /// The addresses of the pages whose route is chosen.
    fn pages(&self, chosen: impl Fn(&str) -> bool) -> Vec<String> {
        let pages = PAGES.iter().filter(|(route, address)| !address.is_empty() && chosen(route));
        let filled = pages.map(|(_, address)| {
            self.names.iter().fold((*address).to_owned(), |text, (name, value)| text.replace(name, value))
        });
        filled.collect()
    }

    /// Looks at the pages as somebody, and at every dialog that they open.
    async fn walk(&self, email: Option<&str>, chosen: impl Fn(&str) -> bool) {
        let browser = self.fixture.browser(Options::default()).await;
        if let Some(email) = email {
            self.fixture.enter(&browser, email).await;
        }
        let (mut opened, mut problems) = (BTreeSet::new(), Vec::new());
        let pages = self.pages(chosen);
        assert!(!pages.is_empty());
        for page in pages {
            browser.goto(&page).await;
            let mut found = browser.problems().await;
            dialogs(&browser, &mut opened, &mut found).await;
            found.extend(browser.console_errors().await);
            problems.extend(found.into_iter().map(|problem| format!("{page}: {problem}")));
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

/// Opens each dialog of the page of which there was none yet.
async fn dialogs(browser: &Browser, opened: &mut BTreeSet<String>, problems: &mut Vec<String>) {
    let links = "return [...document.querySelectorAll('main a[data-dialog]')]
        .filter((link) => link.checkVisibility()).map((link) => link.getAttribute('href'))";
    let Value::Array(links) = browser.evaluate(links, json!([])).await else { panic!("no list") };
    for link in links {
        let link = link.as_str().unwrap().to_owned();
        let kind: Vec<&str> =
            link.split('/').map(|part| if part.contains('_') { "…" } else { part }).collect();
        if !opened.insert(kind.join("/")) {
            continue;
        }
        browser.click(&format!("[data-dialog][href='{link}']")).await;
        browser.text("#dialog[open] h1").await;
        let found = problems_of_dialog(browser).await;
        problems.extend(found.into_iter().map(|problem| format!("the dialog {link}: {problem}")));
        browser.press("Escape").await;
        let back = "return document.activeElement.getAttribute('href')";
        let is_back = async || browser.evaluate(back, json!([])).await == json!(link);
        if !browser.comes_true(is_back).await {
            problems.push(format!("after the dialog {link} the focus is on {}", browser.focused().await));
        }
    }
}

/// Its form stands on a page of its own, too, and is looked at there in both schemes.
async fn problems_of_dialog(browser: &Browser) -> Vec<String> {
    let mut problems = browser.axe_violations().await;
    problems.extend(browser.layout_faults().await);
    browser.emulate(390, 844, true).await;
    problems.extend(browser.sticking_out().await);
    problems.extend(browser.layout_faults().await);
    browser.emulate(1280, 900, false).await;
    let inside = "const dialog = document.querySelector('#dialog');
        return dialog.contains(document.activeElement) && !!document.getElementById(dialog.getAttribute('aria-labelledby'))";
    if browser.evaluate(inside, json!([])).await != json!(true) {
        problems.push("it has no name, or the focus is not in it".to_owned());
    }
    // A label finds its field by an id, on the page first.
    let twice = "const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
        return ids.filter((id, at) => ids.indexOf(id) !== at).join(' ')";
    let twice = browser.evaluate(twice, json!([])).await;
    if twice != json!("") {
        problems.push(format!("ids that are there twice: {twice}"));
    }
    problems
}

#[test]
fn every_page_of_viewport_has_a_row() {
    let rules = viewport::routes();
    let served: BTreeSet<&str> =
        rules.iter().filter(|rule| rule.method == "GET").map(|rule| rule.path).collect();
    let mut rows: BTreeSet<&str> = PAGES.iter().map(|(route, _)| *route).collect();
    if cfg!(feature = "passkeys") {
        rows.extend(PASSKEY_PAGES);
    }
    assert_eq!(rows, served);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_pages_are_sound() {
    let is_for_strangers = |route: &str| {
        let rule = viewport::routes().into_iter().find(|rule| rule.method == "GET" && rule.path == route);
        rule.unwrap().access == viewport::Access::Anyone
    };
    FilledOrganisation::open().await.walk(None, is_for_strangers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_products_are_sound() {
    let products = |route: &str| route == "/" || route.starts_with("/p/") && !route.contains("/t/");
    FilledOrganisation::open().await.walk(Some(MEMBER), products).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_targets_are_sound() {
    FilledOrganisation::open().await.walk(Some(MEMBER), |route| route.contains("/t/")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_an_account_are_sound() {
    let own =
        |route: &str| route.starts_with("/account") || ["/device", "/explorer", "/logout"].contains(&route);
    FilledOrganisation::open().await.walk(Some(ADMIN), own).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_api_keys_are_sound() {
    FilledOrganisation::open().await.walk(Some(ADMIN), |route| route.starts_with("/settings/api-keys")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_members_are_sound() {
    FilledOrganisation::open().await.walk(Some(ADMIN), |route| route.starts_with("/settings/members")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_the_organisation_are_sound() {
    let others = |route: &str| route == "/settings/organisation" || route == "/settings/audit";
    FilledOrganisation::open().await.walk(Some(ADMIN), others).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_member_sees_of_settings_is_sound() {
    let lists = ["/settings/members", "/settings/organisation", "/settings/audit", "/settings/api-keys"];
    FilledOrganisation::open().await.walk(Some(MEMBER), |route| lists.contains(&route)).await;
}

/// The limit for a page's own bytes, besides the files that browsers keep.
const PAGE_BYTES: usize = 50 * 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_small_and_has_its_title_for_everybody() {
    let filled = FilledOrganisation::open().await;
    fill(&filled.fixture).await;
    let mut sizes = Vec::new();
    for email in [None, Some(MEMBER), Some(ADMIN)] {
        let cookie = match email {
            Some(email) => filled.fixture.cookie(email).await,
            None => String::new(),
        };
        for page in filled.pages(|_| true) {
            let answer = filled.fixture.get(&cookie, &page).await;
            if answer.status.is_redirection() {
                assert!(answer.text.is_empty());
                continue;
            }
            let (text, status) = (&answer.text, answer.status);
            assert!(!status.is_server_error(), "{page}: {status}");
            assert_eq!(text.matches("<h1").count(), 1, "{page} for {email:?}: {status}");
            assert!(text.contains(" · Duku</title>"), "{page} for {email:?}");
            sizes.push((text.len(), page));
        }
    }
    sizes.sort_unstable();
    let largest: Vec<_> = sizes.iter().rev().take(6).collect();
    println!("the largest pages: {largest:?}");
    assert!(largest[0].0 < PAGE_BYTES, "too large: {largest:?}");
}

/// As many keys as there may be, 50 members, 1,000 products.
async fn fill(fixture: &BrowserFixture) {
    let (service, operator, ctx) = (&fixture.app.service, fixture.operator(), fixture.ctx());
    // Two are there already.
    for number in 1..9 {
        let label = format!("Deploy preview environments to the European cluster {number:02}");
        let input = GenerateKey { label, expires_in_days: Some(number) };
        service.keys().generate(&ctx, &operator, &input).await.unwrap();
    }
    for number in 0..48 {
        let email = format!("somebody.with.a.name.{number:02}@department.example.org");
        service.users().add_member(&ctx, &operator, &email, Role::Member).await.unwrap();
    }
    let mut products = tokio::task::JoinSet::new();
    for number in 1..1000 {
        let (service, operator, ctx) = (service.clone(), operator.clone(), ctx.clone());
        products.spawn(async move {
            let name = format!("Product number {number:04} of the whole company");
            let url = Some("https://a-product-with-a-name.example.org/start");
            service
                .products()
                .create_subject(&ctx, &operator, &name, Some("The web shop."), url)
                .await
                .unwrap();
        });
    }
    products.join_all().await;
    let subject = fixture.shop().await;
    for number in 0..60 {
        let target = UncheckedTarget {
            build_key: format!("pull-request-{number}"),
            name: format!("Preview of pull request {number}"),
            version: "2026.11.3-0d1f0a6c8e57".into(),
            environment: "preview".into(),
            build_number: Some(number),
            build_url: Some(format!("https://ci.example/acme/shop/builds/{number}")),
            metadata: None,
            description: None,
        };
        service.products().upsert_target(&ctx, &operator, &subject, target).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_reaches_everything_and_shows_where_it_is() {
    let filled = FilledOrganisation::open().await;
    let browser = filled.fixture.entered(ADMIN, "/", Options::default()).await;
    for page in ["/settings/api-keys", "/settings/members", "/account", "/settings/organisation"] {
        browser.goto(page).await;
        let wanted = "const open = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]';
            return [...document.querySelectorAll(open)].filter((e) => e.checkVisibility({ visibilityProperty: true })
                && !e.disabled && e.tabIndex >= 0).length";
        let wanted = browser.evaluate(wanted, json!([])).await.as_u64().unwrap();
        assert!(wanted > 10, "{page}: {wanted}");
        let here = "const e = document.activeElement;
            if (e === document.body || e.dataset.reached) return null;
            e.dataset.reached = '1';
            const style = getComputedStyle(e);
            const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
            const box = e.getBoundingClientRect();
            return { ring, seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight, what: e.outerHTML.slice(0, 200) }";
        let mut reached = 0;
        for _ in 0..=wanted {
            browser.press("Tab").await;
            let at = browser.evaluate(here, json!([])).await;
            if at.is_null() {
                break;
            }
            assert!(at["ring"] == true && at["seen"] == true, "{page}: {at}");
            reached += 1;
        }
        assert_eq!(reached, wanted, "{page}: Tab does not reach everything");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn motion_is_short_and_there_is_none_for_who_wants_none() {
    let filled = FilledOrganisation::open().await;
    let browser = filled.fixture.entered(ADMIN, "/settings/members", Options::default()).await;
    browser.click("Invite").await;
    browser.text("#dialog[open] h1").await;
    let longest = "const seconds = (text) => Math.max(...text.split(',').map((t) => parseFloat(t) * (t.includes('ms') ? 1 : 1000)));
        return Math.max(...[...document.querySelectorAll('*')].flatMap((e) => ['', '::before', '::after', '::backdrop'].map((part) => {
            const style = getComputedStyle(e, part || undefined);
            return Math.max(seconds(style.transitionDuration), style.animationName === 'none' ? 0 : seconds(style.animationDuration));
        })))";
    let still = browser.evaluate(longest, json!([])).await.as_f64().unwrap();
    assert!(still < 1.0, "{still} ms of motion for who wants none");
    let moving = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "no-preference" }] });
    browser.devtools("Emulation.setEmulatedMedia", moving).await;
    let moving = browser.evaluate(longest, json!([])).await.as_f64().unwrap();
    assert!(moving > 1.0 && moving < 151.0, "{moving} ms of motion");
}
