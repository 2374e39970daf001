//! Viewport: the dashboard, server-rendered pages that work without JavaScript and get better with it.
//!
//! `entry` lets people in (sign-in at the authorization server, invitations, resets, the first start); every other page
//! begins with one of the extractors of `frame`, which says who may open it. A page is a template of `templates/` and a
//! handler that calls a use case of `service`, which holds every rule.

#![expect(
    clippy::result_large_err,
    reason = "an answer that ends a handler early is moved once, and boxed nowhere else"
)]

mod account;
mod audit;
mod device;
mod explorer;
mod frame;
mod home;
mod keys;
mod members;
mod organisation;
mod products;
mod routes;
mod sign_in;
mod switch;
mod targets;
#[cfg(test)]
mod template_tests;

pub use explorer::ASSETS;
pub use routes::{Access, RouteRule, routes};

#[cfg(test)]
mod page_tests;

use axum::Router;
use service::Service;
use std::sync::Arc;
use web::Cookie;

/// The largest form that is read unless a setting says otherwise, in bytes.
pub const FORM_BYTES: usize = 128 * 1024;

/// The dashboard on a service. Cheap to clone.
#[derive(Clone)]
pub struct Viewport(Arc<Parts>);

struct Parts {
    service: Service,
    form_bytes: usize,
    secure: bool,
    form_targets: Vec<String>,
}

impl Viewport {
    /// The dashboard of `service`; of a form it reads at most `form_bytes`.
    pub fn new(service: Service, form_bytes: usize) -> Self {
        let secure = service.policy().viewport.starts_with("https://");
        let form_targets = form_targets(&service.policy().viewport, &service.policy().issuer);
        Self(Arc::new(Parts { service, form_bytes, secure, form_targets }))
    }

    fn service(&self) -> &Service {
        &self.0.service
    }

    /// The cookie that holds the session.
    fn session_cookie(&self) -> Cookie {
        Cookie::session(self.0.secure)
    }

    /// Scheme, host and port that the answers to forms may lead to.
    fn form_targets(&self) -> &[String] {
        &self.0.form_targets
    }

    /// Host and port by which browsers reach the dashboard.
    fn authority(&self) -> &str {
        let viewport = &self.service().policy().viewport;
        viewport.split_once("://").map_or(viewport, |(_, authority)| authority)
    }

    /// An endpoint of the authorization server below `/protocol/openid-connect/`.
    fn protocol(&self, endpoint: &str) -> String {
        format!("{}/protocol/openid-connect/{endpoint}", self.service().policy().issuer)
    }

    /// The page for an address that leads nowhere, in the navigation for whoever is signed in.
    pub async fn not_found(&self, parts: &mut http::request::Parts) -> http::Response<axum::body::Body> {
        frame::not_found::at(self, parts).await
    }

    /// Its routes. Each request must carry a [`web::RequestHead`] among its extensions.
    pub fn router(self) -> Router {
        routes::router(self)
    }
}

/// The dashboard's own origin and the authorization server's: a form that meets a session which has ended is answered with
/// the way there, and Chromium follows it only if the form's page allows it.
fn form_targets(viewport: &str, issuer: &str) -> Vec<String> {
    let issuer = url::Url::parse(issuer).ok().map(|issuer| issuer.origin().ascii_serialization());
    let mut targets = vec![viewport.to_owned()];
    targets.extend(issuer.filter(|issuer| issuer != viewport));
    targets
}
