//! Changing a member's role.

use super::{ADMINS_ONLY, LIST, Person, find};
use crate::{
    answer::Answer,
    form::{Fields, Posted},
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::extract::Path;
use domain::Role;
use pages::{Chrome, Head, Section};
use service::Member;

#[derive(askama::Template)]
#[template(path = "members/role.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) partial: bool,
    pub(crate) person: Person,
    /// The role that is chosen in the form; the person's own is the one that was seen.
    pub(crate) role: Role,
    pub(crate) fresh: bool,
    pub(crate) trouble: Trouble,
}

async fn form(visit: &Visit, member: &Member, fields: &Fields, trouble: Trouble) -> Answer {
    let page = Form {
        head: Head::new(format!("Role of {}", member.email)),
        chrome: visit.chrome(Section::Members).await?,
        partial: visit.partial,
        person: Person::of(member, visit),
        role: Role::parse(fields.text("role")).unwrap_or(member.role),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /settings/members/{user}/role`
pub(crate) async fn ask(visit: Visit, Path(user): Path<String>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let member = find(&visit, &user).await?;
    form(&visit, &member, &Fields::default(), Trouble::default()).await
}

/// `POST /settings/members/{user}/role`
pub(crate) async fn make(Path(user): Path<String>, Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let member = find(&visit, &user).await?;
    let (Some(seen), Some(role)) = (Role::parse(fields.text("seen_role")), Role::parse(fields.text("role")))
    else {
        return form(&visit, &member, &fields, Trouble::new("role", "Choose a role.")).await;
    };
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &member, &fields, trouble).await;
    }
    let email = member.email.as_str();
    let changed =
        visit.service().change_role_from(&visit.ctx, &visit.principal, email, Some(seen), role).await;
    match changed.map_err(Trouble::from) {
        Ok(member) if member.id == visit.visitor.session.user_id && role == Role::Member => {
            visit.go("/?done=demoted")
        }
        Ok(_) => visit.go(&format!("{LIST}?done=role-changed")),
        Err(Ok(trouble)) => {
            // Whatever was in the way, the form shows the role as it is now.
            let member = find(&visit, &user).await?;
            form(&visit, &member, &fields, trouble).await
        }
        Err(Err(failure)) => Err(visit.failed(&failure)),
    }
}
