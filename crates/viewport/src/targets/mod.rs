//! Targets: deployments of a product. Pipelines report them; people can do it by hand.

pub(crate) mod change;
pub(crate) mod delete;
pub(crate) mod page;

use crate::frame::page_context::MemberPage;
use axum::body::Body;
use domain::{Subject, Target, TargetId, Timestamp};
use http::Response;
use pages::Time;
use service::{Error, Rejection};

/// A target as the list shows it.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) build_key: String,
    pub(crate) version: String,
    pub(crate) environment: String,
    pub(crate) build: Build,
    pub(crate) updated: Time,
}

impl Row {
    pub(crate) fn of(target: &Target, now: Timestamp) -> Self {
        let details = &target.details;
        Self {
            id: target.id.to_string(),
            name: details.name.clone(),
            build_key: details.build_key.clone(),
            version: details.version.clone(),
            environment: details.environment.clone(),
            build: Build::of(target),
            updated: pages::since(target.updated_at, now),
        }
    }
}

/// The build that a target came from, in words and with the way to it; empty if nothing is known.
pub(crate) struct Build {
    pub(crate) text: String,
    pub(crate) url: Option<String>,
}

impl Build {
    pub(crate) fn of(target: &Target) -> Self {
        let url = target.details.build_url.clone();
        let text = match (target.details.build_number, &url) {
            (Some(number), _) => format!("#{number}"),
            (None, Some(_)) => "Build".to_owned(),
            (None, None) => String::new(),
        };
        Self { text, url }
    }
}

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
