//! A product's page: its facts and its targets.

use super::find;
use crate::frame::{
    answer::Answer,
    form::Fields,
    page_context::{MemberPage, show},
    paging::{cut, page_size},
};
use axum::extract::{Path, RawQuery};
use domain::{Subject, Target, TargetId};
use pages::{Chrome, Section};

#[derive(askama::Template)]
#[template(path = "products/page.html", blocks = ["content"])]
pub(crate) struct Page {
    pub(crate) chrome: Chrome,
    pub(crate) product: Subject,
    pub(crate) targets: Vec<Target>,
    pub(crate) is_later: bool,
    pub(crate) next: Option<TargetId>,
}

/// `GET /p/{subject}?after=smt_…`
pub(crate) async fn show(context: MemberPage, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let product = find(&context, &id).await?;
    let query = Fields::of_query(query.as_deref());
    let after = TargetId::parse(query.text("after")).ok();
    let size = page_size(context.service());
    let found = context
        .service()
        .products()
        .list_targets(&context.principal, Some(&product.id), size + 1, after.as_ref())
        .await;
    let (targets, next) = cut(context.outcome(found)?, size);
    let page = Page {
        chrome: context.chrome(product.details.name.as_str(), Section::Products).await?,
        product,
        targets,
        is_later: after.is_some(),
        next: next.map(|last| last.id),
    };
    Ok(show!(context, page))
}
