//! Settings → Members: the people, the invitations that wait, and what every page about them shares.

pub(crate) mod invitations;
pub(crate) mod invite;
pub(crate) mod remove;
pub(crate) mod role;

use crate::frame::{
    admin_page::{AdminPage, Members},
    answer::Answer,
    form::Fields,
    page_context::{MemberPage, show},
    paging::{cut, page_size},
};
use axum::{body::Body, extract::RawQuery};
use domain::{Invitation, Member, Role, Timestamp};
use http::Response;
use pages::{Chrome, Section, Time};
use service::{Error, Rejection};

/// Where the list is.
pub(crate) const LIST: &str = "/settings/members";

/// A member as the list and the forms show them.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) second_factor: bool,
    pub(crate) since: Time,
    /// Whether this is who looks at the page.
    pub(crate) is_you: bool,
}

impl MemberRow {
    pub(crate) fn of(member: &Member, context: &MemberPage) -> Self {
        Self {
            id: member.id.to_string(),
            email: member.email.as_str().to_owned(),
            role: member.role,
            second_factor: member.second_factor,
            since: pages::date(member.since),
            is_you: member.id == context.user.session.user_id,
        }
    }

    fn role_word(&self) -> &'static str {
        word(self.role)
    }
}

/// An invitation that nobody has taken yet.
#[derive(Debug, Clone)]
pub(crate) struct Invited {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) by: String,
    pub(crate) expires: Time,
    pub(crate) is_expired: bool,
}

impl Invited {
    pub(crate) fn of(invitation: &Invitation, now: Timestamp) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.as_str().to_owned(),
            role: invitation.role,
            by: invitation.created_by.clone(),
            expires: pages::relative(invitation.expires_at, now),
            is_expired: invitation.expires_at <= now,
        }
    }

    fn role_word(&self) -> &'static str {
        word(self.role)
    }
}

/// A role as a page names it.
const fn word(role: Role) -> &'static str {
    match role {
        Role::Member => "Member",
        Role::Admin => "Admin",
    }
}

#[derive(askama::Template)]
#[template(path = "members/list.html", blocks = ["content"])]
pub(crate) struct List {
    pub(crate) chrome: Chrome,
    pub(crate) people: Vec<MemberRow>,
    /// How many people there are on all pages, and how many of them are Admins.
    pub(crate) total: usize,
    pub(crate) admins: usize,
    /// Whether people stand before this page.
    pub(crate) is_later: bool,
    /// The last person of this page, if there are more.
    pub(crate) next: Option<String>,
    pub(crate) invitations: Vec<Invited>,
}

/// `GET /settings/members?after=usr_…`
pub(crate) async fn list(context: AdminPage<Members>, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::of_query(query.as_deref());
    let members = context.outcome(context.service().users().list_members(&context.principal).await)?;
    let invitations =
        context.outcome(context.service().users().list_invitations(&context.principal).await)?;
    let before = members.iter().position(|member| member.id.as_str() == query.text("after"));
    let start = before.map_or(0, |before| before + 1);
    let (people, next) = cut(members.iter().skip(start).collect::<Vec<_>>(), page_size(context.service()));
    let page = List {
        chrome: context.chrome("Members", Section::Members).await?,
        total: members.len(),
        admins: members.iter().filter(|member| member.role == Role::Admin).count(),
        people: people.iter().map(|member| MemberRow::of(member, &context)).collect(),
        is_later: start > 0,
        next: next.map(|last| last.id.to_string()),
        invitations: invitations.iter().map(|one| Invited::of(one, context.ctx.now)).collect(),
    };
    Ok(show!(context, page))
}

/// The organisation's member with this id.
///
/// # Errors
/// The page that says that nobody like that is here.
async fn find(context: &MemberPage, id: &str) -> Result<Member, Response<Body>> {
    let members = context.outcome(context.service().users().list_members(&context.principal).await)?;
    let found = members.into_iter().find(|member| member.id.as_str() == id);
    found.ok_or_else(|| {
        context.failed(&Error::from(Rejection::NotFound { kind: "member", id: id.to_owned() }))
    })
}
