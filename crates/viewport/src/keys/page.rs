//! A key's page: its facts, thirty days of use as a picture, and where it was used from.

use super::{
    row::{Row, StatusBadge},
    secretless::{AttemptsPanel, IdentityView},
};
use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    page_context::{MemberPage, show},
};
use axum::{body::Body, extract::Path};
use domain::{ApiKey, KeyUse, RecentSource, Timestamp};
use http::{Response, StatusCode};
use pages::{Chrome, DaysChart, Section, Time};
use std::collections::BTreeSet;

/// So many addresses are open on the page; the others are folded away.
const OPEN_SOURCES: usize = 10;

#[derive(askama::Template)]
#[template(path = "keys/page.html", blocks = ["content"])]
pub(super) struct Page {
    pub(super) chrome: Chrome,
    pub(super) row: Row,
    /// What opens it, if it is no secret.
    pub(super) identity: Option<IdentityView>,
    /// Whether no workload is allowed yet, or none has got a token: how to change that comes first.
    pub(super) setup_first: bool,
    /// The runs that asked and were rejected.
    pub(super) attempts: Option<AttemptsPanel>,
    /// Whether the secret was not used since it was made.
    pub(super) awaits_first_use: bool,
    pub(super) token_url: String,
    pub(super) graphql_url: String,
    /// How often the previous secret was used since the day of the rotation, of the last 30 days.
    pub(super) grace_uses: i64,
    pub(super) issued: DaysChart,
    pub(super) calls: DaysChart,
    pub(super) sources: Vec<Source>,
    /// Those that are folded away.
    pub(super) more_sources: Vec<Source>,
    /// How often an older address was left out of these in the last 30 days.
    pub(super) other_addresses: i64,
}

/// Which of a key's secrets was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsedSecret {
    Current,
    /// The previous one, during a rotation's grace.
    Previous,
    /// One that works no more.
    Former,
    /// None: tokens were used that were fetched elsewhere.
    Token,
    /// None: the key has none.
    NoSecret,
}

impl UsedSecret {
    fn of(source: &RecentSource, key: &ApiKey, now: Timestamp) -> Self {
        let grace = key.running_grace(now).map(|grace| grace.digest);
        match source.exchange.map(|exchange| exchange.secret) {
            Some(secret) if secret == key.secret.digest => Self::Current,
            Some(secret) if Some(secret) == grace => Self::Previous,
            Some(_) => Self::Former,
            None => Self::Token,
        }
    }
}

/// Where a key was used from.
pub(super) struct Source {
    pub(super) source: RecentSource,
    pub(super) secret: UsedSecret,
}

/// Which secret each address used. What one did with tokens alone is left out where it has fetched some too.
pub(super) fn with_secrets(key: &ApiKey, sources: Vec<RecentSource>, now: Timestamp) -> Vec<Source> {
    let fetching: BTreeSet<String> = sources
        .iter()
        .filter(|source| source.exchange.is_some())
        .map(|source| source.address.clone())
        .collect();
    sources
        .into_iter()
        .filter(|source| source.exchange.is_some() || !fetching.contains(&source.address))
        .map(|source| Source { secret: UsedSecret::of(&source, key, now), source })
        .collect()
}

fn chart(days: &[KeyUse], count: fn(&KeyUse) -> i64, (one, many): (&'static str, &'static str)) -> DaysChart {
    let bars = days.iter().map(|day| {
        let at = Timestamp::from_seconds(day.day.saturating_mul(86_400));
        (at, u64::try_from(count(day)).unwrap_or(0))
    });
    pages::days_chart(bars.collect(), one, many)
}

/// The page's frame; what was done names the key.
async fn chrome(context: &MemberPage, label: &str) -> Result<Chrome, Response<Body>> {
    let mut chrome = context.chrome(label, Section::ApiKeys).await?;
    match context.done.0 {
        "grace-ended" => chrome.notice = format!("The previous secret of “{label}” is rejected now."),
        "renamed" => chrome.notice = format!("The key is called “{label}” now."),
        _ => {}
    }
    Ok(chrome)
}

/// `GET /settings/api-keys/{id}`
pub(crate) async fn show(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    let report = super::outcome(
        &context,
        &id,
        context.service().keys().report(&context.ctx, &context.principal, &id).await,
    )
    .await?;
    let row = Row::of(&report.overview, context.ctx.now);
    let key = &row.overview.key;
    let mut sources = with_secrets(key, report.sources, context.ctx.now);
    if row.overview.identity.is_some() {
        for one in sources.iter_mut().filter(|one| one.secret == UsedSecret::Current) {
            one.secret = UsedSecret::NoSecret;
        }
    }
    // The newest stay first, but those that still use the previous secret go before them.
    sources.sort_by_key(|one| one.secret != UsedSecret::Previous);
    let more_sources = sources.split_off(sources.len().min(OPEN_SOURCES));
    let since_rotation = |day: &&KeyUse| key.rotated_at.is_none_or(|at| day.day >= at.day());
    let token_url = context.viewport.protocol("token");
    let policy = context.service().policy();
    let identity =
        IdentityView::of(&row.overview, &policy.issuer, (&token_url, &policy.audience), context.ctx.now);
    let attempts = AttemptsPanel::of(&context, &row.overview).await?;
    let page = Page {
        setup_first: attempts.as_ref().is_some_and(|panel| panel.is_live || panel.is_waiting),
        attempts,
        awaits_first_use: identity.is_none() && row.is_active && row.overview.secret_used_at.is_none(),
        identity,
        grace_uses: report.days.iter().filter(since_rotation).map(|day| day.grace_exchanges).sum(),
        graphql_url: policy.audience.clone(),
        token_url,
        chrome: chrome(&context, key.label.as_str()).await?,
        issued: chart(&report.days, |day| day.exchanges, ("token issued", "tokens issued")),
        calls: chart(&report.days, |day| day.api_calls, ("API call", "API calls")),
        sources,
        more_sources,
        other_addresses: report.other_addresses,
        row,
    };
    Ok(show!(context, page))
}

#[derive(askama::Template)]
#[template(path = "keys/first_use.html")]
pub(super) struct FirstUse {
    pub(super) id: String,
    pub(super) state: FirstUseState,
}

pub(super) enum FirstUseState {
    Waiting,
    /// When, and from where.
    Used(Time, String),
    /// Why there is nothing to wait for any more.
    Gone(String),
}

/// `GET /settings/api-keys/{id}/first-use`: the live line below a secret that was just shown.
pub(crate) async fn first_use(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    if !context.partial {
        return context.go(&format!("{}/{id}", super::LIST));
    }
    let state = match context.service().keys().get(&context.principal, &id).await {
        Ok(overview) => match overview.secret_used_at {
            Some(at) => {
                FirstUseState::Used(pages::moment(&at), overview.secret_used_from.unwrap_or_default())
            }
            None => FirstUseState::Waiting,
        },
        // The key was revoked while its secret was shown: the line says so and stops asking.
        Err(service::Error::Rejection(rejection)) => FirstUseState::Gone(rejection.message()),
        Err(error) => return Err(context.failed(&error)),
    };
    Ok(pages::html(StatusCode::OK, &FirstUse { id, state }))
}
