//! Generating a key.

use super::{ADMINS_ONLY, once};
use crate::{
    answer::Answer,
    form::{Fields, Posted},
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::body::Body;
use domain::Organisation;
use http::Response;
use pages::{Chrome, Head, Section};
use service::{
    Failure, Reject,
    key_forms::{KeyForm, Sent},
    keys::GenerateKey,
};

#[derive(askama::Template)]
#[template(path = "keys/generate.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) chrome: Chrome,
    pub(super) partial: bool,
    pub(super) nonce: String,
    pub(super) label: String,
    pub(super) days: String,
    pub(super) maximum_days: i64,
    pub(super) now: String,
    pub(super) expires: String,
    /// The label that another Active key has already, if that has to be confirmed.
    pub(super) duplicate: String,
    pub(super) fresh: bool,
    pub(super) trouble: Trouble,
}

async fn form(
    visit: &Visit,
    organisation: &Organisation,
    fields: &Fields,
    duplicate: &str,
    trouble: Trouble,
) -> Answer {
    let policy = organisation.key_policy;
    let now = visit.ctx.now;
    let days = fields.number("days").unwrap_or(policy.default.days());
    let page = Form {
        head: Head::new("Generate API Key"),
        chrome: visit.chrome(Section::ApiKeys).await?,
        partial: visit.partial,
        nonce: match fields.text("nonce") {
            "" => visit.service().draw_handle().expose().to_owned(),
            sent => sent.to_owned(),
        },
        label: fields.text("label").to_owned(),
        days: match fields.filled("days") {
            Some(typed) => typed.to_owned(),
            None => days.to_string(),
        },
        maximum_days: policy.maximum.days(),
        now: now.to_whole_second().to_string(),
        expires: pages::date_text(now.plus_seconds(days.clamp(1, policy.maximum.days()) * 86_400)),
        duplicate: duplicate.to_owned(),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /settings/api-keys/generate`
pub(crate) async fn ask(visit: Visit) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let organisation = visit.outcome(visit.service().organisation(&visit.principal).await)?;
    form(&visit, &organisation, &Fields::default(), "", Trouble::default()).await
}

/// `POST /settings/api-keys/generate`
pub(crate) async fn make(Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let organisation = visit.outcome(visit.service().organisation(&visit.principal).await)?;
    let Some(days) = fields.number("days") else {
        let trouble = Trouble::new("expiresInDays", "Write the lifetime as a number of days, like 90.");
        return form(&visit, &organisation, &fields, "", trouble).await;
    };
    // Before anything is said about a label that the first of two clicks has just taken.
    let sent = visit.service().find_sent_form(&visit.principal, fields.text("nonce")).await;
    if let Some(id) = visit.outcome(sent)? {
        return once::sent_before(&visit, &id).await;
    }
    if let Some(label) = duplicate(&visit, &fields).await? {
        return form(&visit, &organisation, &fields, &label, Trouble::default()).await;
    }
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &organisation, &fields, "", trouble).await;
    }
    let input = GenerateKey { label: fields.text("label").to_owned(), expires_in_days: Some(days) };
    let name = fields.text("nonce");
    let sent = visit.service().carry_out(&visit.ctx, &visit.principal, name, KeyForm::Generate(&input)).await;
    match sent {
        Ok(Sent::Now(generated)) => once::show(&visit, once::Occasion::Generated, &generated).await,
        Ok(Sent::Before(id)) => once::sent_before(&visit, &id).await,
        Err(failure) => match trouble_of(failure) {
            Ok(trouble) => form(&visit, &organisation, &fields, "", trouble).await,
            Err(failure) => Err(visit.failed(&failure)),
        },
    }
}

fn trouble_of(failure: Failure) -> Result<Trouble, Failure> {
    match failure {
        Failure::Reject(reject @ Reject::LimitReached { .. }) => {
            Ok(Trouble::new("", crate::answer::sentence(&reject.message())))
        }
        other => Trouble::from(other),
    }
}

/// The label, if another Active key has it and nobody said yet that this is meant.
async fn duplicate(visit: &Visit, fields: &Fields) -> Result<Option<String>, Response<Body>> {
    let label = fields.text("label").trim();
    if label.is_empty() || fields.text("duplicate") == label {
        return Ok(None);
    }
    let keys = visit.outcome(visit.service().list_keys(&visit.principal).await)?;
    let same = keys
        .iter()
        .any(|one| one.key.is_active(visit.ctx.now) && one.key.label.as_str().eq_ignore_ascii_case(label));
    Ok(same.then(|| label.to_owned()))
}
