//! Removing a member. The organisation's keys stay, whoever made them.

use super::{ADMINS_ONLY, LIST, Person, find};
use crate::{
    answer::Answer,
    form::Posted,
    trouble::{self, Trouble},
    visit::{Visit, show},
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
    pub(crate) trouble: Trouble,
}

async fn form(visit: &Visit, member: &Member, trouble: Trouble) -> Answer {
    let keys = visit.outcome(visit.service().list_keys(&visit.principal).await)?;
    let own = keys.into_iter().filter(|one| {
        one.key.is_active(visit.ctx.now) && one.key.created_by.eq_ignore_ascii_case(member.email.as_str())
    });
    let page = Form {
        head: Head::new(format!("Remove {}", member.email)),
        chrome: visit.chrome(Section::Members).await?,
        partial: visit.partial,
        person: Person::of(member, visit),
        keys: own.map(|one| Key { id: one.key.id.to_string(), label: one.key.label.to_string() }).collect(),
        fresh: visit.is_fresh(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /settings/members/{user}/remove`
pub(crate) async fn ask(visit: Visit, Path(user): Path<String>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let member = find(&visit, &user).await?;
    form(&visit, &member, Trouble::default()).await
}

/// `POST /settings/members/{user}/remove`
pub(crate) async fn make(Path(user): Path<String>, Posted(mut visit, fields): Posted<Visit>) -> Answer {
    visit.require_admin(ADMINS_ONLY).await?;
    let member = find(&visit, &user).await?;
    if let Err(trouble) = trouble::confirm(&mut visit, &fields).await? {
        return form(&visit, &member, trouble).await;
    }
    let email = member.email.as_str();
    let removed = visit.service().remove_member(&visit.ctx, &visit.principal, email).await;
    match removed.map_err(Trouble::from) {
        Ok(()) if member.id == visit.visitor.session.user_id => visit.go("/"),
        Ok(()) => visit.go(&format!("{LIST}?done=member-removed")),
        Err(Ok(trouble)) => form(&visit, &member, trouble).await,
        Err(Err(failure)) => Err(visit.failed(&failure)),
    }
}
