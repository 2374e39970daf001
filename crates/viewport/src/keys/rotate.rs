//! Rotating a key: a new secret, the same Client ID.

use super::{ADMINS_ONLY, once, row::Row};
use crate::{
    answer::Answer,
    form::{Fields, Posted},
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::extract::Path;
use domain::api_key::GracePeriod;
use pages::{Chrome, Head, Section, Time};
use service::{
    Failure, Reject,
    key_forms::{KeyForm, Sent},
    key_use::KeyReport,
    keys::RotateKey,
};

/// A key is "in use right now" if it was used within so many seconds.
const RIGHT_NOW_SECONDS: i64 = 3600;

#[derive(askama::Template)]
#[template(path = "keys/rotate.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) chrome: Chrome,
    pub(super) partial: bool,
    pub(super) nonce: String,
    pub(super) key: Row,
    /// When the key will expire once it is rotated.
    pub(super) expires: Time,
    /// From how many addresses it was used within the hour.
    pub(super) in_use_from: usize,
    pub(super) graces: Vec<(i64, &'static str, bool)>,
    pub(super) end_issued_tokens: bool,
    pub(super) fresh: bool,
    pub(super) trouble: Trouble,
}

const GRACES: [(i64, &str); 4] =
    [(0, "None"), (3600, "1 hour"), (86_400, "24 hours"), (GracePeriod::MAXIMUM_SECONDS, "7 days")];

async fn form(visit: &Visit, report: &KeyReport, fields: &Fields, trouble: Trouble) -> Answer {
    let now = visit.ctx.now;
    let organisation = visit.outcome(visit.service().organisation(&visit.principal).await)?;
    let key = &report.overview.key;
    let lifetime = key.lifetime.min(organisation.key_policy.maximum);
    let chosen = fields.number("grace").unwrap_or(0);
    let hour = now.plus_seconds(-RIGHT_NOW_SECONDS);
    let page = Form {
        head: Head::new(format!("Rotate {}", key.label)),
        chrome: visit.chrome(Section::ApiKeys).await?,
        partial: visit.partial,
        nonce: match fields.text("nonce") {
            "" => visit.service().draw_handle().expose().to_owned(),
            sent => sent.to_owned(),
        },
        key: Row::of(&report.overview, now),
        expires: pages::date(now.plus_seconds(lifetime.seconds())),
        in_use_from: report.sources.iter().filter(|source| source.last_used_at > hour).count(),
        graces: GRACES.iter().map(|(seconds, name)| (*seconds, *name, *seconds == chosen)).collect(),
        end_issued_tokens: fields.is_ticked("end_issued_tokens"),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /settings/api-keys/{id}/rotate`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let report = visit.outcome(visit.service().report_key(&visit.ctx, &visit.principal, &id).await)?;
    form(&visit, &report, &Fields::default(), Trouble::default()).await
}

/// `POST /settings/api-keys/{id}/rotate`
pub(crate) async fn make(Path(id): Path<String>, Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let report = visit.outcome(visit.service().report_key(&visit.ctx, &visit.principal, &id).await)?;
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &report, &fields, trouble).await;
    }
    let input = RotateKey {
        grace_seconds: fields.number("grace").unwrap_or(0),
        end_issued_tokens: fields.is_ticked("end_issued_tokens"),
    };
    let name = fields.text("nonce");
    let form_sent = KeyForm::Rotate(&id, input);
    let sent = visit.service().carry_out(&visit.ctx, &visit.principal, name, form_sent).await;
    match sent {
        Ok(Sent::Now(generated)) => once::show(&visit, once::Occasion::Rotated, &generated).await,
        Ok(Sent::Before(id)) => once::sent_before(&visit, &id).await,
        Err(Failure::Reject(reject @ Reject::LimitReached { .. })) => {
            let trouble = Trouble::new("", crate::answer::sentence(&reject.message()));
            form(&visit, &report, &fields, trouble).await
        }
        Err(failure) => match Trouble::from(failure) {
            Ok(trouble) => form(&visit, &report, &fields, trouble).await,
            Err(failure) => Err(visit.failed(&failure)),
        },
    }
}
