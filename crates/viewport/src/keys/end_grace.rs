//! Ending a rotation's grace: the previous secret stops now.

use super::{LIST, row::Row};
use crate::frame::{
    admin_page::{AdminPage, ApiKeys},
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "keys/end_grace.html", blocks = ["content"])]
pub(super) struct Form {
    pub(super) chrome: Chrome,
    pub(super) row: Row,
}

async fn form(context: &MemberPage, id: &str, errors: FormError) -> Answer {
    let overview =
        super::outcome(context, id, context.service().keys().get(&context.principal, id).await).await?;
    let page = Form {
        chrome: context
            .form(format!("End the grace of {}", overview.key.label), Section::ApiKeys, errors)
            .await?,
        row: Row::of(&overview, context.ctx.now),
    };
    Ok(show!(context, page))
}

/// `GET /settings/api-keys/{id}/end-grace`
pub(crate) async fn show_form(context: AdminPage<ApiKeys>, Path(id): Path<String>) -> Answer {
    form(&context, &id, FormError::default()).await
}

/// `POST /settings/api-keys/{id}/end-grace`
pub(crate) async fn submit(
    Path(id): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<ApiKeys>>,
) -> Answer {
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &id, errors).await;
    }
    super::outcome(
        &context,
        &id,
        context.service().keys().end_grace(&context.ctx, &context.principal, &id).await,
    )
    .await?;
    context.go(&format!("{LIST}/{id}?done=grace-ended"))
}
