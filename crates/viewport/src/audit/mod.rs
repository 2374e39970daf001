//! Settings → Audit log: who did what, filtered and in pages, and whether the chain is whole.

pub(crate) mod export;
mod row;
mod words;

use crate::frame::{
    admin_page::{AdminPage, AuditLog},
    answer::Answer,
    form::Fields,
    page_context::show,
    paging::{cut, page_size},
};
use axum::extract::RawQuery;
use domain::{EventId, KeyOverview, Member, audit::AuditFilter};
use pages::{Chrome, Section};
#[cfg(test)]
pub(crate) use row::Detail;
pub(crate) use row::Row;
use service::audit::ChainReport;
pub(crate) use words::Group;

#[derive(askama::Template)]
#[template(path = "audit.html", blocks = ["content"])]
pub(crate) struct Page {
    pub(crate) chrome: Chrome,
    pub(crate) report: Option<ChainReport>,
    pub(crate) groups: Vec<Group>,
    pub(crate) people: Vec<Member>,
    pub(crate) keys: Vec<KeyOverview>,
    /// An actor that is filtered by and is gone, so that the form still says so.
    pub(crate) former: Option<String>,
    pub(crate) actor: String,
    pub(crate) object: String,
    pub(crate) is_filtered: bool,
    pub(crate) rows: Vec<Row>,
    /// The query of the newest entries, if this page does not begin with them.
    pub(crate) newest: Option<String>,
    /// The query of the next page, if there are older entries.
    pub(crate) older: Option<String>,
}

/// The filter in the page's address.
fn filter(query: &Fields) -> AuditFilter {
    let given = |name| query.filled(name).map(|text| text.trim().to_owned());
    AuditFilter { action: given("action"), object_id: given("object"), actor_id: given("actor") }
}

/// The query of a page with the same filter.
fn page_query(filter: &AuditFilter, before: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let parameters = [
        ("action", filter.action.as_deref()),
        ("actor", filter.actor_id.as_deref()),
        ("object", filter.object_id.as_deref()),
        ("before", before),
    ];
    for (name, value) in parameters {
        value.map(|value| query.append_pair(name, value));
    }
    query.finish()
}

/// `GET /settings/audit?action=…&actor=…&object=…&before=evt_…&check=1`
pub(crate) async fn show(context: AdminPage<AuditLog>, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::of_query(query.as_deref());
    let filter = filter(&query);
    let before = EventId::parse(query.text("before")).ok();
    let size = page_size(context.service());
    let events =
        context.service().audit_log().list(&context.principal, size + 1, before.as_ref(), &filter).await;
    let (events, last) = cut(context.outcome(events)?, size);
    let report = if query.is_ticked("check") {
        Some(context.outcome(context.service().audit_log().verify_own(&context.principal).await)?)
    } else {
        None
    };
    let people = context.outcome(context.service().users().list_members(&context.principal).await)?;
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let actor = filter.actor_id.clone().unwrap_or_default();
    let is_listed = ["", "operator", "system"].contains(&actor.as_str())
        || people.iter().any(|one| one.id.as_str() == actor)
        || keys.iter().any(|one| one.key.id.as_str() == actor);
    let page = Page {
        chrome: context.chrome_with("Audit log", Section::AuditLog, Some(&keys), None).await?,
        report,
        groups: words::groups(filter.action.as_deref()),
        former: (!is_listed).then(|| actor.clone()),
        is_filtered: !page_query(&filter, None).is_empty(),
        rows: events.iter().map(|event| Row::of(event, &keys)).collect(),
        newest: before.is_some().then(|| page_query(&filter, None)),
        older: last.map(|last| page_query(&filter, Some(&last.id))),
        actor,
        object: filter.object_id.unwrap_or_default(),
        people,
        keys,
    };
    Ok(show!(context, page))
}
