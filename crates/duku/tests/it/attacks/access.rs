//! Who may call which route: one row for each, and a route without a row fails.

use crate::{
    app::App,
    people::{cookie_of, set_password},
};
use domain::Role;
use reqwest::StatusCode;
use std::{collections::BTreeSet, fs, path::Path};
use testkit::{Answer, Engine};
use viewport::{Access, RouteRule};

const ADMIN: &str = "ada@example.org";
const MEMBER: &str = "max@example.org";
const LONER: &str = "lee@example.org";

/// Someone who asks.
struct Caller<'a> {
    app: &'a App,
    email: Option<&'static str>,
}

impl Caller<'_> {
    /// Each call has a session of its own, because some routes end it.
    async fn call(&self, rule: RouteRule, path: &str) -> Answer {
        let url = format!("{}{path}", self.app.api.url);
        let client = self.app.api.client();
        let mut request = match rule.method {
            "GET" => client.get(url),
            "POST" => client.post(url).header("content-type", "application/x-www-form-urlencoded"),
            other => panic!("a route by {other}"),
        };
        if let Some(email) = self.email {
            request = request.header("cookie", cookie_of(self.app, email).await);
        }
        Answer::of(request).await
    }
}

/// What became of a call, as far as access goes.
#[derive(Debug, PartialEq, Eq)]
enum Answered {
    /// A way to the sign-in, and back.
    SignIn,
    /// 403 because no organisation has the person.
    NoOrganisation,
    /// 403 because of the role.
    AdminsOnly,
    Open,
}

fn answered(answer: &Answer) -> Answered {
    match answer.status {
        StatusCode::SEE_OTHER if answer.header("location").starts_with("/login?next=") => Answered::SignIn,
        StatusCode::FORBIDDEN if answer.text.contains("belong to no organisation") => {
            Answered::NoOrganisation
        }
        StatusCode::FORBIDDEN if answer.text.contains("Only Admins can") => Answered::AdminsOnly,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => panic!("{}: {}", answer.status, answer.text),
        status => {
            assert!(!status.is_server_error(), "{status}: {}", answer.text);
            Answered::Open
        }
    }
}

/// What strangers, people without an organisation, Members and Admins find.
fn expected(access: Access) -> [Answered; 4] {
    match access {
        Access::Anyone => [Answered::Open, Answered::Open, Answered::Open, Answered::Open],
        Access::User => [Answered::SignIn, Answered::Open, Answered::Open, Answered::Open],
        Access::Member => [Answered::SignIn, Answered::NoOrganisation, Answered::Open, Answered::Open],
        Access::Admin => [Answered::SignIn, Answered::NoOrganisation, Answered::AdminsOnly, Answered::Open],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_of_viewport_opens_for_whom_its_row_says() {
    let app = App::start_with(
        Engine::Sqlite,
        duku::settings::GivenSettings { rate_limit: Some(duku::settings::Switch::Off), ..Default::default() },
    )
    .await;
    let operator = app.operator();
    for email in [MEMBER, LONER] {
        app.service.users().add_member(&app.ctx(), &operator, email, Role::Member).await.unwrap();
    }
    app.service.users().remove_member(&app.ctx(), &operator, LONER).await.unwrap();
    let subject = app
        .service
        .products()
        .create_subject(&app.ctx(), &operator, "Shop", None, None)
        .await
        .unwrap()
        .id
        .to_string();
    let key = app.generate("CI", None).await.client_id;
    let mut callers = vec![Caller { app: &app, email: None }];
    for email in [LONER, MEMBER, ADMIN] {
        set_password(&app, email).await;
        callers.push(Caller { app: &app, email: Some(email) });
    }
    let rules = viewport::routes();
    assert!(rules.len() > 20, "only {} routes", rules.len());
    for rule in rules {
        let path = rule.path.replace("{id}", &key).replace("{subject}", &subject);
        let path = path.split('/').map(|part| if part.starts_with('{') { "unknown" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        for (caller, expected) in callers.iter().zip(expected(rule.access)) {
            let answer = caller.call(rule, &path).await;
            let who = caller.email.unwrap_or("a stranger");
            assert_eq!(answered(&answer), expected, "{} {path} as {who}: {}", rule.method, answer.status);
        }
    }
}

/// The routes of the other crates, and who may call them. `client` proves itself by a secret, a code or a token.
const OTHERS: [(&str, &str); 25] = [
    ("auth", "/.well-known/oauth-authorization-server{realm} anyone"),
    ("auth", "{protocol}/auth anyone"),
    ("auth", "{protocol}/auth/device anyone"),
    ("auth", "{protocol}/auth/passkey anyone"),
    ("auth", "{protocol}/certs anyone"),
    ("auth", "{protocol}/logout anyone"),
    ("auth", "{protocol}/revoke client"),
    ("auth", "{protocol}/token client"),
    ("auth", "{protocol}/token/introspect client"),
    ("auth", "{protocol}/userinfo client"),
    ("auth", "{realm} anyone"),
    ("auth", "{realm}/.well-known/openid-configuration anyone"),
    ("auth", "{realm}/openapi.json anyone"),
    ("platform", "/graphql client"),
    ("platform", "http::metadata::PATH anyone"),
    ("duku", "/healthz anyone"),
    ("duku", "/readyz anyone"),
    ("duku", "/metrics anyone"),
    ("docs", "/docs anyone"),
    ("docs", "/docs/ anyone"),
    ("docs", "/docs/{*path} anyone"),
    ("docs", "/docs/mcp anyone"),
    ("docs", "/llms.txt anyone"),
    ("docs", "/llms-full.txt anyone"),
    ("pages", "/assets/{name} anyone"),
];

#[test]
fn every_other_route_has_a_row() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in ["auth", "platform", "duku", "docs", "pages", "web", "service"] {
        let mut found = BTreeSet::new();
        routes_in(&crates.join(name).join("src"), &mut found);
        let rows = OTHERS.iter().filter(|(known, _)| *known == name);
        let rows: BTreeSet<String> = rows.map(|(_, row)| row.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(found, rows, "{name}");
    }
}

/// The path behind each `.route(` in the product's own code.
fn routes_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            routes_in(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let product = source.split("#[cfg(test)]").next().unwrap();
        for call in product.split(".route(").skip(1) {
            let argument = call.trim_start().trim_start_matches("&format!(").trim_start_matches('&');
            let route = match argument.strip_prefix('"') {
                Some(text) => text.split('"').next().unwrap().to_owned(),
                None => argument.split([',', ')']).next().unwrap().trim().to_owned(),
            };
            found.insert(if route == "realm" { "{realm}".to_owned() } else { route });
        }
    }
}
