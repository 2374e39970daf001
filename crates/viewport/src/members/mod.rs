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
use domain::{Invitation, Member, Role, UserId};
use http::Response;
use pages::{Chrome, Section};
use service::{Error, Rejection};

/// Where the list is.
pub(crate) const LIST: &str = "/settings/members";

#[derive(askama::Template)]
#[template(path = "members/list.html", blocks = ["content"])]
pub(crate) struct List {
    pub(crate) chrome: Chrome,
    pub(crate) people: Vec<Member>,
    /// How many people there are on all pages, and how many of them are Admins.
    pub(crate) total: usize,
    pub(crate) admins: usize,
    /// Whether people stand before this page.
    pub(crate) is_later: bool,
    /// The last person of this page, if there are more.
    pub(crate) next: Option<UserId>,
    pub(crate) invitations: Vec<Invitation>,
}

/// `GET /settings/members?after=usr_…`
pub(crate) async fn list(context: AdminPage<Members>, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::of_query(query.as_deref());
    let members = context.outcome(context.service().users().list_members(&context.principal).await)?;
    let invitations =
        context.outcome(context.service().users().list_invitations(&context.principal).await)?;
    let before = members.iter().position(|member| member.id.as_str() == query.text("after"));
    let start = before.map_or(0, |before| before + 1);
    let (total, admins) = (members.len(), members.iter().filter(|member| member.role == Role::Admin).count());
    let (people, next) = cut(members.into_iter().skip(start).collect(), page_size(context.service()));
    let page = List {
        chrome: context.chrome("Members", Section::Members).await?,
        people,
        total,
        admins,
        is_later: start > 0,
        next: next.map(|last| last.id),
        invitations,
    };
    Ok(show!(context, page))
}

/// The organisation's member with this id.
async fn find(context: &MemberPage, id: &str) -> Result<Member, Response<Body>> {
    let members = context.outcome(context.service().users().list_members(&context.principal).await)?;
    let found = members.into_iter().find(|member| member.id.as_str() == id);
    found.ok_or_else(|| {
        context.failed(&Error::from(Rejection::NotFound { kind: "member", id: id.to_owned() }))
    })
}
