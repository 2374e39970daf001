//! The first page: what needs attention, and the organisation's products.

use crate::frame::{
    answer::Answer,
    form::Fields,
    page_context::{MemberPage, show},
    paging::{cut, page_size},
};
use axum::{body::Body, extract::RawQuery};
use domain::{KeyOverview, Subject, SubjectId};
use http::Response;
use pages::{Chrome, Section};
use service::keys::notices::{self, KeyNotice, NoticeReason};

#[derive(askama::Template)]
#[template(path = "home.html", blocks = ["content"])]
pub(crate) struct Home {
    pub(crate) chrome: Chrome,
    pub(crate) attention: Vec<KeyNotice>,
    /// Whether an Admin should be told that the next step is a key.
    pub(crate) needs_key: bool,
    pub(crate) products: Vec<Subject>,
    /// Whether products stand before this page.
    pub(crate) is_later: bool,
    /// The last product of this page, if there are more.
    pub(crate) next: Option<SubjectId>,
}

/// The organisation's keys, for an Admin alone.
async fn keys(context: &MemberPage) -> Result<Option<Vec<KeyOverview>>, Response<Body>> {
    if !context.is_admin() {
        return Ok(None);
    }
    context.outcome(context.service().keys().list(&context.principal).await).map(Some)
}

/// `GET /?after=sbj_…`
pub(crate) async fn show(context: MemberPage, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::of_query(query.as_deref());
    let after = SubjectId::parse(query.text("after")).ok();
    let size = page_size(context.service());
    let found =
        context.service().products().list_subjects(&context.principal, size + 1, after.as_ref()).await;
    let (products, next) = cut(context.outcome(found)?, size);
    let keys = keys(&context).await?;
    let page = Home {
        chrome: context.chrome_with("Products", Section::Products, keys.as_deref(), None).await?,
        attention: notices::attention(keys.as_deref().unwrap_or_default(), context.ctx.now),
        needs_key: keys.is_some_and(|keys| keys.is_empty()) && after.is_none(),
        products,
        is_later: after.is_some(),
        next: next.map(|last| last.id),
    };
    Ok(show!(context, page))
}
