//! Products: their pages, and what all pages about one share.

pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod page;

use crate::frame::page_context::MemberPage;
use axum::body::Body;
use domain::{Subject, SubjectId};
use http::Response;
use service::{Error, Rejection};

/// The organisation's product with this id.
///
/// # Errors
/// The page that says that it is not there.
pub(crate) async fn find(context: &MemberPage, id: &str) -> Result<Subject, Response<Body>> {
    let found = match SubjectId::parse(id) {
        Ok(id) => {
            context.outcome(context.service().products().find_subject(&context.principal, &id).await)?
        }
        Err(_) => None,
    };
    found.ok_or_else(|| {
        context.failed(&Error::from(Rejection::NotFound { kind: "product", id: id.to_owned() }))
    })
}
