//! Two organisations with their people and keys, and requests in their names.

use axum::{Router, body::Body};
use domain::{Clock, Role, workload::Preset};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use jose::assertion::AssertionAlgorithm;
use platform::{Platform, Settings};
use serde_json::{Value, json};
use service::{
    Policy, Principal, RequestContext, Service,
    keys::{
        GenerateKey,
        identities::{GenerateSecretlessKey, NewIdentity, NewWorkload},
    },
    tokens::{
        assertion::PresentedAssertion,
        client_authentication::{ClientProof, Credential},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use testkit::{Database, Engine, SeededEntropy, TestClock, TestIssuer};
use tower::ServiceExt;
use web::RequestHead;

pub(crate) const ISSUER: &str = "https://auth.example/realms/duku";
pub(crate) const AUDIENCE: &str = "https://platform.example/graphql";
pub(crate) const METADATA: &str = "https://platform.example/.well-known/oauth-protected-resource/graphql";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actor {
    /// An Admin of Acme.
    Admin,
    /// A Member of Acme.
    Member,
    /// An API key of Acme.
    Key,
    /// The same key with a token for `platform:read`.
    Reader,
    /// An Admin of another organisation.
    Outsider,
}

/// The pair of a generated key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) struct Harness {
    pub(crate) service: Service,
    pub(crate) database: Database,
    pub(crate) clock: TestClock,
    pub(crate) acme: Principal,
    pub(crate) pair: Pair,
    router: Router,
    requests: AtomicU64,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default(), |_| {}).await
    }

    /// A world with its own limits and rules.
    pub(crate) async fn with(settings: Settings, rules: impl FnOnce(&mut Policy)) -> Self {
        let database = Database::fresh(Engine::Sqlite).await;
        let clock = TestClock::new();
        let entropy = Arc::new(SeededEntropy::new(7));
        let master_key = jose::MasterKey::generate(&*entropy);
        let mut policy = Policy::new(ISSUER, AUDIENCE);
        rules(&mut policy);
        let ctx = RequestContext::background(clock.now(), "test");
        let store = database.store().await;
        let service = Service::open(store, master_key, policy, entropy, &ctx).await.unwrap();
        let acme =
            service.organisations().create(&ctx, "root", "Acme", "ada@acme.example", None).await.unwrap();
        let other =
            service.organisations().create(&ctx, "root", "Other", "eve@other.example", None).await.unwrap();
        let acme = Principal::operator("root", &acme);
        service.users().add_member(&ctx, &acme, "max@acme.example", Role::Member).await.unwrap();
        let wanted = GenerateKey { label: "CI".into(), expires_in_days: None };
        let generated = service.keys().generate(&ctx, &acme, &wanted).await.unwrap();
        let pair =
            Pair { id: generated.key.id.as_str().into(), secret: generated.secret.expose().to_owned() };
        drop(other);
        let settings = Settings { resource_metadata_url: METADATA.to_owned(), ..settings };
        let router = Platform::new(service.clone(), settings).router();
        Self { service, database, clock, acme, pair, router, requests: AtomicU64::new(0) }
    }

    pub(crate) fn ctx(&self) -> RequestContext {
        RequestContext::background(self.clock.now(), "test")
    }

    /// A fresh access token of an actor.
    pub(crate) async fn token(&self, actor: Actor) -> String {
        let email = match actor {
            Actor::Admin => "ada@acme.example",
            Actor::Member => "max@acme.example",
            Actor::Outsider => "eve@other.example",
            Actor::Key => return self.issue_token(&self.pair, "").await,
            Actor::Reader => return self.issue_token(&self.pair, "openid platform:read").await,
        };
        self.service.tokens().issue_for_user(&self.ctx(), "root", email, None).await.unwrap()
    }

    /// Exchanges a pair that must be good.
    pub(crate) async fn issue_token(&self, pair: &Pair, scope: &str) -> String {
        self.exchange(pair, scope).await.expect("the pair is good")
    }

    /// Exchanges a pair; none if it is rejected.
    pub(crate) async fn exchange(&self, pair: &Pair, scope: &str) -> Option<String> {
        let ctx = RequestContext { address: Some([192, 0, 2, 7].into()), ..self.ctx() };
        let credential = Credential { client_id: &pair.id, client_secret: &pair.secret };
        Some(self.service.tokens().issue_for_client(&ctx, credential, scope).await.ok()?.access_token)
    }

    /// A key that waits for its first run, the run that asked, and its issuer's keys.
    pub(crate) async fn waiting_key(&self) -> (String, String, String) {
        let issuer =
            TestIssuer::new("https://token.actions.githubusercontent.com", AssertionAlgorithm::Es256);
        let jwks = issuer.jwks().to_string();
        let identity = NewIdentity::Workload(NewWorkload {
            preset: Preset::GitHubActions,
            issuer: None,
            audience: None,
            key_set: Some(jwks.clone()),
            conditions: None,
        });
        let (keys, acme) = (self.service.keys(), &self.acme);
        let new = GenerateSecretlessKey { label: "Waiting".into(), expires_in_days: None, identity };
        let id = keys.generate_without_secret(&self.ctx(), acme, new).await.unwrap().id.to_string();
        let token = issuer.token(Preset::GitHubActions, ISSUER, self.clock.now(), &json!({}));
        let presented = PresentedAssertion { client_id: Some(&id), token: &token, is_client_assertion: true };
        let proof = ClientProof::Assertion(presented);
        self.service.tokens().issue_for_client(&self.ctx(), proof, "").await.unwrap_err();
        let attempt = keys.attempts(acme, &id).await.unwrap().remove(0).id;
        (id, attempt, jwks)
    }

    /// Posts a body with a token; the answer is not read yet.
    pub(crate) async fn respond(&self, token: &str, body: String) -> http::Response<Body> {
        self.route(post(token).body(body.into()).unwrap()).await
    }

    /// Sends a request as it is, as the middleware would.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.route(request).await).await
    }

    async fn route(&self, mut request: Request<Body>) -> http::Response<Body> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let address = Some("192.0.2.7".parse().unwrap());
        let clock = std::sync::Arc::new(self.clock.clone());
        request.extensions_mut().insert(RequestHead::new(clock, address, format!("request-{number}")));
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Posts a document in an actor's name.
    pub(crate) async fn ask(&self, actor: Actor, query: &str) -> Answer {
        self.ask_with(actor, query, Value::Null).await
    }

    /// Posts a document with variables in an actor's name.
    pub(crate) async fn ask_with(&self, actor: Actor, query: &str, variables: Value) -> Answer {
        let token = self.token(actor).await;
        self.ask_by(&token, query, variables).await
    }

    /// Posts a document with a token.
    pub(crate) async fn ask_by(&self, token: &str, query: &str, variables: Value) -> Answer {
        self.post(token, json!({ "query": query, "variables": variables }).to_string()).await
    }

    /// Posts any body with a token.
    pub(crate) async fn post(&self, token: &str, body: impl Into<Body>) -> Answer {
        self.send(post(token).body(body.into()).unwrap()).await
    }

    /// Makes a product of Acme and answers with its id.
    pub(crate) async fn product(&self, name: &str) -> String {
        let query = "mutation ($n: String!) { createSubject(input: { name: $n }) { id } }";
        self.ask_with(Actor::Key, query, json!({ "n": name })).await.text("/createSubject/id")
    }

    /// Makes a target and answers with its id.
    pub(crate) async fn target(&self, product: &str, build_key: &str) -> String {
        let query =
            "mutation ($i: UpsertSimulationTargetInput!) { upsertSimulationTarget(input: $i) { id } }";
        let input = json!({
            "subjectId": product, "buildKey": build_key, "name": build_key, "version": "1", "environment": "test"
        });
        let answer = self.ask_with(Actor::Key, query, json!({ "i": input })).await;
        answer.text("/upsertSimulationTarget/id")
    }

    /// Generates a key of Acme.
    pub(crate) async fn key(&self, label: &str) -> Pair {
        let query =
            "mutation ($l: String!) { generateApiKey(input: { label: $l }) { clientId clientSecret } }";
        let answer = self.ask_with(Actor::Admin, query, json!({ "l": label })).await;
        answer.pair("generateApiKey")
    }
}

/// A POST of JSON with a token, still without a body.
pub(crate) fn post(token: &str) -> http::request::Builder {
    Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
}

/// An answer, read to its end. Every one of them is JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// What the log line of the request has.
    pub(crate) cause: Option<String>,
}

impl Answer {
    async fn of(response: http::Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        let cause = parts.extensions.get::<web::Cause>().map(|web::Cause(why)| why.to_string());
        Self { status: parts.status, headers: parts.headers, body, cause }
    }

    /// A value of `data`, after making sure that there is no error.
    #[track_caller]
    pub(crate) fn data(&self, pointer: &str) -> Value {
        assert!(self.body.get("errors").is_none(), "{}", self.body);
        self.body["data"].pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {}", self.body)).clone()
    }

    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> String {
        self.data(pointer).as_str().unwrap_or_else(|| panic!("{pointer} in {}", self.body)).to_owned()
    }

    #[track_caller]
    pub(crate) fn pair(&self, field: &str) -> Pair {
        let (id, secret) =
            (self.text(&format!("/{field}/clientId")), self.text(&format!("/{field}/clientSecret")));
        Pair { id, secret }
    }

    /// The code of the first error; `OK` if there is none.
    pub(crate) fn code(&self) -> &str {
        match self.body.get("errors") {
            None => "OK",
            Some(errors) => errors[0]["extensions"]["code"].as_str().unwrap(),
        }
    }

    /// The message of the first error.
    #[track_caller]
    pub(crate) fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("no error in {}", self.body))
    }

    /// An extension of the first error.
    pub(crate) fn extension(&self, name: &str) -> &Value {
        &self.body["errors"][0]["extensions"][name]
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
