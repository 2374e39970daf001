//! An installation with people who can sign in, and a browser before it.

use crate::{
    app::App,
    browser::{Browser, Options},
};
use domain::{Clock, Role, Timestamp};
use duku::settings::GivenSettings;
use service::{Ctx, Principal};
use testkit::Engine;

pub(crate) const ADMIN: &str = "ada@example.org";
pub(crate) const MEMBER: &str = "max@example.org";
pub(crate) const PASSWORD: &str = "correct horse staple nine";

pub(crate) struct Stage {
    pub(crate) app: App,
}

impl Stage {
    /// Acme with the Admin Ada, the Member Max and a product.
    pub(crate) async fn open() -> Self {
        Self::with(GivenSettings::default()).await
    }

    pub(crate) async fn with(given: GivenSettings) -> Self {
        let app = App::start_with(Engine::Sqlite, given).await;
        // Pages say how long ago something was by the browser's own clock, which no test can move.
        let now = duku::environment::SystemClock.now();
        app.clock.advance_seconds(now.seconds() - app.clock.now().seconds());
        let stage = Self { app };
        let (ctx, operator) = (stage.ctx(), stage.app.operator());
        let service = &stage.app.service;
        service.add_member(&ctx, &operator, MEMBER, Role::Member).await.unwrap();
        for email in [ADMIN, MEMBER] {
            stage.set_password(email).await;
        }
        let url = Some("https://shop.example");
        service.create_subject(&ctx, &operator, "Shop", Some("The web shop."), url).await.unwrap();
        stage
    }

    pub(crate) fn ctx(&self) -> Ctx {
        Ctx { address: Some("203.0.113.7".parse().unwrap()), ..self.app.ctx() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    pub(crate) fn operator(&self) -> Principal {
        self.app.operator()
    }

    pub(crate) async fn set_password(&self, email: &str) {
        let service = &self.app.service;
        let link = service.make_reset_link(&self.ctx(), "test", email).await.unwrap();
        let code = link.rsplit('/').next().unwrap();
        service.reset_password(&self.ctx(), code, PASSWORD).await.unwrap();
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
}
