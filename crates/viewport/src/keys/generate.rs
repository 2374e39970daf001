//! Generating a key.

use super::{candidates, count_active, row::Row, show_once};
use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use axum::body::Body;
use domain::{KeyId, Organisation};
use http::Response;
use pages::{Chrome, FormError, Section};
use service::keys::{
    GenerateKey,
    sent_forms::{KeyForm, Sent},
};

/// In days.
const LIFETIMES: [i64; 4] = [30, 90, 180, 365];

#[derive(askama::Template)]
#[template(path = "keys/generate.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) nonce: String,
    pub(super) label: String,
    pub(super) days: String,
    pub(super) maximum_days: i64,
    /// Usual lifetimes, to choose from.
    pub(super) lifetimes: Vec<i64>,
    pub(super) sends_mail: bool,
    pub(super) now: String,
    pub(super) expires: String,
    /// The label that another Active key has already, if that has to be confirmed.
    pub(super) duplicate: String,
    /// Whether the organisation generates keys with a secret.
    pub(super) makes_secrets: bool,
}

/// What stands in place of the form while no place is free.
#[derive(askama::Template)]
#[template(path = "keys/full.html", blocks = ["content"])]
pub(super) struct Full {
    pub(super) chrome: Chrome,
    pub(super) limit: usize,
    pub(super) candidates: Vec<Row>,
}

async fn form(
    context: &MemberPage,
    organisation: &Organisation,
    fields: &Fields,
    duplicate: &str,
    errors: FormError,
) -> Answer {
    let policy = organisation.key_policy;
    let now = context.ctx.now;
    let days = fields.number("days").unwrap_or(policy.default.days());
    let page = Form {
        chrome: context.form("Generate API Key", Section::ApiKeys, errors).await?,
        nonce: match fields.text("nonce") {
            "" => context.service().tokens().generate_opaque_token().expose().to_owned(),
            sent => sent.to_owned(),
        },
        label: fields.text("label").to_owned(),
        days: match fields.filled("days") {
            Some(typed) => typed.to_owned(),
            None => days.to_string(),
        },
        maximum_days: policy.maximum.days(),
        lifetimes: LIFETIMES.into_iter().filter(|days| *days <= policy.maximum.days()).collect(),
        sends_mail: context.service().operations().sends_mail(),
        now: now.to_whole_second().to_string(),
        expires: pages::date_text(now.plus_seconds(days.clamp(1, policy.maximum.days()) * 86_400)),
        duplicate: duplicate.to_owned(),
        makes_secrets: !organisation.secretless_only,
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/generate`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>) -> Answer {
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let limit = context.service().policy().active_keys;
    if count_active(&keys, &context) >= limit {
        let chrome = context.chrome_with("Generate API Key", Section::ApiKeys, Some(&keys), None).await?;
        return Ok(show!(context, Full { chrome, limit, candidates: candidates(&keys, &context) }));
    }
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    form(&context, &organisation, &Fields::default(), "", FormError::default()).await
}

/// `POST /settings/api-keys/generate`
pub(crate) async fn submit(Posted(mut context, fields): Posted<AdminPage<ApiKeys>>) -> Answer {
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    let Some(days) = fields.number("days") else {
        let errors = FormError::new("expiresInDays", "Write the lifetime as a number of days, like 90.");
        return form(&context, &organisation, &fields, "", errors).await;
    };
    // Before anything is said about a label that the first of two clicks has just taken.
    let sent = context.service().keys().find_sent_form(&context.principal, fields.text("nonce")).await;
    if let Some(id) = context.outcome(sent)? {
        return show_once::sent_before(&context, &id).await;
    }
    if let Some(label) = duplicate(&context, &fields, None).await? {
        return form(&context, &organisation, &fields, &label, FormError::default()).await;
    }
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &organisation, &fields, "", errors).await;
    }
    let input = GenerateKey { label: fields.text("label").to_owned(), expires_in_days: Some(days) };
    let name = fields.text("nonce");
    let sent = context
        .service()
        .keys()
        .carry_out(&context.ctx, &context.principal, name, KeyForm::Generate(&input))
        .await;
    match sent {
        Ok(Sent::Now(generated)) => {
            show_once::show(&context, show_once::Occasion::Generated, &generated).await
        }
        Ok(Sent::Before(id)) => show_once::sent_before(&context, &id).await,
        Err(error) => form(&context, &organisation, &fields, "", context.form_error(error)?).await,
    }
}

/// The label, if an Active key besides `own` has it and nobody said yet that this is meant.
pub(super) async fn duplicate(
    context: &MemberPage,
    fields: &Fields,
    own: Option<&KeyId>,
) -> Result<Option<String>, Response<Body>> {
    let label = fields.text("label").trim();
    if label.is_empty() || fields.text("duplicate") == label {
        return Ok(None);
    }
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let others =
        keys.iter().map(|one| &one.key).filter(|key| key.is_active(context.ctx.now) && Some(&key.id) != own);
    let same = others.into_iter().any(|key| key.label.as_str().eq_ignore_ascii_case(label));
    Ok(same.then(|| label.to_owned()))
}
