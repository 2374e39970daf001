//! The runs that asked for a key and were rejected: shown live, and allowed with a click.

use super::identity_form;
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
use domain::{
    KeyOverview, Timestamp,
    workload::{Attempt, Claims, Conditions, Danger, Preset, Run, WorkloadIdentity, check, looks_alike},
};
use http::{Response, StatusCode};
use pages::{Chrome, FormError, Section, Time};
use service::{Error, Rejection};
use std::collections::BTreeSet;

/// The attempts of a key, as its page shows them.
#[derive(askama::Template)]
#[template(path = "keys/secretless/attempts.html")]
pub(crate) struct AttemptsPanel {
    pub(crate) id: String,
    /// Whether it asks again every two seconds.
    pub(crate) is_live: bool,
    pub(crate) attempts: Vec<AttemptView>,
}

/// One attempt.
pub(crate) struct AttemptView {
    pub(crate) id: String,
    pub(crate) at: Time,
    pub(crate) times: i64,
    pub(crate) run: String,
    pub(crate) run_url: Option<String>,
    pub(crate) message: String,
    pub(crate) address: String,
    /// The claims that say who it is: what becomes a pin or a condition first.
    pub(crate) claims: Vec<(String, String)>,
    /// A name of the organisation's that this one could be taken for.
    pub(crate) looks_like: Option<String>,
    /// Whether it is the workload that the key is for, or one that the key may be given to.
    pub(crate) can_be_allowed: bool,
}

#[derive(askama::Template)]
#[template(path = "keys/secretless/allow.html", blocks = ["content"])]
pub(super) struct AllowForm {
    pub(super) chrome: Chrome,
    pub(super) key: KeyOverview,
    pub(super) attempt: AttemptView,
    /// What the key accepts afterwards, as claim and value.
    pub(super) becomes: Vec<(String, String)>,
    /// What has to be accepted besides: its word, what it means, and whether it is ticked.
    pub(super) dangers: Vec<(&'static str, &'static str, bool)>,
    pub(super) waits: bool,
}

impl AttemptsPanel {
    /// The attempts of a key with workload identity.
    pub(crate) async fn of(
        context: &MemberPage,
        overview: &KeyOverview,
    ) -> Result<Option<Self>, Response<Body>> {
        let identity = overview.identity.as_ref().map(|identity| &identity.identity);
        let Some(workload) = identity.and_then(|identity| identity.workload()) else { return Ok(None) };
        let id = overview.key.id.as_str();
        let attempts = context.outcome(context.service().keys().attempts(&context.principal, id).await)?;
        let known = known_names(context).await?;
        Ok(Some(Self {
            id: id.to_owned(),
            is_live: workload.waits_until(context.ctx.now).is_some(),
            attempts: attempts
                .iter()
                .map(|attempt| AttemptView::of(attempt, workload, &known, context.ctx.now))
                .collect(),
        }))
    }
}

impl AttemptView {
    fn of(attempt: &Attempt, workload: &WorkloadIdentity, known: &[String], now: Timestamp) -> Self {
        let claims: Claims = serde_json::from_str(&attempt.claims).unwrap_or_default();
        let run = Run::of(workload.preset, &workload.issuer, &claims);
        let report =
            workload.conditions().map(|conditions| check(conditions, &claims, &workload.accepted_dangers()));
        let can_be_allowed = match &report {
            Some(report) => report.pins_match() && !report.is_match(),
            None => workload.waits_until(now).is_some(),
        };
        let looks_like = run.repository.as_ref().and_then(|name| {
            let is_known = known.iter().any(|other| other == name);
            known.iter().find(|other| !is_known && looks_alike(name, other)).cloned()
        });
        Self {
            id: attempt.id.clone(),
            at: pages::moment(&attempt.at),
            times: attempt.times,
            run: run.title,
            run_url: run.url,
            message: attempt.message.clone(),
            address: attempt.address.clone().unwrap_or_default(),
            claims: shown_claims(workload.preset, &claims),
            looks_like,
            can_be_allowed,
        }
    }
}

/// The claims that a person looks at: of a known platform those that pins and conditions are made of, of any other all that are no
/// lists or objects. Names and ids are shown in full.
fn shown_claims(preset: Preset, claims: &Claims) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(domain::text::shown(text, 300)),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    if preset == Preset::AnyOidc {
        return claims
            .iter()
            .filter_map(|(name, value)| Some((domain::text::shown(name, 100), text(value)?)))
            .collect();
    }
    let mut shown: Vec<(String, String)> = preset
        .pins()
        .iter()
        .chain(preset.offered())
        .filter_map(|known| Some((known.name().to_string(), text(known.name().value(claims)?)?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    for name in ["repository", "project_path", "actor", "user_login", "sub"] {
        if let Some(value) = claims.get(name).and_then(text)
            && !shown.iter().any(|(known, _)| known == name)
        {
            shown.push((name.to_owned(), value));
        }
    }
    shown
}

/// The repositories that the organisation's keys were used by.
async fn known_names(context: &MemberPage) -> Result<Vec<String>, Response<Body>> {
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let of = |overview: &KeyOverview| {
        // A run's title ends in its repository and, where it has one, its branch.
        let title = &overview.last_run.as_ref()?.title;
        let (_, rest) = title.split_once(" of ")?;
        Some(rest.split(" on ").next().unwrap_or(rest).to_owned())
    };
    Ok(keys.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect())
}

/// `GET /settings/api-keys/{id}/attempts`: the part of a key's page that asks again while the key waits.
pub(crate) async fn panel(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    if !context.partial {
        return context.go(&format!("{LIST}/{id}"));
    }
    let overview =
        keys::outcome(&context, &id, context.service().keys().get(&context.principal, &id).await).await?;
    match AttemptsPanel::of(&context, &overview).await? {
        Some(panel) => Ok(pages::html(StatusCode::OK, &panel)),
        None => context.go(&format!("{LIST}/{id}")),
    }
}

async fn form(
    context: &MemberPage,
    (id, attempt): (&str, &str),
    fields: &Fields,
    errors: FormError,
) -> Answer {
    let key = keys::outcome(context, id, context.service().keys().get(&context.principal, id).await).await?;
    let attempts = context.outcome(context.service().keys().attempts(&context.principal, id).await)?;
    let found = attempts.into_iter().find(|known| known.id == attempt);
    let workload = key.identity.as_ref().and_then(|identity| identity.identity.workload()).cloned();
    let (Some(found), Some(workload)) = (found, workload) else {
        let missing = Rejection::NotFound { kind: "attempt", id: attempt.to_owned() };
        return Err(context.failed(&Error::Rejection(missing)));
    };
    let claims: Claims = serde_json::from_str(&found.claims).unwrap_or_default();
    let known = known_names(context).await?;
    let exactly = match workload.conditions() {
        None => Conditions::exactly(workload.preset, &claims).ok(),
        Some(conditions) => Some(conditions.clone()),
    };
    let mut needed: BTreeSet<Danger> = exactly.as_ref().map(Conditions::dangers).unwrap_or_default();
    if let Some(conditions) = &exactly {
        let report = check(conditions, &claims, &BTreeSet::new());
        needed.extend(report.others.iter().filter_map(|one| one.danger));
    }
    let already = workload.accepted_dangers();
    let ticked = identity_form::accepted(fields);
    let becomes = exactly.filter(|_| workload.conditions().is_none()).map_or_else(Vec::new, |conditions| {
        conditions
            .pins()
            .iter()
            .chain(conditions.others())
            .map(|condition| (condition.claim().to_string(), condition.to_string()))
            .collect()
    });
    let page = AllowForm {
        chrome: context.form("Allow a workload", Section::ApiKeys, errors).await?,
        attempt: AttemptView::of(&found, &workload, &known, context.ctx.now),
        becomes,
        dangers: needed
            .difference(&already)
            .map(|danger| (danger.as_str(), danger.describe(), ticked.contains(danger)))
            .collect(),
        waits: workload.conditions().is_none(),
        key,
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/attempts/{attempt}/allow`
pub(crate) async fn show_form(
    context: AdminPage<ApiKeys>,
    Path((id, attempt)): Path<(String, String)>,
) -> Answer {
    form(&context, (&id, &attempt), &Fields::default(), FormError::default()).await
}

/// `POST /settings/api-keys/{id}/attempts/{attempt}/allow`
pub(crate) async fn allow(
    Path((id, attempt)): Path<(String, String)>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, (&id, &attempt), &fields, errors).await;
    }
    let accepted = identity_form::accepted(&fields);
    let keys = context.service().keys();
    let allowed = keys.allow_attempt(&context.ctx, &context.principal, &id, &attempt, &accepted).await;
    match allowed {
        Ok(_) => context.go(&format!("{LIST}/{id}?done=workload-allowed")),
        Err(error) => form(&context, (&id, &attempt), &fields, context.form_error(error)?).await,
    }
}

/// `POST /settings/api-keys/{id}/wait`: shows those that ask for another hour.
pub(crate) async fn wait(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    if form_error::confirm(&mut context, &fields).await?.is_err() {
        return context.go(&format!("{LIST}/{id}/authentication"));
    }
    let waiting = context.service().keys().wait_again(&context.ctx, &context.principal, &id).await;
    keys::outcome(&context, &id, waiting).await?;
    context.go(&format!("{LIST}/{id}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::{AllowForm, AttemptView, Danger};
    use crate::template_tests;

    /// The form with a hostile text wherever one can stand.
    pub(in super::super) fn allow_form(text: &str, attempt: AttemptView, waits: bool) -> AllowForm {
        let danger = Danger::AnyBranch;
        AllowForm {
            chrome: template_tests::form(text, if waits { "" } else { "acceptedDangers" }),
            key: template_tests::key(text),
            attempt,
            becomes: if waits { vec![(text.to_owned(), text.to_owned())] } else { Vec::new() },
            dangers: vec![(danger.as_str(), danger.describe(), true)],
            waits,
        }
    }
}
