//! Every route and who may call it, in one table: a route that is not here is not served, and a row whose handler lets in
//! others does not compile.

use crate::{
    Viewport, account, audit, device, explorer,
    frame::{
        access::{self, route_for},
        answer, not_found,
    },
    home, keys, members, organisation, products, sign_in, switch, targets,
};
use axum::{
    Router,
    body::Body,
    extract::State,
    middleware::{from_fn, from_fn_with_state, map_response_with_state},
    routing::MethodFilter,
};
use http::{Response, StatusCode};

/// Who gets more than a rejection or a way to the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, signed in or not.
    Anyone,
    /// A user who is signed in, also without an organisation.
    User,
    /// A person in an organisation.
    Member,
    /// An Admin of the organisation.
    Admin,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteRule {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, with `{…}` for what varies.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

macro_rules! table {
    ($rules:ident, $served:ident: $($method:ident $path:literal $access:ident $handler:expr;)*) => {
        fn $rules() -> Vec<RouteRule> {
            vec![$(RouteRule { method: stringify!($method), path: $path, access: Access::$access }),*]
        }

        fn $served() -> Router<Viewport> {
            Router::new()$(.route($path, route_for::<access::$access, _, _, _>(MethodFilter::$method, $handler)))*
        }
    };
}

/// The whole table of this build.
pub fn routes() -> Vec<RouteRule> {
    let rules = rules();
    #[cfg(feature = "passkeys")]
    let rules = [rules, passkey_rules()].concat();
    rules
}

#[cfg(feature = "passkeys")]
table! {
    passkey_rules, serve_passkeys:
    POST "/account/passkeys" User account::passkeys::add;
    GET  "/account/passkeys/add" User account::passkeys::show_form;
    POST "/account/passkeys/add" User account::passkeys::begin;
    GET  "/account/passkeys/{id}/remove" User account::passkeys::confirm_remove;
    POST "/account/passkeys/{id}/remove" User account::passkeys::remove;
}

table! {
    rules, served:
    GET  "/login" Anyone sign_in::login::begin_sign_in;
    GET  "/login/callback" Anyone sign_in::login::finish_sign_in;
    GET  "/logout" Anyone sign_in::logout::show_form;
    POST "/logout" Anyone sign_in::logout::sign_out;
    GET  "/signed-out" Anyone sign_in::logout::show_signed_out;
    GET  "/setup" Anyone sign_in::setup::ask_for_code;
    POST "/setup" Anyone sign_in::setup::check_code;
    GET  "/setup/{code}" Anyone sign_in::setup::show;
    POST "/setup/{code}" Anyone sign_in::setup::submit;
    GET  "/invite/{code}" Anyone sign_in::invite::show;
    POST "/invite/{code}" Anyone sign_in::invite::accept;
    GET  "/forgot" Anyone sign_in::password::show_forgot;
    POST "/forgot" Anyone sign_in::password::request_reset_link;
    GET  "/reset/{code}" Anyone sign_in::password::show_reset;
    POST "/reset/{code}" Anyone sign_in::password::set;

    GET  "/account" User account::show;
    GET  "/account/password" User account::password::show_form;
    POST "/account/password" User account::password::change;
    POST "/account/sessions/end-others" User account::sessions::end_others;
    POST "/account/sessions/{id}/end" User account::sessions::end;
    GET  "/account/second-factor" User account::second_factor::show;
    POST "/account/second-factor" User account::second_factor::confirm;
    POST "/account/second-factor/codes" User account::recovery_codes::replace;
    GET  "/account/second-factor/remove" User account::remove_second_factor::show_form;
    POST "/account/second-factor/remove" User account::remove_second_factor::remove;
    POST "/switch" User switch::change_organisation;
    GET  "/device" Member device::show_form;
    POST "/device" Member device::decide;
    GET  "/explorer" Member explorer::show;

    GET  "/" Member home::show;
    GET  "/p/new" Member products::change::show_new;
    POST "/p/new" Member products::change::submit;
    GET  "/p/{subject}" Member products::page::show;
    GET  "/p/{subject}/edit" Member products::change::show_edit;
    POST "/p/{subject}/edit" Member products::change::save;
    GET  "/p/{subject}/delete" Member products::delete::show_form;
    POST "/p/{subject}/delete" Member products::delete::submit;
    GET  "/p/{subject}/t/new" Member targets::change::show_new;
    POST "/p/{subject}/t/new" Member targets::change::submit;
    GET  "/p/{subject}/t/{target}" Member targets::page::show;
    GET  "/p/{subject}/t/{target}/exploration" Member targets::page::show_exploration;
    GET  "/p/{subject}/t/{target}/edit" Member targets::change::show_edit;
    POST "/p/{subject}/t/{target}/edit" Member targets::change::save;
    GET  "/p/{subject}/t/{target}/delete" Member targets::delete::show_form;
    POST "/p/{subject}/t/{target}/delete" Member targets::delete::submit;

    GET  "/settings/members" Admin members::list;
    GET  "/settings/members/invite" Admin members::invite::show_form;
    POST "/settings/members/invite" Admin members::invite::submit;
    GET  "/settings/members/{user}/role" Admin members::role::show_form;
    POST "/settings/members/{user}/role" Admin members::role::submit;
    GET  "/settings/members/{user}/remove" Admin members::remove::show_form;
    POST "/settings/members/{user}/remove" Admin members::remove::submit;
    GET  "/settings/members/invitations/{id}/revoke" Admin members::invitations::show_form;
    POST "/settings/members/invitations/{id}/revoke" Admin members::invitations::revoke;
    POST "/settings/members/invitations/{id}/again" Admin members::invitations::again;
    GET  "/settings/organisation" Admin organisation::show;
    POST "/settings/organisation" Admin organisation::save;
    GET  "/settings/audit" Admin audit::show;
    GET  "/settings/audit/export" Admin audit::export::download;

    GET  "/settings/api-keys" Admin keys::list;
    GET  "/settings/api-keys/generate" Admin keys::generate::show_form;
    POST "/settings/api-keys/generate" Admin keys::generate::submit;
    GET  "/settings/api-keys/generate/{method}" Admin keys::secretless::generate::show_form;
    POST "/settings/api-keys/generate/{method}" Admin keys::secretless::generate::submit;
    GET  "/settings/api-keys/{id}" Admin keys::page::show;
    GET  "/settings/api-keys/{id}/first-use" Admin keys::page::first_use;
    GET  "/settings/api-keys/{id}/rename" Admin keys::rename::show_form;
    POST "/settings/api-keys/{id}/rename" Admin keys::rename::submit;
    GET  "/settings/api-keys/{id}/authentication" Admin keys::secretless::change::show_form;
    POST "/settings/api-keys/{id}/authentication" Admin keys::secretless::change::submit;
    GET  "/settings/api-keys/{id}/replace" Admin keys::secretless::replace::show_form;
    POST "/settings/api-keys/{id}/replace" Admin keys::secretless::replace::submit;
    GET  "/settings/api-keys/{id}/renew" Admin keys::secretless::renew::show_form;
    POST "/settings/api-keys/{id}/renew" Admin keys::secretless::renew::submit;
    GET  "/settings/api-keys/{id}/check" Admin keys::secretless::check::show_form;
    POST "/settings/api-keys/{id}/check" Admin keys::secretless::check::submit;
    POST "/settings/api-keys/{id}/wait" Admin keys::secretless::attempts::wait;
    GET  "/settings/api-keys/{id}/attempts" Admin keys::secretless::attempts::panel;
    GET  "/settings/api-keys/{id}/attempts/{attempt}/allow" Admin keys::secretless::attempts::show_form;
    POST "/settings/api-keys/{id}/attempts/{attempt}/allow" Admin keys::secretless::attempts::allow;
    GET  "/settings/api-keys/{id}/rotate" Admin keys::rotate::show_form;
    POST "/settings/api-keys/{id}/rotate" Admin keys::rotate::submit;
    GET  "/settings/api-keys/{id}/end-grace" Admin keys::end_grace::show_form;
    POST "/settings/api-keys/{id}/end-grace" Admin keys::end_grace::submit;
    GET  "/settings/api-keys/{id}/revoke" Admin keys::revoke::show_form;
    POST "/settings/api-keys/{id}/revoke" Admin keys::revoke::submit;
}

pub(crate) fn router(viewport: Viewport) -> Router {
    let secure = viewport.session_cookie().is_secure();
    let served = served();
    #[cfg(feature = "passkeys")]
    let served = served.merge(serve_passkeys());
    served
        .method_not_allowed_fallback(|| async {
            pages::message(
                StatusCode::METHOD_NOT_ALLOWED,
                "That cannot be done here",
                "Go back and use the page's own buttons. Nothing was changed.",
            )
            .respond()
        })
        .with_state(viewport.clone())
        .layer(from_fn_with_state(viewport.clone(), not_found::with_navigation))
        .layer(map_response_with_state(viewport, lead_on))
        .layer(from_fn(move |request, next| {
            web::origin::reject_foreign(answer::foreign, secure, request, next)
        }))
}

async fn lead_on(State(viewport): State<Viewport>, mut response: Response<Body>) -> Response<Body> {
    pages::allow_form_targets(&mut response, viewport.form_targets());
    response
}
