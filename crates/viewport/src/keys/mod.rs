//! Settings → API Keys: the list, and what every page about keys shares.

pub(crate) mod end_grace;
pub(crate) mod generate;
pub(crate) mod page;
pub(crate) mod revoke;
pub(crate) mod rotate;
mod row;
pub(crate) mod show_once;

use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    page_context::{MemberPage, show},
};
use domain::KeyOverview;
use pages::{Chrome, Section, Time};
use row::{Row, StatusBadge};
use service::keys::notices::{self, NoticeReason};

/// Where the list is.
pub(crate) const LIST: &str = "/settings/api-keys";

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
    chrome: Chrome,
    rows: Vec<Row>,
    active: usize,
    limit: usize,
    /// Keys that could go where the limit is reached, best candidates first.
    candidates: Vec<Row>,
    dead_secrets: Vec<DeadSecret>,
}

fn dead_secrets(keys: &[KeyOverview], context: &MemberPage) -> Vec<DeadSecret> {
    let now = context.ctx.now;
    let found = notices::attention(keys, now).into_iter();
    found
        .filter_map(|attention| match attention.matter {
            NoticeReason::DeadSecret(at, times) => Some(DeadSecret {
                id: attention.key.to_string(),
                label: attention.label,
                times,
                seen: pages::since(at, now),
            }),
            NoticeReason::Expired(_) | NoticeReason::ExpiresSoon(_) => None,
        })
        .collect()
}

/// Up to three Active keys that are needed least: never used first, then those unused for longest.
fn candidates(keys: &[KeyOverview], context: &MemberPage) -> Vec<Row> {
    let mut active: Vec<_> = keys.iter().filter(|one| one.key.is_active(context.ctx.now)).collect();
    active.sort_by_key(|one| one.last_used_at);
    active.into_iter().take(3).map(|one| Row::of(one, context.ctx.now)).collect()
}

/// `GET /settings/api-keys`
pub(crate) async fn list(context: AdminPage<ApiKeys>) -> Answer {
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let limit = context.service().policy().active_keys;
    let active = keys.iter().filter(|one| one.key.is_active(context.ctx.now)).count();
    let mut rows: Vec<Row> = keys.iter().map(|one| Row::of(one, context.ctx.now)).collect();
    // Stable: within each half the oldest stays first.
    rows.sort_by_key(|row| !row.is_active);
    let page = List {
        chrome: context.chrome_with("API Keys", Section::ApiKeys, Some(&keys), None).await?,
        active,
        limit,
        candidates: if active >= limit { candidates(&keys, &context) } else { Vec::new() },
        dead_secrets: dead_secrets(&keys, &context),
        rows,
    };
    Ok(show!(context, page))
}

#[cfg(test)]
mod tests;
