//! Revoking a key: permanent, and confirmed by typing its label.

use super::{
    ADMINS_ONLY, LIST,
    row::{Row, Standing},
};
use crate::{
    answer::Answer,
    form::{Fields, Posted},
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::extract::Path;
use pages::{Chrome, Head, Section};
use service::KeyOverview;

#[derive(askama::Template)]
#[template(path = "keys/revoke.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) chrome: Chrome,
    pub(super) partial: bool,
    pub(super) key: Row,
    pub(super) typed: String,
    pub(super) fresh: bool,
    pub(super) trouble: Trouble,
}

async fn form(visit: &Visit, overview: &KeyOverview, fields: &Fields, trouble: Trouble) -> Answer {
    let page = Form {
        head: Head::new(format!("Revoke {}", overview.key.label)),
        chrome: visit.chrome(Section::ApiKeys).await?,
        partial: visit.partial,
        key: Row::of(overview, visit.ctx.now),
        typed: fields.text("confirm").to_owned(),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /settings/api-keys/{id}/revoke`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let overview = visit.outcome(visit.service().get_key(&visit.principal, &id).await)?;
    form(&visit, &overview, &Fields::default(), Trouble::default()).await
}

/// `POST /settings/api-keys/{id}/revoke`
pub(crate) async fn make(Path(id): Path<String>, Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let overview = visit.outcome(visit.service().get_key(&visit.principal, &id).await)?;
    let label = overview.key.label.as_str();
    if fields.text("confirm").trim() != label {
        let trouble = Trouble::new("confirm", format!("Type the label as it stands here: {label}"));
        return form(&visit, &overview, &fields, trouble).await;
    }
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &overview, &fields, trouble).await;
    }
    visit.outcome(visit.service().revoke_key(&visit.ctx, &visit.principal, &id).await)?;
    visit.go(&format!("{LIST}?done=revoked"))
}
