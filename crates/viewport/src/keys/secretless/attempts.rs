//! The runs that asked for a key and were rejected: shown live, and allowed with a click.

use super::identity_form;
use crate::{
    frame::{
        admin_page::{AdminPage, ApiKeys},
        answer::{self, Answer},
        form::{Fields, Posted},
        form_error,
        page_context::{MemberPage, show},
    },
    keys::{self, LIST},
};
use axum::{
    body::Body,
    extract::{Path, RawQuery},
};
use domain::{
    KeyOverview, Timestamp,
    workload::{
        Attempt, ClaimName, Claims, Conditions, Danger, Run, RunLink, WorkloadIdentity, check, looks_alike,
    },
};
use http::{Response, StatusCode};
use pages::{Chrome, FormError, Section, Time};
use service::{Error, Rejection};
use std::collections::BTreeSet;

/// The attempts of a key, as its page shows them, until the key was used for the first time.
#[derive(askama::Template)]
#[template(path = "keys/secretless/attempts.html")]
pub(crate) struct AttemptsPanel {
    pub(crate) id: String,
    /// Whether it asks again every two seconds: nobody has got a token of the key yet.
    pub(crate) is_live: bool,
    /// Whether no workload is allowed yet.
    pub(crate) is_waiting: bool,
    /// The run that got the first token while the page was open.
    pub(crate) first_run: Option<RunLink>,
    pub(crate) attempts: Vec<AttemptView>,
    /// Changes with what it shows.
    pub(crate) fingerprint: String,
}

/// One attempt.
pub(crate) struct AttemptView {
    pub(crate) id: String,
    pub(crate) at: Time,
    pub(crate) times: i64,
    pub(crate) run: String,
    pub(crate) run_url: Option<String>,
    /// The workflow's file, the event and who started it, as far as they are known.
    pub(crate) about: String,
    pub(crate) message: String,
    pub(crate) address: String,
    /// The claims that tell it from others. Names and ids are shown in full.
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
    /// The version of what the key accepts now.
    pub(super) version: i64,
    /// The run's claims, and what becomes of each.
    pub(super) lines: Vec<ClaimLine>,
    /// Why it cannot be allowed by a click.
    pub(super) problem: Option<String>,
    /// What has to be accepted besides: its word, what it means, and whether it is ticked.
    pub(super) dangers: Vec<(&'static str, &'static str, bool)>,
    pub(super) waits: bool,
}

/// A claim of a run that is to be allowed.
pub(crate) struct ClaimLine {
    pub(crate) name: String,
    pub(crate) value: String,
    /// What the key makes of it; empty if it may differ from run to run.
    pub(crate) role: &'static str,
    /// What the key accepts so far, if that is something else.
    pub(crate) before: Option<String>,
}

/// What the key makes of each claim when `after` takes the place of `before`.
fn lines(
    workload: &WorkloadIdentity,
    claims: &Claims,
    before: Option<&Conditions>,
    after: Option<&Conditions>,
) -> Vec<ClaimLine> {
    let on = |conditions: Option<&Conditions>, name: &ClaimName| {
        conditions?.others().iter().find(|condition| condition.claim() == name).cloned()
    };
    let line = |(name, value): (ClaimName, String)| {
        let is_pin = after.is_some_and(|after| after.pins().iter().any(|pin| *pin.claim() == name));
        let (was, is) = (on(before, &name), on(after, &name));
        let (role, before) = match (is_pin, was, is) {
            (true, ..) => ("pin", None),
            (_, Some(was), Some(is)) if was != is => {
                ("added", Some(was.texts().collect::<Vec<_>>().join(", ")))
            }
            (_, Some(_), Some(_)) => ("accepted already", None),
            (_, None, Some(_)) => ("must be the same", None),
            _ => ("", None),
        };
        ClaimLine { name: domain::text::shown(&name.to_string(), 256), value: shown(&value), role, before }
    };
    workload.preset.distinguishing_claims(claims, after.or(before)).into_iter().map(line).collect()
}

fn shown(value: &str) -> String {
    domain::text::shown(value, 512)
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
        let now = context.ctx.now;
        let is_waiting = workload.conditions().is_none();
        let is_live = overview.last_used_at.is_none() && (!is_waiting || workload.waits_until(now).is_some());
        let shown: Vec<_> = attempts.iter().map(|attempt| &attempt.id).collect();
        let shown = serde_json::json!([is_live, is_waiting, shown]).to_string();
        Ok(Some(Self {
            id: id.to_owned(),
            is_live,
            is_waiting,
            first_run: overview.last_run.clone().filter(|_| context.partial),
            attempts: attempts
                .iter()
                .map(|attempt| AttemptView::of(attempt, workload, &known, now))
                .collect(),
            fingerprint: jose::hex(&jose::sha256(shown.as_bytes())),
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
            about: run.about(),
            run: run.title,
            run_url: run.url,
            message: attempt.message.clone(),
            address: attempt.address.clone().unwrap_or_default(),
            claims: lines(workload, &claims, None, workload.conditions())
                .into_iter()
                .map(|line| (line.name, line.value))
                .collect(),
            looks_like,
            can_be_allowed,
        }
    }
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

/// `GET /settings/api-keys/{id}/attempts?fingerprint=…`: the part of a key's page that asks again until the key is used. If it would show
/// the same, nothing is sent, and the page stays as whoever reads it has it.
pub(crate) async fn panel(
    context: AdminPage<ApiKeys>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    if !context.partial {
        return context.go(&format!("{LIST}/{id}"));
    }
    let overview =
        keys::outcome(&context, &id, context.service().keys().get(&context.principal, &id).await).await?;
    match AttemptsPanel::of(&context, &overview).await? {
        Some(panel)
            if query.as_deref().and_then(|query| query.strip_prefix("fingerprint="))
                == Some(&panel.fingerprint) =>
        {
            Ok(answer::unchanged())
        }
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
    let version = key.identity.as_ref().map_or(0, |identity| identity.version);
    let workload = key.identity.as_ref().and_then(|identity| identity.identity.workload()).cloned();
    let (Some(found), Some(workload)) = (found, workload) else {
        let missing = Rejection::NotFound { kind: "attempt", id: attempt.to_owned() };
        return Err(context.failed(&Error::Rejection(missing)));
    };
    let claims: Claims = serde_json::from_str(&found.claims).unwrap_or_default();
    let known = known_names(context).await?;
    let already = workload.accepted_dangers();
    let before = workload.conditions();
    let after = match before {
        None => Conditions::exactly(workload.preset, &claims),
        Some(conditions) => conditions.widened(&claims, &already),
    };
    let (after, problem) = match after {
        Ok(after) => (Some(after), None),
        Err(why) => (None, Some(why.message)),
    };
    let mut needed: BTreeSet<Danger> = after.as_ref().map(Conditions::dangers).unwrap_or_default();
    if let Some(conditions) = &after {
        let report = check(conditions, &claims, &BTreeSet::new());
        needed.extend(report.others.iter().filter_map(|one| one.danger));
    }
    let ticked = identity_form::accepted(fields);
    let page = AllowForm {
        chrome: context.form("Allow a workload", Section::ApiKeys, errors).await?,
        attempt: AttemptView::of(&found, &workload, &known, context.ctx.now),
        lines: lines(&workload, &claims, before, after.as_ref()),
        problem,
        version,
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
    let version = fields.filled("version").map(|version| version.parse().unwrap_or(-1));
    let allowed =
        keys.allow_attempt(&context.ctx, &context.principal, &id, &attempt, version, &accepted).await;
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
    use super::{AllowForm, AttemptView, ClaimLine, Danger};
    use crate::template_tests;

    /// The form with a hostile text wherever one can stand.
    pub(in super::super) fn allow_form(text: &str, attempt: AttemptView, waits: bool) -> AllowForm {
        let danger = Danger::AnyBranch;
        AllowForm {
            chrome: template_tests::form(text, if waits { "" } else { "acceptedDangers" }),
            key: template_tests::key(text),
            attempt,
            version: 1,
            lines: vec![ClaimLine {
                name: text.to_owned(),
                value: text.to_owned(),
                role: if waits { "pin" } else { "added" },
                before: Some(text.to_owned()),
            }],
            problem: (!waits).then(|| text.to_owned()),
            dangers: vec![(danger.as_str(), danger.describe(), true)],
            waits,
        }
    }
}
