//! Deleting a target.

use super::find;
use crate::frame::{
    answer::Answer,
    form::Posted,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::{Subject, Target};
use pages::{Chrome, Section};

#[derive(askama::Template)]
#[template(path = "targets/delete.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) chrome: Chrome,
    pub(crate) product: Subject,
    pub(crate) target: Target,
}

/// `GET /p/{subject}/t/{target}/delete`
pub(crate) async fn show_form(
    context: MemberPage,
    Path((subject, target)): Path<(String, String)>,
) -> Answer {
    let (product, target) = find(&context, &subject, &target).await?;
    let page = Form {
        chrome: context.chrome(format!("Delete {}", target.details.name), Section::Products).await?,
        product,
        target,
    };
    Ok(show!(context, page))
}

/// `POST /p/{subject}/t/{target}/delete`
pub(crate) async fn submit(
    Path((subject, target)): Path<(String, String)>,
    Posted(context, _): Posted<MemberPage>,
) -> Answer {
    let (product, target) = find(&context, &subject, &target).await?;
    let id = target.id.as_str();
    context
        .outcome(context.service().products().delete_target(&context.ctx, &context.principal, id).await)?;
    context.go(&format!("/p/{}?done=target-deleted", product.id))
}
