//! Generating a key that has no secret.

use super::identity_form::{self, IdentityForm};
use crate::{
    frame::{
        admin_page::{AdminPage, ApiKeys},
        answer::Answer,
        form::{Fields, Posted},
        form_error,
        page_context::{MemberPage, show},
    },
    keys::{LIST, generate::duplicate},
};
use axum::{
    body::Body,
    extract::{Path, RawQuery},
};
use http::Response;
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection, keys::identities::GenerateSecretlessKey};

#[derive(askama::Template)]
#[template(path = "keys/secretless/generate.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) entered: IdentityForm,
    pub(super) label: String,
    pub(super) days: String,
    pub(super) maximum_days: i64,
    /// The label that another Active key has already, if that has to be confirmed.
    pub(super) duplicate: String,
    pub(super) issuer_of_ours: String,
    /// Whether the organisation generates keys with a secret, too.
    pub(super) makes_secrets: bool,
}

/// Where one says on which platform the workload runs.
#[derive(askama::Template)]
#[template(path = "keys/secretless/choose.html", blocks = ["content"])]
pub(super) struct Choice {
    pub(super) chrome: Chrome,
    pub(super) makes_secrets: bool,
}

/// Whether a method's word in an address means public keys and not workload identity.
fn means_public_keys(context: &MemberPage, method: &str) -> Result<bool, Response<Body>> {
    match method {
        "workload" => Ok(false),
        "public-keys" => Ok(true),
        _ => {
            let missing = Rejection::NotFound { kind: "authentication method", id: method.to_owned() };
            Err(context.failed(&Error::Rejection(missing)))
        }
    }
}

async fn form(
    context: &MemberPage,
    is_public_keys: bool,
    fields: &Fields,
    duplicate: &str,
    errors: FormError,
) -> Answer {
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    let policy = organisation.key_policy;
    let chrome = context.form("Generate API Key", Section::ApiKeys, errors).await?;
    let makes_secrets = !organisation.secretless_only;
    let entered = IdentityForm::of_preset(fields, is_public_keys);
    if entered.preset.is_none() && !is_public_keys {
        return Ok(show!(context, Choice { chrome, makes_secrets }));
    }
    let page = Form {
        chrome,
        entered,
        label: fields.text("label").to_owned(),
        days: fields.filled("days").map_or_else(|| policy.default.days().to_string(), str::to_owned),
        maximum_days: policy.maximum.days(),
        duplicate: duplicate.to_owned(),
        issuer_of_ours: context.service().policy().issuer.clone(),
        makes_secrets,
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/generate/{method}`, for workload identity with `preset`.
pub(crate) async fn show_form(
    context: AdminPage<ApiKeys>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let is_public_keys = means_public_keys(&context, &method)?;
    let query = Fields::of_query(query.as_deref());
    let fields = Fields::from_iter([("preset", query.text("preset"))]);
    form(&context, is_public_keys, &fields, "", FormError::default()).await
}

/// `POST /settings/api-keys/generate/{method}`
pub(crate) async fn submit(
    Path(method): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    let is_public_keys = means_public_keys(&context, &method)?;
    let Some(days) = fields.number("days") else {
        let errors = FormError::new("expiresInDays", "Write the lifetime as a number of days, like 90.");
        return form(&context, is_public_keys, &fields, "", errors).await;
    };
    let identity = match identity_form::read(&fields, is_public_keys) {
        Ok(identity) => identity,
        Err(errors) => return form(&context, is_public_keys, &fields, "", errors).await,
    };
    if let Some(label) = duplicate(&context, &fields, None).await? {
        return form(&context, is_public_keys, &fields, &label, FormError::default()).await;
    }
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, is_public_keys, &fields, "", errors).await;
    }
    let new = GenerateSecretlessKey {
        label: fields.text("label").to_owned(),
        expires_in_days: Some(days),
        identity,
    };
    match context.service().keys().generate_without_secret(&context.ctx, &context.principal, new).await {
        Ok(key) => context.go(&format!("{LIST}/{}?done=generated", key.id)),
        Err(error) => form(&context, is_public_keys, &fields, "", context.form_error(error)?).await,
    }
}
