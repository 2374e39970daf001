//! What a token would come to at a key, check by check, without issuing anything.

use super::change::found;
use crate::{
    frame::{
        admin_page::{AdminPage, ApiKeys},
        answer::Answer,
        form::{Fields, Posted},
        page_context::{MemberPage, show},
    },
    keys::{self, LIST},
};
use axum::extract::Path;
use domain::{KeyId, Label};
use pages::{Chrome, FormError, Section};
use service::tokens::assertion::TokenReport;

#[derive(askama::Template)]
#[template(path = "keys/secretless/check.html", blocks = ["content"])]
pub(super) struct Page {
    pub(super) chrome: Chrome,
    pub(super) id: KeyId,
    pub(super) label: Label,
    pub(super) report: Option<TokenReport>,
}

async fn page(context: &MemberPage, id: &str, report: Option<TokenReport>, errors: FormError) -> Answer {
    let (id, label, identity) = found(context, id).await?;
    if identity.is_none() {
        return context.go(&format!("{LIST}/{id}"));
    }
    let chrome = context.form(format!("Check a token for {label}"), Section::ApiKeys, errors).await?;
    Ok(show!(context, Page { chrome, id, label, report }))
}

/// `GET /settings/api-keys/{id}/check`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    page(&context, &id, None, FormError::default()).await
}

/// `POST /settings/api-keys/{id}/check`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    let fields: Fields = fields;
    let Some(token) = fields.filled("token") else {
        return page(&context, &id, None, FormError::new("token", "Paste the token of a run.")).await;
    };
    let keys = context.service().keys();
    let report = keys.check_token(&context.ctx, &context.principal, &id, token).await;
    let mut report = keys::outcome(&context, &id, report).await?;
    // What has to be mended first.
    report.checks.sort_by_key(|check| check.is_passed);
    page(&context, &id, Some(report), FormError::default()).await
}
