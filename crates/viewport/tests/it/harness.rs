//! Viewport with two organisations, and browsers that are signed in.

use axum::{Router, body::Body};
use domain::{Clock, Organisation, Role, Timestamp};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use jose::totp::TotpSecret;
use service::{
    Policy, Principal, RequestContext, Service,
    organisations::OrganisationSettings,
    users::{
        authorization_codes::{CodeRequest, VIEWPORT},
        invitations::InvitationProof,
        sign_in::{Attempt, SignedIn},
    },
};
use std::sync::Arc;
use testkit::{Database, Engine, SeededEntropy, TestClock};
use tower::ServiceExt;
use url::form_urlencoded;
use viewport::{FORM_BYTES, Viewport};
use web::RequestHead;

pub(crate) const ADA: &str = "ada@acme.example";
pub(crate) const EVE: &str = "eve@globex.example";
pub(crate) const PASSWORD: &str = "tulip anvil harbour quill";
pub(crate) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rfc-7636-rule";

pub(crate) struct Harness {
    pub(crate) service: Service,
    pub(crate) clock: TestClock,
    /// Ada is its Admin.
    pub(crate) acme: Organisation,
    /// Eve is its Admin, and Ada is not in it.
    pub(crate) globex: Organisation,
    router: Router,
    _database: Database,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        let database = Database::fresh(Engine::Sqlite).await;
        let clock = TestClock::new();
        let entropy = Arc::new(SeededEntropy::new(11));
        let master_key = jose::MasterKey::generate(&*entropy);
        let policy = Policy::new("http://duku.test/realms/duku", "http://duku.test/graphql");
        let ctx = RequestContext::background(clock.now(), "test");
        let service = Service::open(database.store().await, master_key, policy, entropy, &ctx).await.unwrap();
        let acme = service.organisations().create(&ctx, "root", "Acme", ADA, Some(PASSWORD)).await.unwrap();
        let globex =
            service.organisations().create(&ctx, "root", "Globex", EVE, Some(PASSWORD)).await.unwrap();
        let router = Viewport::new(service.clone(), FORM_BYTES).router();
        Self { service, clock, acme, globex, router, _database: database }
    }

    pub(crate) fn ctx(&self) -> RequestContext {
        RequestContext {
            now: self.clock.now(),
            address: Some("192.0.2.7".parse().unwrap()),
            request_id: "test".into(),
            user_agent: None,
        }
    }

    #[allow(clippy::unused_self, reason = "it reads like the other ways to get something of a world")]
    pub(crate) fn operator(organisation: &Organisation) -> Principal {
        Principal::operator("root", organisation)
    }

    /// Makes Acme require a second factor, or not any more.
    pub(crate) async fn require_second_factor(&self, require_second_factor: bool) {
        let operator = Harness::operator(&self.acme);
        let seen = OrganisationSettings::of(&self.service.organisations().get(&operator).await.unwrap());
        let new = OrganisationSettings { require_second_factor, ..seen.clone() };
        self.service.organisations().change_settings(&self.ctx(), &operator, &seen, &new).await.unwrap();
    }

    /// Makes a person with the first password a member of Acme.
    pub(crate) async fn join(&self, email: &str, role: Role) {
        let operator = Self::operator(&self.acme);
        let invited = self.service.users().invite(&self.ctx(), &operator, email, role).await.unwrap();
        let code = invited.link.rsplit('/').next().unwrap();
        let by = InvitationProof::Password(PASSWORD);
        self.service.users().accept_invitation(&self.ctx(), code, by).await.unwrap();
    }

    /// Anybody in a browser that has signed in with the first password.
    pub(crate) async fn browser_of(&self, email: &str) -> Browser<'_> {
        let attempt = Attempt { email, password: PASSWORD, device: FIREFOX };
        let signed_in = self.service.users().sign_in(&self.ctx(), attempt, None).await.unwrap();
        self.sign_in_to_viewport(&signed_in).await
    }

    /// Proves a password; with a second factor the sign-in is pending still.
    pub(crate) async fn password(&self, password: &str) -> Option<SignedIn> {
        let attempt = Attempt { email: ADA, password, device: FIREFOX };
        self.service.users().sign_in(&self.ctx(), attempt, None).await.ok()
    }

    /// Ada in a browser that has signed in with her first password.
    pub(crate) async fn browser(&self) -> Browser<'_> {
        let signed_in = self.password(PASSWORD).await.unwrap();
        self.sign_in_to_viewport(&signed_in).await
    }

    /// A browser that comes back from the authorization server.
    pub(crate) async fn sign_in_to_viewport(&self, signed_in: &SignedIn) -> Browser<'_> {
        let (ctx, service) = (self.ctx(), &self.service);
        let challenge = jose::base64url::encode(&jose::sha256(VERIFIER.as_bytes()));
        let redirect_uri = service.users().viewport_redirect_uri();
        let request = CodeRequest {
            client_id: VIEWPORT,
            redirect_uri: &redirect_uri,
            challenge: &challenge,
            scope: "openid",
            nonce: None,
        };
        let code = service.users().issue_code(&ctx, &signed_in.session, request).await.unwrap();
        let viewport_session =
            service.users().sign_in_to_viewport(&ctx, code.expose(), VERIFIER, FIREFOX).await.unwrap();
        Browser { harness: self, cookie: viewport_session.cookie.expose().to_owned() }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Page {
        let RequestContext { address, request_id, .. } = self.ctx();
        let clock = std::sync::Arc::new(self.clock.clone());
        request.extensions_mut().insert(RequestHead::new(clock, address, request_id));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!text.contains(" style="), "{text}");
        Page { status: parts.status, headers: parts.headers, text }
    }
}

/// A signed-in browser.
pub(crate) struct Browser<'a> {
    harness: &'a Harness,
    pub(crate) cookie: String,
}

impl Browser<'_> {
    fn cookie(&self) -> String {
        format!("duku_session={}", self.cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        let request = Request::get(path).header(header::COOKIE, self.cookie()).body(Body::empty());
        self.harness.send(request.unwrap()).await
    }

    /// The part of a page that htmx asks for.
    pub(crate) async fn get_part(&self, path: &str) -> Page {
        let request = Request::get(path).header(header::COOKIE, self.cookie()).header("hx-request", "true");
        self.harness.send(request.body(Body::empty()).unwrap()).await
    }

    /// A page that must be there.
    pub(crate) async fn open(&self, path: &str) -> Page {
        let page = self.get(path).await;
        page.assert_says(200, "");
        page
    }

    /// A form that must be carried out; answers where it leads.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let page = self.post(path, fields).await;
        page.assert_says(303, "");
        page.location().to_owned()
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(header::COOKIE, self.cookie())
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body));
        self.harness.send(request.unwrap()).await
    }

    /// Whether the session is over: pages lead to the sign-in.
    pub(crate) async fn is_out(&self) -> bool {
        self.get("/account").await.location().starts_with("/login")
    }
}

/// An answer, read to its end.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, status: u16, words: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert!(self.text.contains(words), "no {words:?} in {}", self.text);
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &str) {
        assert!(self.text.contains(words), "no {words:?} in {}", self.text);
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What a field of the page's form holds.
    #[track_caller]
    pub(crate) fn value(&self, field: &str) -> &str {
        let tag = self.between(&format!("name=\"{field}\""), ">");
        tag.split_once("value=\"")
            .unwrap_or_else(|| panic!("{field} has no value"))
            .1
            .split('"')
            .next()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_leads_to(&self, page: &str) {
        assert_eq!((self.status.as_u16(), self.location()), (303, page), "{}", self.text);
    }

    /// What stands between two texts for the first time.
    #[track_caller]
    pub(crate) fn between(&self, before: &str, after: &str) -> &str {
        let rest = self.text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {}", self.text)).1;
        rest.split_once(after).unwrap().0
    }
}

/// The code that an authenticator app shows for a secret as the page shows it.
pub(crate) fn code_of(secret: &str, now: Timestamp) -> String {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in secret.bytes().filter(u8::is_ascii_alphanumeric) {
        let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
        buffer = (buffer << 5 | u32::from(value)) & 0xffff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).unwrap());
        }
    }
    TotpSecret::from_bytes(&bytes).unwrap().code_at(now)
}
