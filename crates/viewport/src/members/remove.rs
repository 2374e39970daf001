//! Removing a member. The organisation's keys stay, whoever made them.

use super::{LIST, MemberRow, find};
use crate::frame::{
    admin_page::{AdminPage, Members},
    answer::Answer,
    form::Posted,
    form_error,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::Member;
use pages::{Chrome, FormError, Section};

/// A key that the leaving person generated, and may know the secret of.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) label: String,
}

#[derive(askama::Template)]
#[template(path = "members/remove.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) chrome: Chrome,
    pub(crate) person: MemberRow,
    pub(crate) keys: Vec<Key>,
}

async fn form(context: &MemberPage, member: &Member, errors: FormError) -> Answer {
    let keys = context.outcome(context.service().keys().list(&context.principal).await)?;
    let own = keys.iter().filter(|one| {
        one.key.is_active(context.ctx.now) && one.key.created_by.eq_ignore_ascii_case(member.email.as_str())
    });
    let page = Form {
        chrome: Chrome {
            errors,
            ..context
                .chrome_with(format!("Remove {}", member.email), Section::Members, Some(&keys), None)
                .await?
        },
        person: MemberRow::of(member, context),
        keys: own.map(|one| Key { id: one.key.id.to_string(), label: one.key.label.to_string() }).collect(),
    };
    Ok(show!(context, page))
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
