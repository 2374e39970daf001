//! A target's page.

use super::{find, pretty};
use crate::frame::{
    answer::Answer,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::{Subject, Target};
use pages::{Chrome, Section};

#[derive(askama::Template)]
#[template(path = "targets/page.html", blocks = ["content"])]
pub(crate) struct Page {
    pub(crate) chrome: Chrome,
    pub(crate) product: Subject,
    pub(crate) target: Target,
    /// The pipeline's page of the build.
    pub(crate) ci_run_url: Option<String>,
    /// JSON over several lines; empty if there is none.
    pub(crate) metadata: String,
}

/// `GET /p/{subject}/t/{target}`
pub(crate) async fn show(context: MemberPage, Path((subject, target)): Path<(String, String)>) -> Answer {
    let (product, target) = find(&context, &subject, &target).await?;
    let page = Page {
        chrome: context
            .chrome(format!("{} of {}", target.details.name, product.details.name), Section::Products)
            .await?,
        metadata: pretty(&target),
        ci_run_url: target.details.ci_run_url(),
        product,
        target,
    };
    Ok(show!(context, page))
}

/// `GET /p/{subject}/t/{target}/exploration`: where the CI actions link to.
pub(crate) async fn show_exploration(
    context: MemberPage,
    Path((subject, target)): Path<(String, String)>,
) -> Answer {
    let (product, target) = find(&context, &subject, &target).await?;
    context.go(&format!("/p/{}/t/{}", product.id, target.id))
}
