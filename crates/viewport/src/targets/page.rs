//! A target's page.

use super::{Build, find, pretty};
use crate::{
    frame::{
        answer::Answer,
        page_context::{MemberPage, show},
    },
    products::Named,
};
use axum::extract::Path;
use pages::{Chrome, Section, Time};

#[derive(askama::Template)]
#[template(path = "targets/page.html", blocks = ["content"])]
pub(crate) struct Page {
    pub(crate) chrome: Chrome,
    pub(crate) product: Named,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) build_key: String,
    pub(crate) version: String,
    pub(crate) environment: String,
    pub(crate) build: Build,
    /// JSON over several lines; empty if there is none.
    pub(crate) metadata: String,
    pub(crate) created: Time,
    pub(crate) updated: Time,
}

/// `GET /p/{subject}/t/{target}`
pub(crate) async fn show(context: MemberPage, Path((subject, target)): Path<(String, String)>) -> Answer {
    let (product, target) = find(&context, &subject, &target).await?;
    let page = Page {
        chrome: context
            .chrome(format!("{} of {}", target.details.name, product.details.name), Section::Products)
            .await?,
        product: Named::of(&product),
        id: target.id.to_string(),
        build: Build::of(&target),
        metadata: pretty(&target),
        created: pages::moment(target.created_at),
        updated: pages::moment(target.updated_at),
        name: target.details.name.clone(),
        description: target.details.description,
        build_key: target.details.build_key,
        version: target.details.version,
        environment: target.details.environment,
    };
    Ok(show!(context, page))
}
