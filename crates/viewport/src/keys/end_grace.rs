//! Ending a rotation's grace: the previous secret stops now.

use super::{ADMINS_ONLY, LIST, row::Row};
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error::{self, FormError},
    page_context::{PageContext, show},
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
    pub(super) errors: FormError,
}

async fn form(context: &PageContext, id: &str, errors: FormError) -> Answer {
    let overview = context.outcome(context.service().keys().get(&context.principal, id).await)?;
    let page = Form {
        head: Head::new(format!("End the grace of {}", overview.key.label)),
        chrome: context.chrome(Section::ApiKeys).await?,
        partial: context.partial,
        key: Row::of(&overview, context.ctx.now),
        fresh: context.is_fresh(),
        errors,
    };
    let status = form_error::status(&page.errors);
    Ok(show!(context, status, page))
}

/// `GET /settings/api-keys/{id}/end-grace`
pub(crate) async fn show_form(context: PageContext, Path(id): Path<String>) -> Answer {
    context.require_admin(ADMINS_ONLY).await?;
    form(&context, &id, FormError::default()).await
}

/// `POST /settings/api-keys/{id}/end-grace`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<PageContext>,
) -> Answer {
    context.require_admin(ADMINS_ONLY).await?;
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &id, errors).await;
    }
    context.outcome(context.service().keys().end_grace(&context.ctx, &context.principal, &id).await)?;
    context.go(&format!("{LIST}?done=grace-ended"))
}
