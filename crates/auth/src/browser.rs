//! A person's browser: the cookie of its sign-in, and pages for what goes wrong.

use crate::{
    AuthorizationServer,
    errors::OAuthRejection,
    request::{FormRequest, ctx},
};
use axum::body::Body;
use domain::Session;
use http::{HeaderMap, Response, StatusCode, header, request::Parts};
use service::{Error, RequestContext, users::sign_in::SignedIn};

/// Who asks, as far as one request tells.
pub(crate) struct Browser<'a> {
    pub(crate) server: &'a AuthorizationServer,
    pub(crate) ctx: RequestContext,
    /// The secret of the sign-in's cookie, not yet checked.
    pub(crate) cookie: Option<String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn of(server: &'a AuthorizationServer, parts: &Parts) -> Result<Self, OAuthRejection> {
        Ok(Self::new(server, ctx(parts)?, &parts.headers))
    }

    pub(crate) fn of_posted(server: &'a AuthorizationServer, posted: &FormRequest) -> Self {
        Self::new(server, posted.ctx.clone(), &posted.headers)
    }

    fn new(server: &'a AuthorizationServer, ctx: RequestContext, headers: &HeaderMap) -> Self {
        let cookie = server.cookie().read(headers).map(str::to_owned);
        Self { server, ctx, cookie }
    }

    /// The sign-in that the cookie names, complete or waiting for its second factor.
    pub(crate) async fn find_sign_in(&self) -> Result<Option<Session>, Error> {
        match &self.cookie {
            Some(cookie) => self.server.service().users().find_sign_in(&self.ctx, cookie).await,
            None => Ok(None),
        }
    }

    /// Ends the sign-in that the cookie names, with its Viewport.
    pub(crate) async fn sign_out(&self) -> Result<(), Error> {
        match &self.cookie {
            Some(cookie) => self.server.service().users().sign_out(&self.ctx, cookie).await,
            None => Ok(()),
        }
    }

    /// Has the browser keep a sign-in's secret for as long as the sign-in can last.
    pub(crate) fn keep(&self, signed_in: &SignedIn, response: &mut Response<Body>) {
        let seconds = signed_in.session.expires_at.seconds().saturating_sub(self.ctx.now.seconds());
        let cookie = self.server.cookie().set(signed_in.cookie.expose(), Some(seconds));
        response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    }

    /// Has the browser forget its sign-in.
    pub(crate) fn clear_cookie(&self, response: &mut Response<Body>) {
        let cookie = self.server.cookie().clear();
        response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    }

    /// A failure that is not the person's, logged once and named by the request.
    pub(crate) fn failed(&self, error: Error) -> Response<Body> {
        let rejection = OAuthRejection::from(error);
        let mut response = pages::message_for(rejection.status).request_id(&self.ctx.request_id).respond();
        rejection.leave_cause(&mut response);
        response
    }
}

/// A rejection of the protocol, as a page.
pub(crate) fn rejected(rejection: &OAuthRejection) -> Response<Body> {
    let title = match rejection.status {
        StatusCode::PAYLOAD_TOO_LARGE => "That was too much",
        status if status.is_server_error() => "Something went wrong",
        _ => "That did not work",
    };
    let mut response = pages::message(rejection.status, title, &*rejection.description).respond();
    rejection.leave_cause(&mut response);
    response
}

/// What another site had a browser post.
pub(crate) fn foreign() -> Response<Body> {
    tracing::warn!("rejected a form that another site had a browser send");
    let text =
        "This form was sent by another site, so nothing was done with it. Open the page here and try again.";
    pages::message(StatusCode::FORBIDDEN, "This did not come from here", text).respond()
}
