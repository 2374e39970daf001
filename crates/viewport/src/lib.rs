//! Viewport: the dashboard, server-rendered pages that work without JavaScript and get better with it.
//!
//! `entry` lets people in (sign-in at the authorization server, invitations, resets, the first start); every other page
//! begins with a [`visit::Visit`], which knows who asks and in which organisation. A page is a template of `templates/` and a
//! handler that calls a use case of `service`, which holds every rule.

#![expect(
    clippy::result_large_err,
    reason = "an answer that ends a handler early is moved once, and boxed nowhere else"
)]

mod account;
mod answer;
mod audit;
mod browser;
mod device;
mod done;
mod entry;
mod explorer;
mod form;
mod home;
#[cfg(test)]
mod hostile;
mod keys;
mod members;
mod next;
mod organisation;
mod products;
mod routes;
mod switch;
mod targets;
mod trouble;
mod visit;

pub use explorer::ASSETS;
pub use routes::{Access, RouteRule, routes};

#[cfg(test)]
mod page_tests;

use axum::Router;
use service::Service;
use std::sync::Arc;
use web::Cookie;

/// What the dashboard needs to know of its installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest form that is read, in bytes.
    pub form_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { form_bytes: 128 * 1024 }
    }
}

/// The dashboard on a service. Cheap to clone.
#[derive(Clone)]
pub struct Viewport(Arc<Parts>);

struct Parts {
    service: Service,
    settings: Settings,
    secure: bool,
}

impl Viewport {
    /// The dashboard of `service`.
    pub fn new(service: Service, settings: Settings) -> Self {
        let secure = service.policy().viewport.starts_with("https://");
        Self(Arc::new(Parts { service, settings, secure }))
    }

    fn service(&self) -> &Service {
        &self.0.service
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The cookie that holds the session.
    fn session_cookie(&self) -> Cookie {
        Cookie::session(self.0.secure)
    }

    /// An endpoint of the authorization server below `/protocol/openid-connect/`.
    fn protocol(&self, endpoint: &str) -> String {
        format!("{}/protocol/openid-connect/{endpoint}", self.service().policy().issuer)
    }

    /// Its routes. Each request must carry a [`web::RequestContext`] among its extensions.
    pub fn router(self) -> Router {
        routes::router(self)
    }
}
