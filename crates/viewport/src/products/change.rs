//! Adding and changing a product: one form.

use super::find;
use crate::frame::{
    answer::Answer,
    form::{Fields, Posted},
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::{Subject, Timestamp};
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection, products::SubjectChange};

#[derive(askama::Template)]
#[template(path = "products/form.html", blocks = ["content"])]
pub(crate) struct Form<'a> {
    pub(crate) chrome: Chrome,
    /// The product that is changed; none if one is added.
    pub(crate) product: Option<&'a Subject>,
    /// When it had last changed as the form shows it, in milliseconds.
    pub(crate) seen_at: String,
    pub(crate) typed: &'a Fields,
}

async fn form(context: &MemberPage, product: Option<&Subject>, typed: &Fields, errors: FormError) -> Answer {
    let title = product
        .map_or_else(|| "Add a product".to_owned(), |product| format!("Edit {}", product.details.name));
    let chrome = context.form(title, Section::Products, errors).await?;
    let page = Form {
        product,
        seen_at: match (&chrome.errors.conflict, typed.text("seen_at")) {
            // Whoever has read what is stored now may replace it.
            (Some(_), _) | (None, "") => {
                product.map(|product| product.updated_at.ms().to_string()).unwrap_or_default()
            }
            (None, sent) => sent.to_owned(),
        },
        chrome,
        typed,
    };
    Ok(show!(context, page))
}

/// `GET /p/new`
pub(crate) async fn show_new(context: MemberPage) -> Answer {
    form(&context, None, &Fields::default(), FormError::default()).await
}

/// `POST /p/new`
pub(crate) async fn submit(Posted(context, fields): Posted<MemberPage>) -> Answer {
    let description = fields.lines("description");
    let base_url = fields.filled("base_url");
    let made = context
        .service()
        .products()
        .create_subject(
            &context.ctx,
            &context.principal,
            fields.text("name"),
            description.as_deref(),
            base_url,
        )
        .await;
    match made {
        Ok(product) => context.go(&format!("/p/{}?done=product-added", product.id)),
        Err(error) => form(&context, None, &fields, context.form_error(error)?).await,
    }
}

/// `GET /p/{subject}/edit`
pub(crate) async fn show_edit(context: MemberPage, Path(id): Path<String>) -> Answer {
    let product = find(&context, &id).await?;
    let details = &product.details;
    let fields = Fields::from_iter([
        ("name", details.name.as_str()),
        ("description", details.description.as_deref().unwrap_or_default()),
        ("base_url", details.base_url.as_deref().unwrap_or_default()),
    ]);
    form(&context, Some(&product), &fields, FormError::default()).await
}

/// `POST /p/{subject}/edit`
pub(crate) async fn save(Path(id): Path<String>, Posted(context, fields): Posted<MemberPage>) -> Answer {
    let product = find(&context, &id).await?;
    let change = SubjectChange {
        name: Some(fields.text("name").to_owned()),
        description: Some(fields.lines("description")),
        base_url: Some(fields.filled("base_url").map(str::to_owned)),
        // A form without it saw nothing: the epoch is when no product changed.
        seen_at: Some(Timestamp::from_ms(fields.number("seen_at").unwrap_or_default())),
    };
    match context.service().products().update_subject(&context.ctx, &context.principal, &id, change).await {
        Ok(_) => context.go(&format!("/p/{id}?done=product-changed")),
        Err(Error::Rejection(Rejection::Conflict(_))) => {
            let product = find(&context, &id).await?;
            form(&context, Some(&product), &fields, conflict(&product, &fields)).await
        }
        Err(error) => form(&context, Some(&product), &fields, context.form_error(error)?).await,
    }
}

fn conflict(product: &Subject, fields: &Fields) -> FormError {
    let details = &product.details;
    FormError::conflict(&[
        ("Name", fields.text("name"), details.name.as_str()),
        (
            "Description",
            &fields.lines("description").unwrap_or_default(),
            details.description.as_deref().unwrap_or_default(),
        ),
        ("Base URL", fields.text("base_url"), details.base_url.as_deref().unwrap_or_default()),
    ])
}
