//! A key's page: its facts, thirty days of use as a picture, and where it was used from.

use super::row::{Row, StatusBadge};
use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    page_context::show,
};
use axum::extract::{Path, RawQuery};
use domain::{KeyUse, RecentSource, Timestamp};
use http::StatusCode;
use pages::{Chrome, DaysChart, Section, Time};

/// So many addresses are open on the page; the others are folded away.
const OPEN_SOURCES: usize = 10;

#[derive(askama::Template)]
#[template(path = "keys/page.html", blocks = ["content"])]
pub(super) struct Page {
    pub(super) chrome: Chrome,
    pub(super) row: Row,
    /// Whether the secret was not used since it was made.
    pub(super) awaits_first_use: bool,
    pub(super) token_url: String,
    pub(super) graphql_url: String,
    /// How often the previous secret was used in the last 30 days.
    pub(super) grace_uses: i64,
    pub(super) issued: DaysChart,
    pub(super) calls: DaysChart,
    pub(super) sources: Vec<RecentSource>,
    /// Those that are folded away.
    pub(super) more_sources: Vec<RecentSource>,
    /// How often an older address was left out of these in the last 30 days.
    pub(super) other_addresses: i64,
}

fn chart(days: &[KeyUse], count: fn(&KeyUse) -> i64, (one, many): (&'static str, &'static str)) -> DaysChart {
    let bars = days.iter().map(|day| {
        let at = Timestamp::from_seconds(day.day.saturating_mul(86_400));
        (at, u64::try_from(count(day)).unwrap_or(0))
    });
    pages::days_chart(bars.collect(), one, many)
}

/// `GET /settings/api-keys/{id}`
pub(crate) async fn show(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    let report =
        context.outcome(context.service().keys().report(&context.ctx, &context.principal, &id).await)?;
    let row = Row::of(&report.overview, context.ctx.now);
    let mut sources = report.sources;
    if matches!(row.status, StatusBadge::Grace(_)) {
        // The newest stay first, but those that still use the previous secret go before them.
        sources.sort_by_key(|source| !source.previous_secret);
    }
    let more_sources = sources.split_off(sources.len().min(OPEN_SOURCES));
    let secret_made_at = row.overview.key.rotated_at.unwrap_or(row.overview.key.created_at);
    let page = Page {
        awaits_first_use: row.is_active && row.overview.last_used_at.is_none_or(|used| used < secret_made_at),
        token_url: context.viewport.protocol("token"),
        graphql_url: context.service().policy().audience.clone(),
        chrome: context.chrome(row.overview.key.label.as_str(), Section::ApiKeys).await?,
        row,
        grace_uses: report.days.iter().map(|day| day.grace_exchanges).sum(),
        issued: chart(&report.days, |day| day.exchanges, ("token issued", "tokens issued")),
        calls: chart(&report.days, |day| day.api_calls, ("API call", "API calls")),
        sources,
        more_sources,
        other_addresses: report.other_addresses,
    };
    Ok(show!(context, page))
}

#[derive(askama::Template)]
#[template(path = "keys/first_use.html")]
pub(super) struct FirstUse {
    pub(super) id: String,
    pub(super) since: i64,
    pub(super) used: Option<(Time, String)>,
}

/// `GET /settings/api-keys/{id}/first-use?since=MS`: the live line below a secret that was just shown.
pub(crate) async fn first_use(
    context: AdminPage<ApiKeys>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    if !context.partial {
        return context.go(&format!("{}/{id}", super::LIST));
    }
    let since = query.as_deref().and_then(|query| query.strip_prefix("since=")?.parse().ok()).unwrap_or(0);
    let overview = match context.service().keys().get(&context.principal, &id).await {
        Ok(overview) => overview,
        // The key was revoked while its secret was shown: the line says so and stops asking.
        Err(service::Error::Rejection(reject)) => {
            return Ok(pages::message(StatusCode::NOT_FOUND, "Page not found", reject.message()).respond());
        }
        Err(error) => return Err(context.failed(&error)),
    };
    let used = overview.last_used_at.filter(|at| at.ms() >= since);
    let from = overview.last_used_from.unwrap_or_else(|| "an unknown address".to_owned());
    let page =
        FirstUse { id: overview.key.id.to_string(), since, used: used.map(|at| (pages::moment(&at), from)) };
    Ok(pages::html(StatusCode::OK, &page))
}
