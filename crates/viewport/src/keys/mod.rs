//! Settings → API Keys: the list, and what every page about keys shares.

pub(crate) mod end_grace;
pub(crate) mod generate;
pub(crate) mod once;
pub(crate) mod page;
pub(crate) mod revoke;
pub(crate) mod rotate;
mod row;

use crate::{
    answer::Answer,
    visit::{AdminsOnly, Visit, show},
};
use axum::extract::RawQuery;
use http::StatusCode;
use pages::{Chrome, Head, Section, Time};
use row::{Row, Standing};
use service::{
    KeyOverview,
    notices::{self, Matter},
};

/// Where the list is.
pub(crate) const LIST: &str = "/settings/api-keys";

pub(crate) const ADMINS_ONLY: AdminsOnly =
    AdminsOnly { title: "API Keys", what: "manage API keys", section: Section::ApiKeys };

/// A key that turned up with a former secret.
struct DeadSecret {
    id: String,
    label: String,
    times: i64,
    seen: Time,
}

#[derive(askama::Template)]
#[template(path = "keys/list.html", blocks = ["content"])]
struct List {
    head: Head,
    chrome: Chrome,
    notice: &'static str,
    rows: Vec<Row>,
    active: usize,
    limit: usize,
    /// Keys that could go where the limit is reached, best candidates first.
    candidates: Vec<Row>,
    dead_secrets: Vec<DeadSecret>,
}

/// What was done, as the page says it after the redirect.
fn notice(query: Option<&str>) -> &'static str {
    match query {
        Some("done=revoked") => "Revoked. Tokens already issued are refused now.",
        Some("done=grace-ended") => "The previous secret is refused now.",
        _ => "",
    }
}

fn dead_secrets(keys: &[KeyOverview], visit: &Visit) -> Vec<DeadSecret> {
    let now = visit.ctx.now;
    let found = notices::attention(keys, now).into_iter();
    found
        .filter_map(|attention| match attention.matter {
            Matter::DeadSecret(at, times) => Some(DeadSecret {
                id: attention.key.to_string(),
                label: attention.label,
                times,
                seen: pages::since(at, now),
            }),
            Matter::Expired(_) | Matter::ExpiresSoon(_) => None,
        })
        .collect()
}

/// Up to three Active keys that are needed least: never used first, then those unused for longest.
fn candidates(keys: &[KeyOverview], visit: &Visit) -> Vec<Row> {
    let mut active: Vec<_> = keys.iter().filter(|one| one.key.is_active(visit.ctx.now)).collect();
    active.sort_by_key(|one| one.last_used_at);
    active.into_iter().take(3).map(|one| Row::of(one, visit.ctx.now)).collect()
}

/// `GET /settings/api-keys`
pub(crate) async fn list(visit: Visit, RawQuery(query): RawQuery) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let keys = visit.outcome(visit.service().list_keys(&visit.principal).await)?;
    let limit = visit.service().policy().active_keys;
    let active = keys.iter().filter(|one| one.key.is_active(visit.ctx.now)).count();
    let mut rows: Vec<Row> = keys.iter().map(|one| Row::of(one, visit.ctx.now)).collect();
    // Stable: within each half the oldest stays first.
    rows.sort_by_key(|row| !row.is_active);
    let page = List {
        head: Head::new("API Keys"),
        chrome: visit.chrome(Section::ApiKeys).await?,
        notice: notice(query.as_deref()),
        active,
        limit,
        candidates: if active >= limit { candidates(&keys, &visit) } else { Vec::new() },
        dead_secrets: dead_secrets(&keys, &visit),
        rows,
    };
    Ok(show!(visit, StatusCode::OK, page))
}

#[cfg(test)]
mod tests;
