//! Removing a member. The organisation's keys stay, whoever made them.

use super::{ADMINS_ONLY, LIST, Person, find};
use crate::frame::{
    answer::Answer,
    form::Posted,
    form_error::{self, FormError},
    page_context::{PageContext, show},
};
use axum::extract::Path;
use pages::{Chrome, Head, Section};
use service::Member;

/// A key that the leaving person generated, and may know the secret of.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) label: String,
}

#[derive(askama::Template)]
#[template(path = "members/remove.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) partial: bool,
    pub(crate) person: Person,
    pub(crate) keys: Vec<Key>,
    pub(crate) fresh: bool,
    pub(crate) errors: FormError,
}

async fn form(context: &PageContext, member: &Member, errors: FormError) -> Answer {
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let own = keys.into_iter().filter(|one| {
        one.key.is_active(context.ctx.now) && one.key.created_by.eq_ignore_ascii_case(member.email.as_str())
    });
    let page = Form {
        head: Head::new(format!("Remove {}", member.email)),
        chrome: context.chrome(Section::Members).await?,
        partial: context.partial,
        person: Person::of(member, context),
        keys: own.map(|one| Key { id: one.key.id.to_string(), label: one.key.label.to_string() }).collect(),
        fresh: context.is_fresh(),
        errors,
    };
    let status = form_error::status(&page.errors);
    Ok(show!(context, status, page))
}

/// `GET /settings/members/{user}/remove`
pub(crate) async fn show_form(context: PageContext, Path(user): Path<String>) -> Answer {
    context.require_admin(ADMINS_ONLY).await?;
    let member = find(&context, &user).await?;
    form(&context, &member, FormError::default()).await
}

/// `POST /settings/members/{user}/remove`
pub(crate) async fn submit(
    Path(user): Path<String>,
    Posted(mut context, fields): Posted<PageContext>,
) -> Answer {
    context.require_admin(ADMINS_ONLY).await?;
    let member = find(&context, &user).await?;
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &member, errors).await;
    }
    let email = member.email.as_str();
    let removed = context.service().users().remove_member(&context.ctx, &context.principal, email).await;
    match removed.map_err(FormError::from) {
        Ok(()) if member.id == context.user.session.user_id => context.go("/"),
        Ok(()) => context.go(&format!("{LIST}?done=member-removed")),
        Err(Ok(errors)) => form(&context, &member, errors).await,
        Err(Err(failure)) => Err(context.failed(&failure)),
    }
}
