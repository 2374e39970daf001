//! Signing out (OpenID Connect RP-Initiated Logout 1.0 §2), and the end of a command line's session.
//!
//! A link alone signs nobody out: the page asks first, and only a form of this very origin is believed.

use crate::{
    AuthorizationServer, OAuthOutcome,
    authorization::see_other,
    browser::{self, Browser},
    client_authentication::public_client,
    errors::no_store,
    query_parameters::QueryParameters,
    request::FormRequest,
};
use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    response::IntoResponse,
};
use form_urlencoded::Serializer;
use http::{Response, StatusCode};
use pages::Head;
use service::users::authorization_codes::COMMAND_LINE;
use web::Form;

/// Asks whether to sign out.
#[derive(Template)]
#[template(path = "sign-out.html")]
pub(crate) struct SignOutPage {
    pub(crate) head: Head,
    /// Who has signed in, if the store says so.
    pub(crate) email: Option<String>,
    /// Where a change of mind leads.
    pub(crate) viewport: String,
}

/// `GET`: asks first.
pub(crate) async fn show_form(State(server): State<AuthorizationServer>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let browser = match Browser::of(&server, &parts) {
        Ok(browser) => browser,
        Err(rejection) => return browser::rejected(&rejection),
    };
    let sign_in = match browser.find_sign_in().await {
        Ok(Some(sign_in)) => sign_in,
        Ok(None) => return afterwards(&server, parts.uri.query()),
        Err(error) => return browser.failed(error),
    };
    match server.service().users().address_of(&sign_in.user_id).await {
        Ok(email) => {
            let email = email.map(|email| email.as_str().to_owned());
            let viewport = format!("{}/", server.viewport());
            let page = SignOutPage { head: Head::new("Sign out"), email, viewport };
            let mut response = pages::html(StatusCode::OK, &page);
            pages::allow_form_targets(&mut response, &[server.viewport()]);
            response
        }
        Err(error) => browser.failed(error),
    }
}

/// `POST`: the page's answer, or a command line with its refresh token.
pub(crate) async fn end(State(server): State<AuthorizationServer>, request: Request) -> Response<Body> {
    let own = web::origin::is_own(request.method(), request.headers(), server.cookie().is_secure());
    let posted = match FormRequest::read(&server, request).await {
        Ok(posted) => posted,
        Err(rejection) => return browser::rejected(&rejection),
    };
    let form = match posted.form() {
        Ok(form) => form,
        Err(rejection) => return browser::rejected(&rejection),
    };
    if let Some(refresh_token) = form.get("refresh_token") {
        let ended = end_command_line(&server, &posted, &form, refresh_token).await;
        return ended.unwrap_or_else(IntoResponse::into_response);
    }
    if !own {
        return browser::foreign();
    }
    let browser = Browser::of_posted(&server, &posted);
    if let Err(error) = browser.sign_out().await {
        return browser.failed(error);
    }
    let mut response = afterwards(&server, posted.uri.query());
    browser.clear_cookie(&mut response);
    response
}

async fn end_command_line(
    server: &AuthorizationServer,
    posted: &FormRequest,
    form: &Form<'_>,
    refresh_token: &str,
) -> OAuthOutcome {
    public_client::require(posted, form, COMMAND_LINE)?;
    server.service().users().end_command_line(&posted.ctx, refresh_token).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(no_store(response))
}

/// Where the client wants the person to be, if that is one of its own addresses; otherwise a page that says it is done.
fn afterwards(server: &AuthorizationServer, query: Option<&str>) -> Response<Body> {
    let parameters = QueryParameters::parse(query.unwrap_or_default());
    let once = |name| parameters.as_ref().and_then(|parameters| parameters.once(name).ok().flatten());
    let (home, login) = (format!("{}/", server.viewport()), format!("{}/login", server.viewport()));
    match once("post_logout_redirect_uri").filter(|uri| *uri == home || *uri == login) {
        Some(uri) => see_other(&once("state").map_or_else(
            || uri.to_owned(),
            |state| {
                let query = Serializer::new(String::new()).append_pair("state", state).finish();
                format!("{uri}?{query}")
            },
        )),
        None => {
            pages::message(StatusCode::OK, "You are signed out", "You can close this page, or sign in again.")
                .link("Sign in", login)
                .respond()
        }
    }
}
