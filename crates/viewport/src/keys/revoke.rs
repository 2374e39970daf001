//! Revoking a key: permanent, and confirmed by typing its label.

use super::{
    LIST,
    row::{Row, StatusBadge, in_use_from},
};
use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use pages::{Chrome, FormError, Section};
use service::keys::usage_report::KeyReport;

#[derive(askama::Template)]
#[template(path = "keys/revoke.html", blocks = ["content"])]
pub(super) struct Form<'a> {
    pub(super) chrome: Chrome,
    pub(super) row: Row,
    /// From how many addresses it was used within the hour.
    pub(super) in_use_from: usize,
    pub(super) typed: &'a str,
}

async fn form(context: &MemberPage, report: &KeyReport, fields: &Fields, errors: FormError) -> Answer {
    let overview = &report.overview;
    let page = Form {
        chrome: context.form(format!("Revoke {}", overview.key.label), Section::ApiKeys, errors).await?,
        row: Row::of(overview, context.ctx.now),
        in_use_from: in_use_from(report, context.ctx.now),
        typed: fields.text("confirm"),
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/revoke`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    let report = super::outcome(
        &context,
        &id,
        context.service().keys().report(&context.ctx, &context.principal, &id).await,
    )
    .await?;
    form(&context, &report, &Fields::default(), FormError::default()).await
}

/// `POST /settings/api-keys/{id}/revoke`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    let report = super::outcome(
        &context,
        &id,
        context.service().keys().report(&context.ctx, &context.principal, &id).await,
    )
    .await?;
    let label = report.overview.key.label.as_str();
    if fields.text("confirm").trim() != label {
        let errors = FormError::new("confirm", format!("Type the label as it stands here: {label}"));
        return form(&context, &report, &fields, errors).await;
    }
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &report, &fields, errors).await;
    }
    super::outcome(
        &context,
        &id,
        context.service().keys().revoke(&context.ctx, &context.principal, &id).await,
    )
    .await?;
    context.go(&format!("{LIST}?done=revoked&key={id}"))
}
