//! The first start: whoever has the link that `duku serve` printed makes the first organisation.

use super::{dead_link, login};
use crate::frame::{
    answer::{self, Answer},
    form::{Fields, Posted},
    page_context::PageRequest,
};
use axum::{body::Body, extract::Path};
use domain::LinkState;
use http::Response;
use pages::{FormError, Head};

#[derive(askama::Template)]
#[template(path = "entry/setup.html")]
pub(super) struct Page<'a> {
    pub(super) head: Head,
    pub(super) typed: &'a Fields,
    pub(super) minimum: usize,
    pub(super) errors: FormError,
}

fn page(request: &PageRequest, typed: &Fields, errors: FormError) -> Response<Body> {
    let status = errors.status();
    let page = Page {
        head: Head::new("Welcome"),
        typed,
        minimum: request.service().policy().password_minimum,
        errors,
    };
    pages::html(status, &page)
}

/// The page that takes the code, for whoever comes without the link.
#[derive(askama::Template)]
#[template(path = "entry/setup_code.html")]
pub(super) struct CodePage {
    pub(super) head: Head,
    pub(super) errors: FormError,
}

fn code_page(errors: FormError) -> Response<Body> {
    pages::html(errors.status(), &CodePage { head: Head::new("Welcome"), errors })
}

/// `GET /setup`
pub(crate) async fn ask_for_code(request: PageRequest) -> Answer {
    require_unset(&request).await?;
    Ok(code_page(FormError::default()))
}

/// The code is of use only while there is no organisation.
async fn require_unset(request: &PageRequest) -> Result<(), Response<Body>> {
    let needed = request.outcome(request.service().operations().needs_setup().await)?;
    if needed { Ok(()) } else { Err(request.go("/")?) }
}

/// `POST /setup`: leads to the page of the link. The code is typed into a form, so that it stands in no query.
pub(crate) async fn check_code(Posted(request, fields): Posted<PageRequest>) -> Answer {
    require_unset(&request).await?;
    // The whole link is as good as its last part.
    let code = fields.text("code").trim().rsplit('/').next().unwrap_or_default();
    let state = request.outcome(request.service().operations().find_setup_link(&request.ctx, code).await)?;
    if matches!(state, LinkState::Open(())) {
        return request.go(&format!("/setup/{code}"));
    }
    Ok(code_page(FormError::new("code", "This is not the code of the last start. Copy it whole.")))
}

async fn require_open(request: &PageRequest, code: &str) -> Result<(), Response<Body>> {
    match request.outcome(request.service().operations().find_setup_link(&request.ctx, code).await)? {
        LinkState::Open(()) => Ok(()),
        LinkState::Used => Err(dead_link(
            "Duku is set up",
            "This link was used, or a newer start of the server made another. Sign in, or ask your Admin for an invitation.",
            ("Sign in", "/login"),
        )),
        LinkState::Expired | LinkState::Unknown => Err(dead_link(
            "This setup link does not work",
            "It is too old or was not copied whole. Start `duku serve` again: it prints a new one while there is no organisation.",
            ("Sign in", "/login"),
        )),
    }
}

/// `GET /setup/{code}`
pub(crate) async fn show(request: PageRequest, Path(code): Path<String>) -> Answer {
    require_open(&request, &code).await?;
    Ok(page(&request, &Fields::default(), FormError::default()))
}

/// `POST /setup/{code}`
pub(crate) async fn submit(Path(code): Path<String>, Posted(request, fields): Posted<PageRequest>) -> Answer {
    require_open(&request, &code).await?;
    let (organisation, email) = (fields.text("organisation"), fields.text("email"));
    let made = request
        .service()
        .operations()
        .set_up(&request.ctx, &code, organisation, email, fields.text("password"))
        .await;
    match made {
        Ok(_) => {
            let session = login::with_password(&request, email, fields.text("password")).await;
            if session.is_some() {
                return Ok(answer::with_cookie(answer::see_other(request.partial, "/"), session));
            }
            let hint: String = url::form_urlencoded::byte_serialize(email.trim().as_bytes()).collect();
            request.go(&format!("/login?login_hint={hint}"))
        }
        Err(error) => Ok(page(&request, &fields, request.form_error(error)?)),
    }
}
