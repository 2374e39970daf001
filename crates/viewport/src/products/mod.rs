//! Products: their pages, and what all pages about one share.

pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod page;

use crate::frame::page_context::MemberPage;
use axum::body::Body;
use domain::Subject;
use http::Response;

/// The organisation's product with this id, or the page that says that it is not there.
pub(crate) async fn find(context: &MemberPage, id: &str) -> Result<Subject, Response<Body>> {
    context.outcome(context.service().products().find_subject(&context.principal, id).await)
}
