//! Targets: deployments of a product. Pipelines report them; people can do it by hand.

pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod page;

use crate::frame::page_context::MemberPage;
use axum::body::Body;
use domain::{Subject, Target, TargetId};
use http::Response;
use service::{Error, Rejection};

/// A product's target. One of another product is not there either.
///
/// # Errors
/// The page that says that the product or the target is not there.
pub(crate) async fn find(
    context: &MemberPage,
    subject: &str,
    target: &str,
) -> Result<(Subject, Target), Response<Body>> {
    let product = crate::products::find(context, subject).await?;
    let found = match TargetId::parse(target) {
        Ok(id) => context.outcome(context.service().products().find_target(&context.principal, &id).await)?,
        Err(_) => None,
    };
    let missing = || Error::from(Rejection::NotFound { kind: "target", id: target.to_owned() });
    let found = found.filter(|found| found.subject_id == product.id);
    let found = found.ok_or_else(|| context.failed(&missing()))?;
    Ok((product, found))
}

/// A target's metadata as people read it; empty if there is none.
pub(crate) fn pretty(target: &Target) -> String {
    let metadata = target.details.metadata.as_ref();
    metadata.and_then(|metadata| serde_json::to_string_pretty(metadata).ok()).unwrap_or_default()
}
