//! Changing what a key without a secret is authenticated with.

use super::identity_form::{self, IdentityForm};
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
use axum::{body::Body, extract::Path};
use domain::{KeyId, Label, workload::Identity};
use http::Response;
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "keys/secretless/change.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) id: KeyId,
    pub(super) label: Label,
    pub(super) entered: IdentityForm,
    pub(super) end_issued_tokens: bool,
    pub(super) issuer_of_ours: String,
}

/// The key, and what it is authenticated with.
pub(super) async fn found(
    context: &MemberPage,
    id: &str,
) -> Result<(KeyId, Label, Option<Identity>), Response<Body>> {
    let overview =
        keys::outcome(context, id, context.service().keys().get(&context.principal, id).await).await?;
    Ok((overview.key.id, overview.key.label, overview.identity.map(|identity| identity.identity)))
}

async fn form(context: &MemberPage, id: &str, fields: Option<&Fields>, errors: FormError) -> Answer {
    let (id, label, identity) = found(context, id).await?;
    let Some(identity) = identity else { return context.go(&format!("{LIST}/{id}/replace")) };
    let is_public_keys = identity.workload().is_none();
    let stored = identity_form::stored(&identity);
    let fields = fields.unwrap_or(&stored);
    let page = Form {
        chrome: context.form(format!("Change {label}"), Section::ApiKeys, errors).await?,
        id,
        label,
        entered: IdentityForm::sent(fields, is_public_keys),
        end_issued_tokens: fields.is_ticked("end_issued_tokens"),
        issuer_of_ours: context.service().policy().issuer.clone(),
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/authentication`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    form(&context, &id, None, FormError::default()).await
}

/// `POST /settings/api-keys/{id}/authentication`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    let (_, _, identity) = found(&context, &id).await?;
    let is_public_keys = identity.is_some_and(|identity| identity.workload().is_none());
    let new = match identity_form::read(&fields, is_public_keys) {
        Ok(new) => new,
        Err(errors) => return form(&context, &id, Some(&fields), errors).await,
    };
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &id, Some(&fields), errors).await;
    }
    let end = fields.is_ticked("end_issued_tokens");
    let keys = context.service().keys();
    let changed = keys.change_identity(&context.ctx, &context.principal, &id, new, end).await;
    match keys::known(&context, &id, changed).await? {
        Ok(_) => context.go(&format!("{LIST}/{id}?done=authentication-changed")),
        Err(error) => form(&context, &id, Some(&fields), context.form_error(error)?).await,
    }
}
