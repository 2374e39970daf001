//! Deleting a product, and its targets with it.

use super::find;
use crate::frame::{
    answer::Answer,
    form::{Fields, Posted},
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::Subject;
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "products/delete.html", blocks = ["content"])]
pub(crate) struct Form<'a> {
    pub(crate) chrome: Chrome,
    pub(crate) product: &'a Subject,
    pub(crate) targets: i64,
    pub(crate) typed: &'a str,
}

async fn form(
    context: &MemberPage,
    product: &Subject,
    targets: i64,
    fields: &Fields,
    errors: FormError,
) -> Answer {
    let page = Form {
        chrome: context.form(format!("Delete {}", product.details.name), Section::Products, errors).await?,
        product,
        targets,
        typed: fields.text("confirm"),
    };
    Ok(show!(context, page))
}

/// `GET /p/{subject}/delete`
pub(crate) async fn show_form(context: MemberPage, Path(id): Path<String>) -> Answer {
    let product = find(&context, &id).await?;
    let targets =
        context.outcome(context.service().products().count_targets(&context.principal, &product.id).await)?;
    form(&context, &product, targets, &Fields::default(), FormError::default()).await
}

/// `POST /p/{subject}/delete`
pub(crate) async fn submit(Path(id): Path<String>, Posted(context, fields): Posted<MemberPage>) -> Answer {
    let product = find(&context, &id).await?;
    let targets =
        context.outcome(context.service().products().count_targets(&context.principal, &product.id).await)?;
    let name = product.details.name.as_str();
    if targets > 0 && fields.text("confirm").trim() != name {
        let errors = FormError::new("confirm", format!("Type the name as it stands here: {name}"));
        return form(&context, &product, targets, &fields, errors).await;
    }
    context
        .outcome(context.service().products().delete_subject(&context.ctx, &context.principal, &id).await)?;
    context.go("/?done=product-deleted")
}
