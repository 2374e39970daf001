//! Rotating a key: a new secret, the same Client ID.

use super::{
    row::{Row, StatusBadge, in_use_from},
    show_once,
};
use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::api_key::GracePeriod;
use pages::{Chrome, FormError, Section, Time};
use service::keys::{
    RotateKey,
    sent_forms::{KeyForm, Sent},
    usage_report::KeyReport,
};

#[derive(askama::Template)]
#[template(path = "keys/rotate.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) nonce: String,
    pub(super) row: Row,
    /// When the key will expire once it is rotated.
    pub(super) expires: Time,
    /// From how many addresses it was used within the hour.
    pub(super) in_use_from: usize,
    /// In seconds and in words, with a hint, and whether it is chosen.
    pub(super) graces: Vec<(i64, &'static str, &'static str, bool)>,
    pub(super) end_issued_tokens: bool,
}

const DAY_SECONDS: i64 = 86_400;
const GRACES: [(i64, &str); 4] =
    [(0, "None"), (3600, "1 hour"), (DAY_SECONDS, "24 hours"), (GracePeriod::MAXIMUM_SECONDS, "7 days")];

/// The shortest grace in which whatever uses the key comes by once, and somebody can bring the new secret there, with the reason: a
/// day for what is used every day, else a week. A key that was never used needs none. It is not chosen by itself: a rotation ends the
/// secret at once unless somebody says otherwise.
fn suggested_grace(report: &KeyReport) -> Option<(i64, &'static str)> {
    let last = report.overview.last_used_at?;
    let used = report.days.iter().filter(|day| day.exchanges + day.api_calls > 0).map(|day| day.day);
    let today = report.days.last().map_or(0, |day| day.day);
    // What is not written yet is no day's, but the last use.
    let mut days: Vec<i64> = used.chain([last.day(), today]).collect();
    days.sort_unstable();
    let is_daily = days.windows(2).all(|pair| matches!(pair, [day, next] if next - day <= 1));
    Some(if is_daily {
        (DAY_SECONDS, "Suggested: the key is used every day.")
    } else {
        (GracePeriod::MAXIMUM_SECONDS, "Suggested: the key is used, but not every day.")
    })
}

async fn form(context: &MemberPage, report: &KeyReport, fields: &Fields, errors: FormError) -> Answer {
    let now = context.ctx.now;
    let organisation = context.outcome(context.service().organisations().get(&context.principal).await)?;
    let key = &report.overview.key;
    let lifetime = key.lifetime.min(organisation.key_policy.maximum);
    let chosen = fields.number("grace").unwrap_or(0);
    let suggested = suggested_grace(report);
    let hint = |seconds| match suggested {
        _ if seconds == 0 => "It stops working immediately.",
        Some((grace, why)) if grace == seconds => why,
        _ => "",
    };
    let page = Form {
        chrome: context.form(format!("Rotate {}", key.label), Section::ApiKeys, errors).await?,
        nonce: match fields.text("nonce") {
            "" => context.service().tokens().generate_opaque_token().expose().to_owned(),
            sent => sent.to_owned(),
        },
        row: Row::of(&report.overview, now),
        expires: pages::date(&now.plus_seconds(lifetime.seconds())),
        in_use_from: in_use_from(report, now),
        graces: GRACES
            .iter()
            .map(|(seconds, name)| (*seconds, *name, hint(*seconds), *seconds == chosen))
            .collect(),
        end_issued_tokens: fields.is_ticked("end_issued_tokens"),
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/rotate`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    let report = super::outcome(
        &context,
        &id,
        context.service().keys().report(&context.ctx, &context.principal, &id).await,
    )
    .await?;
    form(&context, &report, &Fields::default(), FormError::default()).await
}

/// `POST /settings/api-keys/{id}/rotate`
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
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &report, &fields, errors).await;
    }
    let input = RotateKey {
        grace_seconds: fields.number("grace").unwrap_or(0),
        end_issued_tokens: fields.is_ticked("end_issued_tokens"),
    };
    let name = fields.text("nonce");
    let form_sent = KeyForm::Rotate(&id, input);
    let sent = context.service().keys().carry_out(&context.ctx, &context.principal, name, form_sent).await;
    match sent {
        Ok(Sent::Now(generated)) => show_once::show(&context, show_once::Occasion::Rotated, &generated).await,
        Ok(Sent::Before(id)) => show_once::sent_before(&context, &id).await,
        Err(error) => form(&context, &report, &fields, context.form_error(error)?).await,
    }
}
