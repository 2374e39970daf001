//! The whole chain as a file that anyone can check.

use crate::frame::{
    admin_page::{AdminPage, AuditLog},
    answer::Answer,
};
use axum::body::{Body, Bytes};
use domain::audit::AuditEvent;
use futures::stream;
use http::{HeaderName, HeaderValue, Response, header};
use service::{Error, audit::export_line};

/// `GET /settings/audit/export`
pub(crate) async fn download(context: AdminPage<AuditLog>) -> Answer {
    // What fails before the first line is answered with a page; later the file breaks off, so that it cannot pass for whole.
    let first = context
        .outcome(context.service().audit_log().export_own(&context.ctx, &context.principal, 0).await)?;
    let day: String = context.ctx.now.to_string().chars().take(10).collect();
    let name = format!("attachment; filename=\"audit-{}-{day}.ndjson\"", context.principal.organisation_id);
    let rows = stream::try_unfold((context, first), |(context, events)| async move {
        let Some(last) = events.last() else { return Ok::<_, Error>(None) };
        // Whoever is no Admin any more gets no more of it.
        let ctx = context.ctx_now();
        let next = context.service().audit_log().export_own(&ctx, &context.principal, last.sequence).await;
        let next = next.inspect_err(|error| {
            tracing::error!(request_id = %context.ctx.request_id, %error, "an export of the audit log broke off");
        })?;
        Ok(Some((lines(&events), (context, next))))
    });
    let mut response = Response::new(Body::from_stream(rows));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn lines(events: &[AuditEvent]) -> Bytes {
    let mut text = String::new();
    for event in events {
        text.push_str(&export_line(event));
        text.push('\n');
    }
    Bytes::from(text)
}
