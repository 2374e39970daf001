//! Settings → API Keys: the list, and what every page about keys shares.

pub(crate) mod end_grace;
pub(crate) mod generate;
pub(crate) mod page;
pub(crate) mod rename;
pub(crate) mod revoke;
pub(crate) mod rotate;
mod row;
pub(crate) mod secretless;
pub(crate) mod show_once;

use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::{self, Answer},
    form::Fields,
    page_context::{MemberPage, show},
};
use axum::{body::Body, extract::RawQuery};
use domain::KeyOverview;
use http::Response;
use pages::{Chrome, Section};
use row::{Row, StatusBadge};
use service::{
    Error, Rejection,
    keys::notices::{self, KeyNotice, NoticeReason},
};

/// Where the list is.
pub(crate) const LIST: &str = "/settings/api-keys";

#[derive(askama::Template)]
#[template(path = "keys/list.html", blocks = ["content"])]
struct List {
    chrome: Chrome,
    rows: Vec<Row>,
    active: usize,
    limit: usize,
    /// Keys that could go where the limit is reached, best candidates first.
    candidates: Vec<Row>,
    notices: Vec<KeyNotice>,
}

/// The outcome of a use case about one key. Where the key is revoked, as after a second click or by the browser's way back, the
/// list says so.
async fn outcome<T>(context: &MemberPage, id: &str, outcome: Result<T, Error>) -> Result<T, Response<Body>> {
    let outcome = known(context, id, outcome).await?;
    context.outcome(outcome)
}

/// The same for a use case whose other rejections belong to a form.
async fn known<T>(
    context: &MemberPage,
    id: &str,
    outcome: Result<T, Error>,
) -> Result<Result<T, Error>, Response<Body>> {
    if let Err(Error::Rejection(Rejection::NotFound { .. })) = &outcome {
        let revoked = context.service().keys().find_revoked_label(&context.principal, id).await;
        if context.outcome(revoked)?.is_some() {
            return Err(answer::see_other(context.partial, &format!("{LIST}?done=revoked-before&key={id}")));
        }
    }
    Ok(outcome)
}

/// What the list says was done, with the label of the key that is gone.
async fn notice(context: &MemberPage, query: Option<&str>) -> Result<String, Response<Body>> {
    let (done, text) = context.done;
    if !["revoked", "revoked-before"].contains(&done) {
        return Ok(text.to_owned());
    }
    let query = Fields::of_query(query);
    let label = context.service().keys().find_revoked_label(&context.principal, query.text("key")).await;
    Ok(match context.outcome(label)? {
        Some(label) if done == "revoked" => {
            format!("“{label}” is revoked. Tokens already issued are rejected now.")
        }
        Some(label) => format!("Key “{label}” is already revoked."),
        None => text.to_owned(),
    })
}

/// The Active keys among these.
fn count_active(keys: &[KeyOverview], context: &MemberPage) -> usize {
    keys.iter().filter(|one| one.key.is_active(context.ctx.now)).count()
}

/// Up to three Active keys that are needed least: never used first, then those unused for longest.
fn candidates(keys: &[KeyOverview], context: &MemberPage) -> Vec<Row> {
    let mut active: Vec<_> = keys.iter().filter(|one| one.key.is_active(context.ctx.now)).collect();
    active.sort_by_key(|one| one.last_used_at);
    active.into_iter().take(3).map(|one| Row::of(one, context.ctx.now)).collect()
}

/// `GET /settings/api-keys`
pub(crate) async fn list(context: AdminPage<ApiKeys>, RawQuery(query): RawQuery) -> Answer {
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let limit = context.service().policy().active_keys;
    let active = count_active(&keys, &context);
    let mut rows: Vec<Row> = keys.iter().map(|one| Row::of(one, context.ctx.now)).collect();
    // Stable: within each half the oldest stays first.
    rows.sort_by_key(|row| !row.is_active);
    let page = List {
        chrome: Chrome {
            notice: notice(&context, query.as_deref()).await?,
            ..context.chrome_with("API Keys", Section::ApiKeys, Some(&keys), None).await?
        },
        active,
        limit,
        candidates: if active >= limit { candidates(&keys, &context) } else { Vec::new() },
        notices: notices::attention(&keys, context.ctx.now),
        rows,
    };
    Ok(show!(context, page))
}

#[cfg(test)]
mod tests;
