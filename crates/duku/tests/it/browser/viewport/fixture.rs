//! An installation with people who can sign in, and a browser before it.

use crate::{
    app::App,
    browser::{Browser, Options},
    people,
};
use domain::{Clock, Role, Timestamp};
use duku::settings::GivenSettings;
use serde_json::json;
use service::{Principal, RequestContext, organisations::OrganisationSettings};
use testkit::{Answer, Engine};

pub(crate) const ADMIN: &str = "ada@example.org";
pub(crate) const MEMBER: &str = "max@example.org";
pub(crate) const PASSWORD: &str = "correct horse staple nine";

pub(crate) struct BrowserFixture {
    pub(crate) app: App,
}

impl BrowserFixture {
    /// Acme with the Admin Ada, the Member Max and a product.
    pub(crate) async fn open() -> Self {
        Self::with(GivenSettings::default()).await
    }

    pub(crate) async fn with(given: GivenSettings) -> Self {
        let app = App::start_with(Engine::Sqlite, given).await;
        // Pages say how long ago something was by the browser's own clock, which no test can move.
        let now = duku::system_clock::SystemClock.now();
        app.clock.advance_seconds(now.seconds() - app.clock.now().seconds());
        let fixture = Self { app };
        let (ctx, operator) = (fixture.ctx(), fixture.app.operator());
        let service = &fixture.app.service;
        service.users().add_member(&ctx, &operator, MEMBER, Role::Member).await.unwrap();
        for email in [ADMIN, MEMBER] {
            fixture.set_password(email).await;
        }
        let url = Some("https://shop.example");
        service.products().create_subject(&ctx, &operator, "Shop", Some("The web shop."), url).await.unwrap();
        fixture
    }

    pub(crate) fn ctx(&self) -> RequestContext {
        RequestContext { address: Some("203.0.113.7".parse().unwrap()), ..self.app.ctx() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    pub(crate) fn operator(&self) -> Principal {
        self.app.operator()
    }

    pub(crate) async fn set_password(&self, email: &str) {
        let service = &self.app.service;
        let link = service.users().make_reset_link(&self.ctx(), "test", email).await.unwrap();
        let code = link.rsplit('/').next().unwrap();
        service.users().reset_password(&self.ctx(), code, PASSWORD).await.unwrap();
    }

    pub(crate) async fn browser(&self, options: Options) -> Browser {
        Browser::start(&self.app.api.url, options).await
    }

    /// A browser in which a person is signed in, at `page`.
    pub(crate) async fn signed_in(&self, email: &str, page: &str, options: Options) -> Browser {
        let browser = self.browser(options).await;
        browser.goto(page).await;
        self.sign_in(&browser, email).await;
        browser
    }

    /// Fills in the sign-in page that the browser shows.
    pub(crate) async fn sign_in(&self, browser: &Browser, email: &str) {
        browser.fill("Email", email).await;
        browser.fill("Password", PASSWORD).await;
        browser.click("Sign in").await;
    }

    /// A browser in which a person came in without the sign-in page, at `page`.
    pub(crate) async fn entered(&self, email: &str, page: &str, options: Options) -> Browser {
        let browser = self.browser(options).await;
        self.enter(&browser, email).await;
        browser.goto(page).await;
        browser
    }

    /// Makes a person of whoever sits before a browser.
    pub(crate) async fn enter(&self, browser: &Browser, email: &str) {
        let cookie = self.cookie(email).await;
        let (name, value) = cookie.split_once('=').unwrap();
        let cookie = json!({ "url": self.app.api.url, "name": name, "value": value, "httpOnly": true });
        browser.devtools("Network.setCookie", cookie).await;
    }

    /// The cookie of another browser in which a person is signed in.
    pub(crate) async fn cookie(&self, email: &str) -> String {
        people::cookie_of(&self.app, email).await
    }

    /// What another browser gets.
    pub(crate) async fn get(&self, cookie: &str, path: &str) -> Answer {
        let url = format!("{}{path}", self.app.api.url);
        let request = self.app.api.client().get(url).header("accept", "text/html");
        Answer::of(request.header("cookie", cookie)).await
    }

    /// What another browser gets for a form.
    pub(crate) async fn post(&self, cookie: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.app.api.url);
        Answer::of(self.app.api.client().post(url).header("cookie", cookie).form(form)).await
    }

    /// The path of a link into this installation.
    pub(crate) fn path(&self, link: &str) -> String {
        link.strip_prefix(&self.app.api.url).expect("a link to here").to_owned()
    }

    /// Makes Acme require a second factor.
    pub(crate) async fn require_second_factor(&self) {
        let (service, operator) = (&self.app.service, self.operator());
        let seen = OrganisationSettings::of(&service.organisations().get(&operator).await.unwrap());
        let new = OrganisationSettings { require_second_factor: true, ..seen.clone() };
        service.organisations().change_settings(&self.ctx(), &operator, &seen, &new).await.unwrap();
    }

    /// The id of a member.
    pub(crate) async fn member(&self, email: &str) -> String {
        let members = self.app.service.users().list_members(&self.operator()).await.unwrap();
        members.into_iter().find(|member| member.email.as_str() == email).unwrap().id.to_string()
    }

    /// The id of the one product that there is at first.
    pub(crate) async fn shop(&self) -> String {
        self.app
            .service
            .products()
            .list_subjects(&self.operator(), 1, None)
            .await
            .unwrap()
            .remove(0)
            .id
            .to_string()
    }
}

/// The code that an authenticator app shows for a secret as the page shows it: base32 in groups of four.
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
    jose::TotpSecret::from_bytes(&bytes).unwrap().code_at(now)
}

/// A mail server that keeps what it takes, or takes nothing.
#[derive(Default)]
pub(crate) struct MailServer {
    pub(crate) taken: std::sync::Mutex<Vec<service::operations::mail::Mail>>,
    /// Why it takes nothing.
    pub(crate) broken: Option<String>,
}

impl service::operations::mail::Mailer for MailServer {
    fn send<'a>(
        &'a self,
        mail: &'a service::operations::mail::Mail,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), service::operations::mail::MailError>> + Send + 'a>>
    {
        let outcome = if let Some(why) = &self.broken {
            Err(service::operations::mail::MailError(why.clone()))
        } else {
            self.taken.lock().unwrap().push(mail.clone());
            Ok(())
        };
        Box::pin(std::future::ready(outcome))
    }
}

impl MailServer {
    /// The path of the link in the last mail.
    pub(crate) fn last_link(&self, fixture: &BrowserFixture) -> String {
        let taken = self.taken.lock().unwrap();
        let words = taken.last().expect("a mail").text.split_whitespace();
        fixture.path(words.clone().find(|word| word.starts_with("http")).expect("a link"))
    }
}
