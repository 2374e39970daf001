//! Replacing a key's secret by workload identity: both open the key until the secret's grace is over.

use super::{
    change::found,
    identity_form::{self, IdentityForm},
};
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
use domain::{KeyId, Label, api_key::GracePeriod};
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "keys/secretless/replace.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) id: KeyId,
    pub(super) label: Label,
    pub(super) entered: IdentityForm,
    /// In seconds and in words, and whether it is chosen.
    pub(super) graces: Vec<(i64, &'static str, bool)>,
    pub(super) issuer_of_ours: String,
}

const GRACES: [(i64, &str); 3] =
    [(GracePeriod::MAXIMUM_SECONDS, "7 days"), (86_400, "24 hours"), (0, "None: it stops working now")];

async fn form(context: &MemberPage, id: &str, fields: &Fields, errors: FormError) -> Answer {
    let (id, label, identity) = found(context, id).await?;
    if identity.is_some() {
        return context.go(&format!("{LIST}/{id}/authentication"));
    }
    let chosen = fields.number("grace").unwrap_or(GracePeriod::MAXIMUM_SECONDS);
    let page = Form {
        chrome: context.form(format!("Replace the secret of {label}"), Section::ApiKeys, errors).await?,
        id,
        label,
        entered: IdentityForm::sent(fields, false),
        graces: GRACES.map(|(seconds, name)| (seconds, name, seconds == chosen)).to_vec(),
        issuer_of_ours: context.service().policy().issuer.clone(),
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/replace`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    form(&context, &id, &Fields::default(), FormError::default()).await
}

/// `POST /settings/api-keys/{id}/replace`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    let new = match identity_form::read(&fields, false) {
        Ok(new) => new,
        Err(errors) => return form(&context, &id, &fields, errors).await,
    };
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &id, &fields, errors).await;
    }
    let grace = fields.number("grace").unwrap_or(GracePeriod::MAXIMUM_SECONDS);
    let keys = context.service().keys();
    let replaced = keys.replace_secret(&context.ctx, &context.principal, &id, new, grace).await;
    match keys::known(&context, &id, replaced).await? {
        Ok(_) => context.go(&format!("{LIST}/{id}?done=secret-replaced")),
        Err(error) => form(&context, &id, &fields, context.form_error(error)?).await,
    }
}
