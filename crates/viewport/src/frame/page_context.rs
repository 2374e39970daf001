//! Who asks for a page, in which organisation, and how the page is to be answered.

use crate::{
    Viewport,
    frame::{
        answer::{self, Answer},
        flash,
        form::Fields,
    },
};
use axum::{body::Body, extract::FromRequestParts};
use domain::{Ended, KeyOverview, Membership};
use http::{HeaderMap, Method, Response, StatusCode, request::Parts};
use pages::{Chrome, FormError, Section};
use service::{CurrentUser, Error, Principal, Rejection, RequestContext, Service, keys::notices};
use std::borrow::Cow;
use web::RequestHead;

/// Where people go whose organisation requires a second factor that they did not prove.
const SECOND_FACTOR_REQUIRED: &str = "/account/second-factor?required=1";

/// Answers with a page, or for htmx with its content alone; without a status with that of its form.
macro_rules! show {
    ($context:expr, $page:expr) => {{
        let page = $page;
        $crate::frame::page_context::show!($context, page.chrome.errors.status(), page)
    }};
    ($context:expr, $status:expr, $page:expr) => {{
        let (status, page) = ($status, $page);
        if $context.partial { pages::html(status, &page.as_content()) } else { pages::html(status, &page) }
    }};
}
pub(crate) use show;

/// A request as far as it concerns nobody in particular.
#[derive(Clone)]
pub(crate) struct PageRequest {
    pub(crate) viewport: Viewport,
    pub(crate) ctx: RequestContext,
    head: RequestHead,
    /// Whether htmx asks, and only the content of the page is wanted.
    pub(crate) partial: bool,
    /// What was done, by its word and as the page after a redirect says it.
    pub(crate) done: (&'static str, &'static str),
    /// The page that was asked for, to come back to after a sign-in.
    here: String,
    cookie: Option<String>,
}

/// A person who is signed in, whatever the organisation demands of them: for their own account and for leaving.
#[derive(Clone)]
pub(crate) struct UserPage {
    pub(crate) request: PageRequest,
    pub(crate) user: CurrentUser,
}

/// A person at work in an organisation. Most pages begin with one.
#[derive(Clone)]
pub(crate) struct MemberPage {
    pub(crate) page: UserPage,
    pub(crate) principal: Principal,
}

impl PageRequest {
    pub(crate) fn service(&self) -> &Service {
        self.viewport.service()
    }

    /// Who is signed in, if anybody is.
    pub(crate) async fn user(&self) -> Result<Option<CurrentUser>, Response<Body>> {
        let Some(cookie) = &self.cookie else { return Ok(None) };
        self.service()
            .users()
            .find_current_user(&self.ctx, cookie)
            .await
            .map_err(|failure| self.failed(&failure))
    }

    /// The secret in the session's cookie.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// The same circumstances at this moment, for an answer that takes long.
    pub(crate) fn ctx_now(&self) -> RequestContext {
        RequestContext { now: self.head.now(), ..self.ctx.clone() }
    }

    /// The page for a use case without an outcome. Whoever is not signed in any more is sent to the sign-in.
    pub(crate) fn failed(&self, failure: &Error) -> Response<Body> {
        match failure {
            Error::Rejection(Rejection::Ended(Ended::SecondFactorRequired)) => {
                answer::see_other(self.partial, SECOND_FACTOR_REQUIRED)
            }
            Error::Rejection(Rejection::Ended(_)) => self.sign_in(),
            failure => answer::failed(&self.ctx, failure),
        }
    }

    /// The outcome of a use case, or the page for its failure.
    pub(crate) fn outcome<T>(&self, outcome: Result<T, Error>) -> Result<T, Response<Body>> {
        outcome.map_err(|failure| self.failed(&failure))
    }

    /// Sends the browser to another page.
    #[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
    pub(crate) fn go(&self, page: &str) -> Answer {
        Ok(answer::see_other(self.partial, page))
    }

    /// Sends the browser to the sign-in, and back to where it is now.
    fn sign_in(&self) -> Response<Body> {
        let next = url::form_urlencoded::byte_serialize(self.here.as_bytes()).collect::<String>();
        answer::see_other(self.partial, &format!("/login?next={next}"))
    }
}

impl FromRequestParts<Viewport> for PageRequest {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, viewport: &Viewport) -> Result<Self, Self::Rejection> {
        let head = parts.extensions.get::<RequestHead>().cloned();
        let Some((head, ctx)) = head.zip(web::context(parts)) else {
            tracing::error!("a request did not pass the middleware: it has no context");
            return Err(
                pages::message(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "").respond()
            );
        };
        let partial = parts.headers.contains_key("hx-request");
        Ok(Self {
            ctx,
            head,
            partial,
            done: flash::done(&Fields::of_query(parts.uri.query())),
            here: here(parts, partial),
            cookie: viewport.session_cookie().read(&parts.headers).map(str::to_owned),
            viewport: viewport.clone(),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// The page that the person looks at: a form's own, or for a part of a page the page around it.
fn here(parts: &Parts, partial: bool) -> String {
    if partial {
        // htmx names the whole address; only its path is ours to trust.
        let around = url::Url::parse(text(&parts.headers, "hx-current-url")).ok();
        return around.map_or_else(|| "/".to_owned(), |url| url.path().to_owned());
    }
    if parts.method == Method::GET {
        return parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    }
    parts.uri.path().to_owned()
}

impl FromRequestParts<Viewport> for UserPage {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, viewport: &Viewport) -> Result<Self, Self::Rejection> {
        let request = PageRequest::from_request_parts(parts, viewport).await?;
        let user = request.user().await?.ok_or_else(|| request.sign_in())?;
        Ok(Self { request, user })
    }
}

/// The id of the organisation whose page a form was on. The person may have switched since, in another tab.
#[derive(Debug, Clone)]
pub(crate) struct PageOrganisation(pub(crate) String);

impl FromRequestParts<Viewport> for MemberPage {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, viewport: &Viewport) -> Result<Self, Self::Rejection> {
        let page = UserPage::from_request_parts(parts, viewport).await?;
        if page.user.must_give_second_factor {
            return Err(answer::see_other(page.partial, SECOND_FACTOR_REQUIRED));
        }
        match page.user.principal.clone() {
            Some(principal) => {
                let shown = parts.extensions.get::<PageOrganisation>();
                if shown.is_some_and(|shown| shown.0 != principal.organisation_id.as_str()) {
                    return Err(pages::message(
                        StatusCode::CONFLICT,
                        "This page belongs to another organisation",
                        format!(
                            "You have switched to {} since you opened it. Nothing was changed. \
                             Switch back, or open the page anew to do it here.",
                            principal.organisation_name
                        ),
                    )
                    .link("Your organisations", "/account")
                    .respond());
                }
                Ok(Self { page, principal })
            }
            None => Err(pages::message(
                StatusCode::FORBIDDEN,
                "You belong to no organisation",
                format!(
                    "You are signed in as {}, and no organisation has you as a member. \
                     Ask an Admin for an invitation, then open its link.",
                    page.user.email
                ),
            )
            .link("Your account", "/account")
            .respond()),
        }
    }
}

impl std::ops::Deref for UserPage {
    type Target = PageRequest;

    fn deref(&self) -> &PageRequest {
        &self.request
    }
}

impl std::ops::Deref for MemberPage {
    type Target = UserPage;

    fn deref(&self) -> &UserPage {
        &self.page
    }
}

impl UserPage {
    /// Whether the password was proved so lately that a form need not ask for it.
    pub(crate) fn is_fresh(&self) -> bool {
        let seconds = self.service().policy().sign_in_fresh_seconds;
        self.ctx.now < self.user.session.authenticated_at.plus_seconds(seconds)
    }

    /// What stands around the content of a page.
    pub(crate) async fn chrome(
        &self,
        title: impl Into<String>,
        section: Section,
    ) -> Result<Chrome, Response<Body>> {
        self.chrome_with(title, section, None, None).await
    }

    /// The same for a page with a form, and what is wrong with it.
    pub(crate) async fn form(
        &self,
        title: impl Into<String>,
        section: Section,
        errors: FormError,
    ) -> Result<Chrome, Response<Body>> {
        Ok(Chrome { errors, ..self.chrome(title, section).await? })
    }

    /// The same for a page that has read the keys or the memberships itself.
    pub(crate) async fn chrome_with(
        &self,
        title: impl Into<String>,
        section: Section,
        keys: Option<&[KeyOverview]>,
        memberships: Option<&[Membership]>,
    ) -> Result<Chrome, Response<Body>> {
        let principal = self.user.principal.as_ref();
        let mut chrome = Chrome {
            title: title.into(),
            partial: self.partial,
            now: self.ctx.now,
            notice: self.done.1.to_owned(),
            errors: FormError::default(),
            fresh: self.is_fresh(),
            organisation: principal
                .map_or_else(|| "No organisation".to_owned(), |one| one.organisation_name.clone()),
            organisation_id: principal
                .map_or_else(String::new, |one| one.organisation_id.as_str().to_owned()),
            organisations: Vec::new(),
            user_id: self.user.session.user_id.to_string(),
            email: self.user.email.as_str().to_owned(),
            is_admin: principal.is_some_and(is_admin),
            section,
            attention: 0,
        };
        if self.partial {
            return Ok(chrome);
        }
        let memberships = match memberships {
            Some(memberships) => Cow::Borrowed(memberships),
            None => Cow::Owned(self.outcome(self.service().users().memberships(&self.user).await)?),
        };
        let organisation =
            |one: &Membership| (one.organisation_id.as_str().to_owned(), one.organisation_name.clone());
        chrome.organisations = memberships.iter().map(organisation).collect();
        if let Some(principal) = principal.filter(|one| is_admin(one) && !self.user.must_give_second_factor) {
            let keys = match keys {
                Some(keys) => Cow::Borrowed(keys),
                None => Cow::Owned(self.outcome(self.service().keys().list(principal).await)?),
            };
            chrome.attention = notices::attention(&keys, self.ctx.now).len();
        }
        Ok(chrome)
    }
}

impl MemberPage {
    /// Whether the person is an Admin here.
    pub(crate) fn is_admin(&self) -> bool {
        is_admin(&self.principal)
    }
}

fn is_admin(principal: &Principal) -> bool {
    matches!(&principal.holder, service::PrincipalKind::User { role: domain::Role::Admin, .. })
}
