//! Renewing the expiry of a key that has no secret.

use super::change::found;
use crate::{
    frame::{
        admin_page::{AdminPage, ApiKeys},
        answer::Answer,
        form::{Fields, Posted},
        form_error,
        page_context::{MemberPage, show},
    },
    keys::{self, LIST},
};
use axum::extract::Path;
use domain::{KeyId, Label};
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "keys/secretless/renew.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) id: KeyId,
    pub(super) label: Label,
    pub(super) end_issued_tokens: bool,
}

async fn form(context: &MemberPage, id: &str, fields: &Fields, errors: FormError) -> Answer {
    let (id, label, identity) = found(context, id).await?;
    if identity.is_none() {
        return context.go(&format!("{LIST}/{id}/rotate"));
    }
    let page = Form {
        chrome: context.form(format!("Renew {label}"), Section::ApiKeys, errors).await?,
        id,
        label,
        end_issued_tokens: fields.is_ticked("end_issued_tokens"),
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/renew`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    form(&context, &id, &Fields::default(), FormError::default()).await
}

/// `POST /settings/api-keys/{id}/renew`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &id, &fields, errors).await;
    }
    let end = fields.is_ticked("end_issued_tokens");
    let renewed = context.service().keys().renew(&context.ctx, &context.principal, &id, end).await;
    match keys::known(&context, &id, renewed).await? {
        Ok(_) => context.go(&format!("{LIST}/{id}?done=renewed")),
        Err(error) => form(&context, &id, &fields, context.form_error(error)?).await,
    }
}
