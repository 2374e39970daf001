//! Renaming a key: another label, and nothing else.

use super::{LIST, generate::duplicate};
use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::{KeyId, Label};
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "keys/rename.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) id: KeyId,
    /// What the key is called now.
    pub(super) current: Label,
    pub(super) label: String,
    /// The label that another Active key has already, if that has to be confirmed.
    pub(super) duplicate: String,
}

async fn form(context: &MemberPage, id: &str, fields: &Fields, duplicate: &str, errors: FormError) -> Answer {
    let key =
        super::outcome(context, id, context.service().keys().get(&context.principal, id).await).await?.key;
    let page = Form {
        chrome: context.form(format!("Rename {}", key.label), Section::ApiKeys, errors).await?,
        label: if fields.is_sent("label") { fields.text("label") } else { key.label.as_str() }.to_owned(),
        id: key.id,
        current: key.label,
        duplicate: duplicate.to_owned(),
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/rename`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    form(&context, &id, &Fields::default(), "", FormError::default()).await
}

/// `POST /settings/api-keys/{id}/rename`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    if let Some(label) = duplicate(&context, &fields, KeyId::parse(&id).ok().as_ref()).await? {
        return form(&context, &id, &fields, &label, FormError::default()).await;
    }
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &id, &fields, "", errors).await;
    }
    let label = fields.text("label");
    let renamed = context.service().keys().rename(&context.ctx, &context.principal, &id, label).await;
    match super::known(&context, &id, renamed).await? {
        Ok(_) => context.go(&format!("{LIST}/{id}?done=renamed")),
        Err(error) => form(&context, &id, &fields, "", context.form_error(error)?).await,
    }
}
