//! Pages for Admins alone: their extractor, and the page that everyone else gets.

use crate::{
    Viewport,
    frame::page_context::{MemberPage, show},
};
use axum::{body::Body, extract::FromRequestParts};
use http::{Response, StatusCode, request::Parts};
use pages::{Chrome, Section};
use std::{marker::PhantomData, ops};

/// A section that only Admins may open, as the 403 page speaks of it.
pub(crate) trait AdminSection: Send + Sync {
    const SECTION: Section;
    const TITLE: &'static str;
    /// The end of "Only Admins can …".
    const WHAT: &'static str;
}

macro_rules! admin_sections {
    ($($section:ident $title:literal $what:literal;)*) => {$(
        /// The section of this name.
        pub(crate) struct $section;

        impl AdminSection for $section {
            const SECTION: Section = Section::$section;
            const TITLE: &'static str = $title;
            const WHAT: &'static str = $what;
        }
    )*};
}

admin_sections! {
    ApiKeys "API Keys" "manage API keys";
    AuditLog "Audit log" "read the audit log";
    Members "Members" "see and manage members";
    Organisation "Organisation" "change the organisation";
}

/// A page of section `S` for an Admin of the organisation. Others get status 403: what only Admins can do, and who they are.
pub(crate) struct AdminPage<S>(MemberPage, PhantomData<S>);

impl<S: AdminSection> FromRequestParts<Viewport> for AdminPage<S> {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, viewport: &Viewport) -> Result<Self, Self::Rejection> {
        let page = MemberPage::from_request_parts(parts, viewport).await?;
        if page.is_admin() { Ok(Self(page, PhantomData)) } else { Err(forbidden::<S>(&page).await?) }
    }
}

impl<S> ops::Deref for AdminPage<S> {
    type Target = MemberPage;

    fn deref(&self) -> &MemberPage {
        &self.0
    }
}

impl<S> ops::DerefMut for AdminPage<S> {
    fn deref_mut(&mut self) -> &mut MemberPage {
        &mut self.0
    }
}

#[derive(askama::Template)]
#[template(path = "forbidden.html", blocks = ["content"])]
struct Forbidden {
    chrome: Chrome,
    what: &'static str,
    admins: Vec<String>,
}

async fn forbidden<S: AdminSection>(page: &MemberPage) -> Result<Response<Body>, Response<Body>> {
    let admins = page.outcome(page.service().users().admins(&page.principal).await)?;
    let forbidden = Forbidden {
        chrome: page.chrome(S::TITLE, S::SECTION).await?,
        what: S::WHAT,
        admins: admins.iter().map(|email| email.as_str().to_owned()).collect(),
    };
    Ok(show!(page, StatusCode::FORBIDDEN, forbidden))
}
