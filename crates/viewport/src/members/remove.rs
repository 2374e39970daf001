//! Removing a member. The organisation's keys stay, whoever made them.

use super::{LIST, find};
use crate::frame::{
    admin_page::{AdminPage, Members},
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::{KeyOverview, Member};
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "members/remove.html", blocks = ["content"])]
pub(crate) struct Form<'a> {
    pub(crate) chrome: Chrome,
    pub(crate) person: &'a Member,
    /// Those that the leaving person generated, and may know the secrets of.
    pub(crate) keys: Vec<KeyOverview>,
}

async fn form(context: &MemberPage, person: &Member, errors: FormError) -> Answer {
    let mut keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let title = format!("Remove {}", person.email);
    let chrome = context.chrome_with(title, Section::Members, Some(&keys), None).await?;
    keys.retain(|one| {
        one.key.is_active(context.ctx.now) && one.key.created_by.eq_ignore_ascii_case(person.email.as_str())
    });
    Ok(show!(context, Form { chrome: Chrome { errors, ..chrome }, person, keys }))
}

/// `GET /settings/members/{user}/remove`
pub(crate) async fn show_form(context: AdminPage<Members>, Path(user): Path<String>) -> Answer {
    let member = find(&context, &user).await?;
    form(&context, &member, FormError::default()).await
}

/// `POST /settings/members/{user}/remove`
pub(crate) async fn submit(
    Path(user): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<Members>>,
) -> Answer {
    let member = find(&context, &user).await?;
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &member, errors).await;
    }
    let email = member.email.as_str();
    let removed = context.service().users().remove_member(&context.ctx, &context.principal, email).await;
    match removed {
        Ok(()) if member.id == context.user.session.user_id => context.go("/"),
        Ok(()) => context.go(&format!("{LIST}?done=member-removed")),
        Err(error) => form(&context, &member, context.form_error(error)?).await,
    }
}
