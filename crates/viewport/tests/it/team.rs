//! Two organisations, people who are signed in, and requests in their names.

use axum::{Router, body::Body};
use domain::{Clock, Role};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use service::{
    Ctx, Policy, Principal, Service, authorization::CodeRequest, invitations::Acceptance, sign_in::Attempt,
};
use std::sync::Arc;
use testkit::{Database, Engine, SeededEntropy, TestClock};
use tower::ServiceExt;
use viewport::{Settings, Viewport};
use web::RequestContext;

pub(crate) const ADMIN: &str = "ada@acme.example";
pub(crate) const MEMBER: &str = "max@acme.example";
pub(crate) const OUTSIDER: &str = "eve@other.example";
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'&";

const PASSWORD: &str = "seven quiet herons at dawn";
/// A verifier and its S256 challenge, from RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) clock: TestClock,
    /// An operator in Acme's name.
    pub(crate) acme: Principal,
    router: Router,
    _database: Database,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = Database::fresh(Engine::Sqlite).await;
        let clock = TestClock::new();
        let entropy = Arc::new(SeededEntropy::new(7));
        let master_key = jose::MasterKey::generate(&*entropy);
        let mut policy = Policy::new("https://auth.example/realms/duku", "https://platform.example/graphql");
        policy.viewport = "https://viewport.example".to_owned();
        policy.sign_ins_per_person = 0;
        let ctx = Ctx::background(clock.now(), "test");
        let service = Service::open(database.store().await, master_key, policy, entropy, &ctx).await.unwrap();
        let acme = service.create_organisation(&ctx, "root", "Acme", ADMIN, Some(PASSWORD)).await.unwrap();
        service.create_organisation(&ctx, "root", "Other", OUTSIDER, Some(PASSWORD)).await.unwrap();
        let acme = Principal::operator("root", &acme);
        let router = Viewport::new(service.clone(), Settings::default()).router();
        let world = Self { service, clock, acme, router, _database: database };
        world.join(MEMBER, Role::Member).await;
        world
    }

    pub(crate) fn ctx(&self) -> Ctx {
        Ctx::background(self.clock.now(), "test")
    }

    /// Makes a person with a password a member of Acme.
    pub(crate) async fn join(&self, email: &str, role: Role) {
        let invited = self.service.invite(&self.ctx(), &self.acme, email, role).await.unwrap();
        let code = invited.link.rsplit('/').next().unwrap();
        let by = Acceptance::Password(PASSWORD);
        self.service.accept_invitation(&self.ctx(), code, by).await.unwrap();
    }

    /// A browser in which a person has signed in.
    pub(crate) async fn browser(&self, email: &str) -> Browser<'_> {
        let (service, ctx) = (&self.service, self.ctx());
        let attempt = Attempt { email, password: PASSWORD, device: "Firefox" };
        let signed_in = service.sign_in(&ctx, attempt, None).await.unwrap();
        let redirect_uri = service.viewport_redirect_uri();
        let request = CodeRequest {
            client_id: "viewport",
            redirect_uri: &redirect_uri,
            challenge: CHALLENGE,
            scope: "openid",
            nonce: None,
        };
        let code = service.issue_code(&ctx, &signed_in.session, request).await.unwrap();
        let arrival = service.arrive(&ctx, code.expose(), VERIFIER, "Firefox").await.unwrap();
        Browser { world: self, cookie: format!("__Host-duku_session={}", arrival.cookie.expose()) }
    }
}

pub(crate) struct Browser<'a> {
    world: &'a World,
    cookie: String,
}

impl Browser<'_> {
    async fn send(&self, request: http::request::Builder, body: Body) -> Page {
        let mut request = request
            .header(header::COOKIE, &self.cookie)
            .header("sec-fetch-site", "same-origin")
            .body(body)
            .unwrap();
        request.extensions_mut().insert(RequestContext {
            now: self.world.clock.now(),
            address: Some("192.0.2.7".parse().unwrap()),
            request_id: "request".to_owned(),
        });
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn get(&self, page: &str) -> Page {
        self.send(Request::get(page), Body::empty()).await
    }

    /// The same, for a dialog.
    pub(crate) async fn get_part(&self, page: &str) -> Page {
        self.send(Request::get(page).header("hx-request", "true"), Body::empty()).await
    }

    /// A page that must be there.
    pub(crate) async fn open(&self, page: &str) -> Page {
        let opened = self.get(page).await;
        assert_eq!(opened.status, StatusCode::OK, "{page}: {}", opened.text);
        opened
    }

    pub(crate) async fn post(&self, page: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.send(Request::post(page), Body::from(form.finish())).await
    }

    /// A form that must be carried out; answers where it leads.
    pub(crate) async fn submit(&self, page: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(page, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}: {}", answer.text);
        answer.header("location").to_owned()
    }
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &str) {
        assert!(self.text.contains(words), "no {words:?} in {}", self.text);
    }

    /// What a field of the page's form holds.
    #[track_caller]
    pub(crate) fn value(&self, field: &str) -> &str {
        let start = format!("name=\"{field}\"");
        let tag = self.text.split_once(&start).unwrap_or_else(|| panic!("no {field} in {}", self.text)).1;
        let tag = tag.split_once('>').unwrap().0;
        tag.split_once("value=\"")
            .unwrap_or_else(|| panic!("{field} has no value"))
            .1
            .split('"')
            .next()
            .unwrap()
    }
}
