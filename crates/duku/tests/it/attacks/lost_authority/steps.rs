//! What is done beforehand, with authority: pages that are opened, codes and links that are issued.

use super::{
    fixture::{Case, PASSWORD},
    http::{Browser, PROTOCOL, Request},
    rows::{Before, Credential},
};
use crate::app::App;
use domain::Clock as _;

impl Case {
    /// The steps that come before the row's request.
    pub(super) async fn prepared(mut self, app: &App) -> Self {
        let number = self.values["number"].clone();
        self.invite_somebody(&number).await;
        self.cookies = self.browser.cookie_header();
        match self.change.before {
            Before::Nothing => self.open_sign_in(app).await,
            Before::Page | Before::Enrolled => {}
            Before::SecondFactorBegun => {
                let code = self.begin_second_factor().await.code_at(app.clock.now());
                self.values.insert("code", code);
            }
            Before::PasswordGiven => {
                self.open_sign_in(app).await;
                let mut browser = Browser::new(app.address);
                let page = self.values["authorization_request"].clone();
                let form = [("email", &*self.email), ("password", PASSWORD)];
                let asked = browser.post(&page, &form).await;
                assert!(asked.status == 200 && asked.text.contains("name=\"code\""), "{}", asked.text);
                self.cookies = browser.cookie_header();
                self.values.insert("code", self.code(app).unwrap());
            }
            Before::DeviceStarted => drop(self.start_device(app).await),
            Before::DeviceApproved => self.approve_device(app).await,
            Before::CommandLine => {
                self.approve_device(app).await;
                let grant = "urn:ietf:params:oauth:grant-type:device_code";
                let code = self.values["device_code"].clone();
                let form = [("grant_type", grant), ("client_id", "duku-cli"), ("device_code", &code)];
                let reply = Request::form(format!("{PROTOCOL}/token"), &form).send(app.address).await.json();
                self.values.insert("refresh_token", reply["refresh_token"].as_str().unwrap().to_owned());
            }
            Before::Code => {
                let code = self.browser.authorize().await.parameter("code").unwrap();
                self.values.insert("code", code);
            }
            Before::CallbackAddress => {
                let mut browser = self.browser.clone();
                browser.cookies.remove("duku_session");
                let page = browser.get("/login").await.location().to_owned();
                let callback = browser.get(&page).await.location().to_owned();
                assert!(callback.starts_with("/login/callback?"), "{callback}");
                self.cookies = browser.cookie_header();
                self.values.insert("callback", callback);
            }
            Before::InvitedStranger => self.invite(&format!("stranger-{number}@example.org")).await,
            Before::InvitedUser => {
                let guest = format!("guest-{number}@example.org");
                self.invite(&guest).await;
                let [mut first, mut second] = [(); 2].map(|()| Browser::new(app.address));
                first.enter(&guest, PASSWORD, None).await;
                second.enter(&guest, PASSWORD, None).await;
                self.cookies = first.cookie_header();
                if self.change.credential == Credential::Cookie {
                    (self.email, self.browser, self.other) = (guest, first, second);
                }
            }
            Before::ResetLinkMade => {
                let link =
                    app.service.users().make_reset_link(&app.ctx(), "test", &self.email).await.unwrap();
                self.values.insert("code", link.rsplit('/').next().unwrap().to_owned());
            }
            Before::Switched => {
                let side = self.values["side"].clone();
                let reply = self.browser.post("/switch", &[("organisation", &side)]).await;
                assert_eq!(reply.location(), "/", "{}", reply.text);
            }
        }
        self.name_the_object();
        if self.change.before == Before::Page {
            self.open_page().await;
        }
        self
    }

    async fn open_sign_in(&mut self, app: &App) {
        let mut browser = Browser::new(app.address);
        let page = browser.get("/login").await.location().to_owned();
        if matches!(self.change.credential, Credential::Password) {
            self.cookies = browser.cookie_header();
        }
        self.values.insert("authorization_request", page);
    }

    async fn invite_somebody(&mut self, number: &str) {
        if self.change.name.contains("/invitations/") {
            self.invite(&format!("invited-{number}@example.org")).await;
            let list = self.browser.get("/settings/members").await;
            let after = list.text.split_once("/settings/members/invitations/").unwrap().1;
            let id = after.split('/').next().unwrap().to_owned();
            self.put("invitation", id);
        }
    }

    /// Leaves the link's code.
    async fn invite(&mut self, email: &str) {
        let fields = [("email", email), ("role", "member")];
        let page = self.browser.fill_in("/settings/members/invite", &fields).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let link = page.element("value-link");
        self.values.insert("code", link.rsplit('/').next().unwrap().to_owned());
    }

    async fn start_device(&mut self, app: &App) -> String {
        let form = [("client_id", "duku-cli")];
        let begun = Request::form(format!("{PROTOCOL}/auth/device"), &form).send(app.address).await.json();
        let code = self.put("user_code", begun["user_code"].as_str().unwrap());
        self.marks.push(code.replace('-', ""));
        self.values.insert("device_code", begun["device_code"].as_str().unwrap().to_owned());
        code
    }

    async fn approve_device(&mut self, app: &App) {
        let code = self.start_device(app).await;
        let page = self.browser.post("/device", &[("user_code", &code), ("decision", "approve")]).await;
        assert!(page.status < 400, "{}", page.text);
    }

    /// What `{id}` is in the row's path.
    fn name_the_object(&mut self) {
        let name = self.change.name;
        let object = match name {
            _ if name.contains("end-grace") => "grace_key",
            _ if ["/authentication", "/renew", "/wait", "/attempts/"]
                .iter()
                .any(|end| name.contains(end)) =>
            {
                "waiting"
            }
            _ if name.contains("/api-keys/") => "key",
            _ if name.contains("/invitations/") => "invitation",
            _ => "session",
        };
        if let Some(id) = self.values.get(object).cloned() {
            self.values.insert("id", id);
        }
    }

    /// Keeps what the form's page hides, like its nonce, for the request.
    async fn open_page(&mut self) {
        let target = self.replaced(&self.change.target());
        let page = self.browser.get(&target).await;
        assert_eq!(page.status, 200, "{target}: {}", page.text);
        let hidden =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(page.hidden_fields()).finish();
        self.values.insert("hidden", hidden);
    }
}
