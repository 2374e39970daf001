//! A product's page: its facts and its targets.

use super::find;
use crate::{
    frame::{
        answer::Answer,
        form::Fields,
        page_context::{MemberPage, show},
        paging::{cut, page_size},
    },
    targets::Row,
};
use axum::extract::{Path, RawQuery};
use domain::TargetId;
use pages::{Chrome, Section, Time};

#[derive(askama::Template)]
#[template(path = "products/page.html", blocks = ["content"])]
pub(crate) struct Page {
    pub(crate) chrome: Chrome,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) created: Time,
    pub(crate) updated: Time,
    pub(crate) targets: Vec<Row>,
    pub(crate) is_later: bool,
    pub(crate) next: Option<String>,
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
        id,
        name: product.details.name.to_string(),
        description: product.details.description,
        base_url: product.details.base_url,
        created: pages::moment(product.created_at),
        updated: pages::since(product.updated_at, context.ctx.now),
        targets: targets.iter().map(|target| Row::of(target, context.ctx.now)).collect(),
        is_later: after.is_some(),
        next: next.map(|last| last.id.to_string()),
    };
    Ok(show!(context, page))
}
