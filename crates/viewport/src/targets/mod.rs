//! Targets: deployments of a product. Pipelines report them; people can do it by hand.

pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod page;

use crate::frame::page_context::MemberPage;
use axum::body::Body;
use domain::{Subject, Target};
use http::Response;
use service::Rejection;

/// A product's target, or the page that says that one of them is not there. A target of another product is not there either.
pub(crate) async fn find(
    context: &MemberPage,
    subject: &str,
    target: &str,
) -> Result<(Subject, Target), Response<Body>> {
    let product = crate::products::find(context, subject).await?;
    let found =
        context.outcome(context.service().products().find_target(&context.principal, target).await)?;
    if found.subject_id != product.id {
        let missing = Rejection::NotFound { kind: "target", id: target.to_owned() };
        return Err(context.failed(&missing.into()));
    }
    Ok((product, found))
}

/// A target's metadata as people read it; empty if there is none.
pub(crate) fn pretty(target: &Target) -> String {
    let metadata = target.details.metadata.as_ref();
    metadata.and_then(|metadata| serde_json::to_string_pretty(metadata).ok()).unwrap_or_default()
}
