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
    /// What a new organisation does first; none once all of it is done, and for a Member.
    pub(crate) first_steps: Option<FirstSteps>,
    pub(crate) products: Vec<Subject>,
    /// Whether products stand before this page.
    pub(crate) is_later: bool,
    /// The last product of this page, if there are more.
    pub(crate) next: Option<SubjectId>,
}

/// What of the beginning is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstSteps {
    pub(crate) product: bool,
    pub(crate) key: bool,
    pub(crate) query: bool,
}

impl FirstSteps {
    fn of(keys: &[KeyOverview], has_product: bool) -> Option<Self> {
        let query = keys.iter().any(|one| one.last_used_at.is_some());
        let steps = Self { product: has_product, key: !keys.is_empty(), query };
        (!(steps.product && steps.key && steps.query)).then_some(steps)
    }
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
        first_steps: keys
            .filter(|_| after.is_none())
            .and_then(|keys| FirstSteps::of(&keys, !products.is_empty())),
        products,
        is_later: after.is_some(),
        next: next.map(|last| last.id),
    };
    Ok(show!(context, page))
}
