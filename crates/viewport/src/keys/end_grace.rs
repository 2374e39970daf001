//! Ending a rotation's grace: the previous secret stops now.

use super::{ADMINS_ONLY, LIST, row::Row};
use crate::{
    answer::Answer,
    form::Posted,
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::extract::Path;
use pages::{Chrome, Head, Section};

#[derive(askama::Template)]
#[template(path = "keys/end_grace.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) chrome: Chrome,
    pub(super) partial: bool,
    pub(super) key: Row,
    pub(super) fresh: bool,
    pub(super) trouble: Trouble,
}

async fn form(visit: &Visit, id: &str, trouble: Trouble) -> Answer {
    let overview = visit.outcome(visit.service().get_key(&visit.principal, id).await)?;
    let page = Form {
        head: Head::new(format!("End the grace of {}", overview.key.label)),
        chrome: visit.chrome(Section::ApiKeys).await?,
        partial: visit.partial,
        key: Row::of(&overview, visit.ctx.now),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /settings/api-keys/{id}/end-grace`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    form(&visit, &id, Trouble::default()).await
}

/// `POST /settings/api-keys/{id}/end-grace`
pub(crate) async fn make(Path(id): Path<String>, Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &id, trouble).await;
    }
    visit.outcome(visit.service().end_grace(&visit.ctx, &visit.principal, &id).await)?;
    visit.go(&format!("{LIST}?done=grace-ended"))
}
