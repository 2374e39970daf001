//! The authorization server: Keycloak-shaped URLs, so that clients written for it work unchanged.
//!
//! One file per endpoint, one per grant.

mod authorization;
mod browser;
mod client_authentication;
mod device;
mod discovery;
mod errors;
mod grants;
mod introspect;
mod jwks;
mod logout;
mod openapi;
mod query_parameters;
mod realm;
mod request;
mod revoke;
mod token;
mod userinfo;

use axum::{
    Router,
    routing::{MethodFilter, MethodRouter, get, on},
};
use service::Service;
use std::sync::Arc;
use web::Cookie;

/// The answer of an endpoint for machines.
pub(crate) type OAuthOutcome = Result<http::Response<axum::body::Body>, errors::OAuthRejection>;

/// What the authorization server needs to know of its installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The realm's name, as it stands in every path.
    pub realm: String,
    /// The largest form that is read, in bytes.
    pub form_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { realm: "duku".to_owned(), form_bytes: 32 * 1024 }
    }
}

/// The authorization server on a service. Cheap to clone.
#[derive(Clone)]
pub struct AuthorizationServer(Arc<Parts>);

struct Parts {
    service: Service,
    settings: Settings,
}

impl AuthorizationServer {
    /// The authorization server of `service`.
    pub fn new(service: Service, settings: Settings) -> Self {
        Self(Arc::new(Parts { service, settings }))
    }

    fn service(&self) -> &Service {
        &self.0.service
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Viewport's base URL, which is an origin too.
    fn viewport(&self) -> &str {
        &self.service().policy().viewport
    }

    /// The cookie of a browser's sign-in.
    fn cookie(&self) -> Cookie {
        Cookie::sign_in(self.service().policy().issuer.starts_with("https:"))
    }

    /// Its routes.
    pub fn router(self) -> Router {
        let realm = format!("/realms/{}", self.0.settings.realm);
        let protocol = format!("{realm}/protocol/openid-connect");
        let router = Router::new()
            .route(&realm, read(get(realm::show)))
            .route(&format!("{realm}/.well-known/openid-configuration"), read(get(discovery::show)))
            .route(&format!("/.well-known/oauth-authorization-server{realm}"), read(get(discovery::show)))
            .route(&format!("{realm}/openapi.json"), read(get(openapi::show)))
            .route(&format!("{protocol}/certs"), read(get(jwks::show)))
            .route(
                &format!("{protocol}/auth"),
                get(authorization::show).post(authorization::submit).fallback(authorization::not_allowed),
            )
            .route(
                &format!("{protocol}/logout"),
                get(logout::show_form).post(logout::end).fallback(authorization::not_allowed),
            )
            .route(&format!("{protocol}/auth/device"), write(device::start))
            .route(&format!("{protocol}/token"), write(token::issue))
            .route(&format!("{protocol}/token/introspect"), write(introspect::introspect))
            .route(&format!("{protocol}/revoke"), write(revoke::revoke))
            .route(
                &format!("{protocol}/userinfo"),
                on(MethodFilter::GET.or(MethodFilter::POST), userinfo::show)
                    .fallback(|| async { errors::method_not_allowed("GET, POST") }),
            );
        #[cfg(feature = "passkeys")]
        let router = router.route(&format!("{protocol}/auth/passkey"), write(authorization::begin_passkey));
        router.with_state(self)
    }
}

fn read(route: MethodRouter<AuthorizationServer>) -> MethodRouter<AuthorizationServer> {
    route.fallback(|| async { errors::method_not_allowed("GET, HEAD") })
}

fn write<H, T>(handler: H) -> MethodRouter<AuthorizationServer>
where
    H: axum::handler::Handler<T, AuthorizationServer>,
    T: 'static,
{
    on(MethodFilter::POST, handler).fallback(|| async { errors::method_not_allowed("POST") })
}
