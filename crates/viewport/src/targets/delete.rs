//! Deleting a target.

use super::find;
use crate::{
    answer::Answer,
    form::Posted,
    products::Named,
    visit::{Visit, show},
};
use axum::extract::Path;
use http::StatusCode;
use pages::{Chrome, Head, Section};

#[derive(askama::Template)]
#[template(path = "targets/delete.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) partial: bool,
    pub(crate) product: Named,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) environment: String,
    pub(crate) build_key: String,
}

/// `GET /p/{subject}/t/{target}/delete`
pub(crate) async fn ask(visit: Visit, Path((subject, target)): Path<(String, String)>) -> Answer {
    let (product, target) = find(&visit, &subject, &target).await?;
    let page = Form {
        head: Head::new(format!("Delete {}", target.details.name)),
        chrome: visit.chrome(Section::Products).await?,
        partial: visit.partial,
        product: Named::of(&product),
        id: target.id.to_string(),
        name: target.details.name.to_string(),
        version: target.details.version,
        environment: target.details.environment,
        build_key: target.details.build_key,
    };
    Ok(show!(visit, StatusCode::OK, page))
}

/// `POST /p/{subject}/t/{target}/delete`
pub(crate) async fn make(
    Path((subject, target)): Path<(String, String)>,
    Posted(visit, _): Posted<Visit>,
) -> Answer {
    let (product, target) = find(&visit, &subject, &target).await?;
    let id = target.id.as_str();
    visit.outcome(visit.service().delete_target(&visit.ctx, &visit.principal, id).await)?;
    visit.go(&format!("/p/{}?done=target-deleted", product.id))
}
