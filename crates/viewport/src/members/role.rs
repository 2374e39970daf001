//! Changing a member's role.

use super::{LIST, find};
use crate::frame::{
    admin_page::{AdminPage, Members},
    answer::Answer,
    form::{Fields, Posted},
    form_error,
    page_context::{MemberPage, show},
};
use axum::extract::Path;
use domain::{Member, Role};
use pages::{Chrome, FormError, Section};

#[derive(askama::Template)]
#[template(path = "members/role.html", blocks = ["content"])]
pub(crate) struct Form<'a> {
    pub(crate) chrome: Chrome,
    pub(crate) person: &'a Member,
    /// The role that is chosen in the form; the person's own is the one that was seen.
    pub(crate) role: Role,
}

async fn form(context: &MemberPage, member: &Member, fields: &Fields, errors: FormError) -> Answer {
    let page = Form {
        chrome: context.form(format!("Role of {}", member.email), Section::Members, errors).await?,
        person: member,
        role: Role::parse(fields.text("role")).unwrap_or(member.role),
    };
    Ok(show!(context, page))
}

/// `GET /settings/members/{user}/role`
pub(crate) async fn show_form(context: AdminPage<Members>, Path(user): Path<String>) -> Answer {
    let member = find(&context, &user).await?;
    form(&context, &member, &Fields::default(), FormError::default()).await
}

/// `POST /settings/members/{user}/role`
pub(crate) async fn submit(
    Path(user): Path<String>,
    Posted(mut context, fields): Posted<AdminPage<Members>>,
) -> Answer {
    let member = find(&context, &user).await?;
    let (Some(seen), Some(role)) = (Role::parse(fields.text("seen_role")), Role::parse(fields.text("role")))
    else {
        return form(&context, &member, &fields, FormError::new("role", "Choose a role.")).await;
    };
    if let Err(errors) = form_error::confirm(&mut context, &fields).await? {
        return form(&context, &member, &fields, errors).await;
    }
    let email = member.email.as_str();
    let changed = context
        .service()
        .users()
        .change_role_from(&context.ctx, &context.principal, email, Some(seen), role)
        .await;
    match changed {
        Ok(member) if member.id == context.user.session.user_id && role == Role::Member => {
            context.go("/?done=demoted")
        }
        Ok(_) => context.go(&format!("{LIST}?done=role-changed")),
        Err(error) => {
            let errors = context.form_error(error)?;
            // Whatever was in the way, the form shows the role as it is now.
            let member = find(&context, &user).await?;
            form(&context, &member, &fields, errors).await
        }
    }
}
