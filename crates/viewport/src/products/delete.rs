//! Deleting a product, and its targets with it.

use super::{Named, find};
use crate::frame::{
    answer::Answer,
    form::{Fields, Posted},
    form_error::{self, FormError},
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::Subject;
use pages::{Chrome, Head, Section};

#[derive(askama::Template)]
#[template(path = "products/delete.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) partial: bool,
    pub(crate) product: Named,
    pub(crate) targets: i64,
    pub(crate) typed: String,
    pub(crate) errors: FormError,
}

async fn form(
    context: &MemberPage,
    product: &Subject,
    targets: i64,
    fields: &Fields,
    errors: FormError,
) -> Answer {
    let page = Form {
        head: Head::new(format!("Delete {}", product.details.name)),
        chrome: context.chrome(Section::Products).await?,
        partial: context.partial,
        product: Named::of(product),
        targets,
        typed: fields.text("confirm").to_owned(),
        errors,
    };
    Ok(show!(context, form_error::status(&page.errors), page))
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
