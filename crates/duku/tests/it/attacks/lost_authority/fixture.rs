//! For each row an organisation of its own, with people, a key and whatever the row's request is about.
//!
//! They are made once for each engine; each way and moment gets a copy of the data, so that what one run ends is whole in
//! the next.

use super::{
    http::{BASE, Browser, PROTOCOL, Request, code_form},
    rows::{Before, Change, changes},
    snapshot::keep_order,
};
use crate::{app::App, people};
use domain::{Clock as _, Role, workload::Preset};
use duku::settings::{GivenSettings, Switch};
use futures::{StreamExt as _, stream};
use jose::assertion::AssertionAlgorithm;
use std::{collections::BTreeMap, sync::Arc};
use testkit::{Database, Engine, TestIssuer};

pub(super) const PASSWORD: &str = people::PASSWORD;
pub(super) const NEW_PASSWORD: &str = "another horse staple eleven";
const THIRD_PASSWORD: &str = "some third horse staple twelve";
const TEMPLATE: &str = "ada@example.org";
/// How far the clock moves while the fixture is made: a code of a second factor works once.
const STEP: i64 = 30;

/// One row with what its request needs.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) change: Change,
    pub(super) organisation: domain::Organisation,
    /// Whose authority is lost.
    pub(super) email: String,
    /// With the session that the request is sent from, and with another one.
    pub(super) browser: Browser,
    pub(super) other: Browser,
    /// The cookies that go with the request.
    pub(super) cookies: String,
    pub(super) values: BTreeMap<&'static str, String>,
    /// What its rows in the database can be known by.
    pub(super) marks: Vec<String>,
}

pub(super) struct Fixture {
    pub(super) data: Database,
    pub(super) organisation: domain::Organisation,
    pub(super) cases: Vec<Arc<Case>>,
}

pub(super) fn settings() -> GivenSettings {
    GivenSettings {
        rate_limit: Some(Switch::Off),
        public_url: Some(BASE.to_owned()),
        database_connections: Some(48),
        ..GivenSettings::default()
    }
}

impl Fixture {
    pub(super) async fn make(engine: Engine) -> Self {
        let app = App::start_with(engine, settings()).await;
        people::set_password(&app, TEMPLATE).await;
        let numbered = changes().into_iter().enumerate();
        let cases: Vec<Case> =
            stream::iter(numbered).then(|(number, change)| Case::found(&app, number, change)).collect().await;
        app.database
            .sql(&format!(
                "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = '{TEMPLATE}') \
                 WHERE password_hash IS NULL"
            ))
            .await;
        let cases: Vec<Case> = stream::iter(cases).map(|case| case.filled(&app)).buffered(4).collect().await;
        app.clock.advance_seconds(STEP);
        let cases: Vec<Case> =
            stream::iter(cases).map(|case| case.with_other_session(&app)).buffered(4).collect().await;
        app.clock.advance_seconds(STEP);
        let cases: Vec<Case> =
            stream::iter(cases).map(|case| case.prepared(&app)).buffered(4).collect().await;
        keep_order(&app.database, engine).await;
        let organisation = app.organisation.clone();
        Self { data: app.stop(), organisation, cases: cases.into_iter().map(Arc::new).collect() }
    }

    /// A server on a copy of the data, at the time at which the fixture was done.
    pub(super) async fn start(&self, seed: u64) -> App {
        let app = App::start_on(self.data.copy().await, settings(), seed, self.organisation.clone()).await;
        app.clock.advance_seconds(2 * STEP);
        app
    }
}

impl Case {
    /// The organisation and its people, who have no password yet.
    async fn found(app: &App, number: usize, change: Change) -> Self {
        let email = format!("victim-{number}@example.org");
        let (service, ctx) = (&app.service, app.ctx());
        let make = async |name: &str, admin: &str| {
            service
                .organisations()
                .create(&ctx, "test", &format!("{name} {number}"), admin, None)
                .await
                .unwrap()
        };
        let organisation = make("Organisation", &format!("owner-{number}@example.org")).await;
        let operator = service::Principal::operator("test", &organisation);
        service.users().add_member(&ctx, &operator, &email, Role::Admin).await.unwrap();
        let member = format!("member-{number}@example.org");
        let member = service.users().add_member(&ctx, &operator, &member, Role::Member).await.unwrap();
        let mut values = BTreeMap::from([
            ("number", number.to_string()),
            ("organisation", organisation.id.to_string()),
            ("user", member.id.to_string()),
            ("email", email.clone()),
            ("password", PASSWORD.to_owned()),
            ("new_password", NEW_PASSWORD.to_owned()),
            ("third_password", THIRD_PASSWORD.to_owned()),
        ]);
        let mut marks = vec![organisation.id.to_string()];
        match change.before {
            Before::Switched => {
                let side = make("Side", &email).await;
                values.insert("side", side.id.to_string());
                marks.push(side.id.to_string());
            }
            Before::InvitedUser => {
                marks.push(make("Side", &format!("guest-{number}@example.org")).await.id.to_string());
            }
            _ => {}
        }
        let people = ["victim", "owner", "member", "guest", "stranger", "invited"];
        let people: Vec<_> = people.iter().map(|who| format!("'{who}-{number}@example.org'")).collect();
        marks.extend(people.iter().map(|quoted| quoted.trim_matches('\'').to_owned()));
        let ids =
            app.database.sql(&format!("SELECT id FROM users WHERE email IN ({})", people.join(","))).await;
        marks.extend(ids.into_iter().flatten().flatten());
        let browser = Browser::new(app.address);
        let other = browser.clone();
        Self { change, organisation, email, browser, other, cookies: String::new(), values, marks }
    }

    pub(super) fn put(&mut self, name: &'static str, value: impl Into<String>) -> String {
        let value = value.into();
        self.marks.push(value.clone());
        self.values.insert(name, value.clone());
        value
    }

    /// Signed in once, with a token, a product, a target, keys and an invitation.
    async fn filled(mut self, app: &App) -> Self {
        self.browser.enter(&self.email, PASSWORD, None).await;
        let code = self.browser.authorize().await.parameter("code").unwrap();
        let token = redeem(app, &code).await["access_token"].as_str().unwrap().to_owned();
        self.marks.push(token_id(&token));
        self.values.insert("person_token", token.clone());
        let ask = async |query: String| {
            let request = Request::graphql(&query).with("authorization", format!("Bearer {token}"));
            let reply = request.send(app.address).await.json();
            assert!(reply.get("errors").is_none(), "{query}: {reply}");
            reply["data"].clone()
        };
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let made = ask("mutation { createSubject(input: { name: \"Shop\" }) { id } \
             a: generateApiKey(input: { label: \"CI\" }) { clientId clientSecret } \
             b: generateApiKey(input: { label: \"Grace\" }) { clientId } }"
            .to_owned())
        .await;
        let subject = self.put("subject", text(&made["createSubject"]["id"]));
        let key = self.put("key", text(&made["a"]["clientId"]));
        self.values.insert("client_secret", text(&made["a"]["clientSecret"]));
        let grace_key = self.put("grace_key", text(&made["b"]["clientId"]));
        let made = ask(format!(
            "mutation {{ rotateApiKey(input: {{ id: \"{grace_key}\", graceSeconds: 3600 }}) {{ clientId }} \
             upsertSimulationTarget(input: {{ subjectId: \"{subject}\", buildKey: \"b\", name: \"n\", \
             version: \"1\", environment: \"e\" }}) {{ id }} }}"
        ))
        .await;
        self.put("target", text(&made["upsertSimulationTarget"]["id"]));
        let pair = [
            ("grant_type", "client_credentials"),
            ("client_id", &key),
            ("client_secret", &self.values["client_secret"]),
        ];
        let reply = Request::form(format!("{PROTOCOL}/token"), &pair).send(app.address).await;
        let token = text(&reply.json()["access_token"]);
        self.marks.push(token_id(&token));
        self.values.insert("key_token", token);
        self.wait_for_a_workload(app, &ask).await;
        if matches!(self.change.before, Before::Enrolled | Before::PasswordGiven) {
            let secret = self.begin_second_factor().await;
            let code = secret.code_at(app.clock.now());
            let codes = self.browser.post("/account/second-factor", &[("code", &code)]).await;
            assert_eq!(codes.status, 200, "{}", codes.text);
            self.values.insert("totp", secret.base32().to_string());
        }
        self
    }

    /// A key that waits for its first run, and a run that asked.
    async fn wait_for_a_workload(&mut self, app: &App, ask: &impl AsyncFn(String) -> serde_json::Value) {
        let issuer =
            TestIssuer::new("https://token.actions.githubusercontent.com", AssertionAlgorithm::Es256);
        let jwks = issuer.jwks().to_string();
        let jwks_text = serde_json::Value::String(jwks.clone()).to_string();
        let made = ask(format!(
            "mutation {{ generateSecretlessApiKey(input: {{ label: \"Waiting\", \
             workloadIdentity: {{ preset: GITHUB_ACTIONS, keySet: {jwks_text} }} }}) {{ clientId }} }}"
        ))
        .await;
        let waiting = made["generateSecretlessApiKey"]["clientId"].as_str().unwrap().to_owned();
        let waiting = self.put("waiting", waiting);
        let audience = &app.service.policy().issuer;
        let token = issuer.token(Preset::GitHubActions, audience, app.clock.now(), &serde_json::json!({}));
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("client_id", waiting.as_str()),
            ("assertion", token.as_str()),
        ];
        let reply = Request::form(format!("{PROTOCOL}/token"), &form).send(app.address).await;
        assert!(reply.text.contains("waits for its first run"), "{}", reply.text);
        let attempts = ask(format!("{{ apiKeyAttempts(id: \"{waiting}\") {{ id }} }}")).await;
        self.put("attempt", attempts["apiKeyAttempts"][0]["id"].as_str().unwrap().to_owned());
        self.values.insert("jwks", jwks);
        self.values.insert("jwks_text", jwks_text);
        self.values.insert("method", "workload".to_owned());
    }

    pub(super) async fn begin_second_factor(&mut self) -> jose::TotpSecret {
        let page = self.browser.get("/account/second-factor").await;
        secret_of(&page.element("secret"))
    }

    pub(super) fn code(&self, app: &App) -> Option<String> {
        Some(secret_of(self.values.get("totp")?).code_at(app.clock.now()))
    }

    async fn with_other_session(mut self, app: &App) -> Self {
        let code = self.code(app);
        self.other.enter(&self.email, PASSWORD, code.as_deref()).await;
        let account = self.browser.get("/account").await;
        let others = account.text.split("action=\"/account/sessions/").skip(1);
        let mut others =
            others.filter(|after| !after.split("</form>").next().unwrap().contains("this browser"));
        let session = others.find_map(|after| after.split_once("/end\"")).map(|(id, _)| id.to_owned());
        if let Some(session) = session.filter(|id| !id.contains('"') && id != "end-others") {
            self.put("session", session);
        }
        let rotate = self.other.get(&format!("/settings/api-keys/{}/rotate", self.values["key"])).await;
        if let Some((_, nonce)) = rotate.hidden_fields().into_iter().find(|(name, _)| name == "nonce") {
            self.values.insert("nonce", nonce);
        }
        self
    }
}

async fn redeem(app: &App, code: &str) -> serde_json::Value {
    let form = code_form(code);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
    Request::form(format!("{PROTOCOL}/token"), &form).send(app.address).await.json()
}

/// The token's `jti`.
fn token_id(token: &str) -> String {
    let payload = jose::base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

fn secret_of(base32: &str) -> jose::TotpSecret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = base32.chars().filter_map(|letter| alphabet.find(letter));
    let bits: Vec<usize> = letters.flat_map(|value| (0..5).rev().map(move |bit| value >> bit & 1)).collect();
    let bytes: Vec<u8> = bits
        .chunks_exact(8)
        .map(|byte| u8::try_from(byte.iter().fold(0, |all, bit| all << 1 | bit)).unwrap())
        .collect();
    jose::TotpSecret::from_bytes(&bytes).unwrap()
}
