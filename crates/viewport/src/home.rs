//! The first page: what needs attention, and the organisation's products.

use crate::frame::{
    answer::Answer,
    form::Fields,
    page_context::{MemberPage, show},
    paging::{cut, page_size},
};
use axum::{body::Body, extract::RawQuery};
use domain::{KeyOverview, Subject, SubjectId, Timestamp};
use http::Response;
use pages::{Chrome, Section, Time};
use service::keys::notices::{self, KeyNotice, NoticeReason};

/// A product as the list shows it.
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) base_url: Option<String>,
    pub(crate) updated: Time,
}

/// What is the matter with a key.
pub(crate) enum NoticeText {
    ExpiresSoon(Time),
    Expired(Time),
    DeadSecret(Time, i64),
}

/// A key that an Admin should look at.
pub(crate) struct Notice {
    pub(crate) key: String,
    pub(crate) label: String,
    pub(crate) text: NoticeText,
}

#[derive(askama::Template)]
#[template(path = "home.html", blocks = ["content"])]
pub(crate) struct Home {
    pub(crate) chrome: Chrome,
    pub(crate) attention: Vec<Notice>,
    /// Whether an Admin should be told that the next step is a key.
    pub(crate) needs_key: bool,
    pub(crate) products: Vec<Product>,
    /// Whether products stand before this page.
    pub(crate) is_later: bool,
    /// The last product of this page, if there are more.
    pub(crate) next: Option<String>,
}

impl Product {
    fn of(subject: &Subject, now: Timestamp) -> Self {
        Self {
            id: subject.id.to_string(),
            name: subject.details.name.to_string(),
            base_url: subject.details.base_url.clone(),
            updated: pages::since(subject.updated_at, now),
        }
    }
}

impl Notice {
    fn of(attention: KeyNotice, now: Timestamp) -> Self {
        let text = match attention.matter {
            NoticeReason::ExpiresSoon(at) => NoticeText::ExpiresSoon(pages::relative(at, now)),
            NoticeReason::Expired(at) => NoticeText::Expired(pages::since(at, now)),
            NoticeReason::DeadSecret(at, times) => NoticeText::DeadSecret(pages::since(at, now), times),
        };
        Self { key: attention.key.to_string(), label: attention.label, text }
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
    let (subjects, next) = cut(context.outcome(found)?, size);
    let keys = keys(&context).await?;
    let now = context.ctx.now;
    let attention = notices::attention(keys.as_deref().unwrap_or_default(), now);
    let page = Home {
        chrome: context.chrome_with("Products", Section::Products, keys.as_deref(), None).await?,
        attention: attention.into_iter().map(|one| Notice::of(one, now)).collect(),
        needs_key: keys.is_some_and(|keys| keys.is_empty()) && after.is_none(),
        products: subjects.iter().map(|subject| Product::of(subject, now)).collect(),
        is_later: after.is_some(),
        next: next.map(|last| last.id.to_string()),
    };
    Ok(show!(context, page))
}
