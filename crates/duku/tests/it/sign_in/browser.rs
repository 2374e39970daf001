//! A browser that keeps cookies and follows no redirect, and says where its requests come from as browsers do.

use crate::app::App;
use reqwest::RequestBuilder;
use std::collections::BTreeMap;
use testkit::{Answer, Api};

pub(super) struct Browser {
    api: Api,
    pub(super) cookies: BTreeMap<String, String>,
    pub(super) site: &'static str,
}

impl Browser {
    pub(super) fn new(app: &App) -> Self {
        Self { api: app.api.clone(), cookies: BTreeMap::new(), site: "same-origin" }
    }

    pub(super) fn cookie(&self) -> &str {
        self.cookies.get("duku_sign_in").map_or("", String::as_str)
    }

    /// Another browser with the same cookies, as if somebody had copied them.
    pub(super) fn copy(&self) -> Self {
        Self { api: self.api.clone(), cookies: self.cookies.clone(), site: self.site }
    }

    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request
            .header("cookie", cookies.join("; "))
            .header("user-agent", "Firefox on a test")
            .header("sec-fetch-site", self.site);
        let answer = Answer::of(request).await;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.ends_with("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(super) async fn get(&mut self, url: &str) -> Answer {
        let request = self.api.client().get(url);
        self.send(request).await
    }

    pub(super) async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.api.client().post(url).form(form);
        self.send(request).await
    }

    pub(super) async fn sign_in(&mut self, url: &str, email: &str, password: &str) -> Answer {
        self.post(url, &[("email", email), ("password", password)]).await
    }
}
