//! Adding and changing a target: one form.

use super::{find, pretty};
use crate::{
    frame::{
        answer::Answer,
        form::{Fields, Posted},
        page_context::{MemberPage, show},
    },
    products,
};
use axum::extract::Path;
use domain::{Subject, Target, Timestamp, product::UncheckedTarget};
use pages::{Chrome, FormError, Section};
use service::{Error, Rejection, products::SeenTarget};

#[derive(askama::Template)]
#[template(path = "targets/form.html", blocks = ["content"])]
pub(crate) struct Form<'a> {
    pub(crate) chrome: Chrome,
    pub(crate) product: &'a Subject,
    /// The target that is changed; none if one is added.
    pub(crate) target: Option<&'a Target>,
    /// When it had last changed as the form shows it, in milliseconds.
    pub(crate) seen_at: String,
    pub(crate) typed: &'a Fields,
}

async fn form(
    context: &MemberPage,
    (product, target): (&Subject, Option<&Target>),
    typed: &Fields,
    errors: FormError,
) -> Answer {
    let title = target.map_or_else(
        || format!("Add a target to {}", product.details.name),
        |target| format!("Edit {}", target.details.name),
    );
    let chrome = context.form(title, Section::Products, errors).await?;
    let page = Form {
        product,
        target,
        seen_at: match (&chrome.errors.conflict, typed.text("seen_at")) {
            // Whoever has read what is stored now may replace it.
            (Some(_), _) | (None, "") => {
                target.map(|target| target.updated_at.ms().to_string()).unwrap_or_default()
            }
            (None, sent) => sent.to_owned(),
        },
        chrome,
        typed,
    };
    Ok(show!(context, page))
}

/// What was typed, as far as it can be read.
fn read(fields: &Fields, build_key: &str) -> Result<UncheckedTarget, FormError> {
    let build_number = match fields.filled("build_number") {
        None => None,
        Some(typed) => Some(
            typed
                .trim()
                .parse()
                .map_err(|_| FormError::new("buildNumber", "Write a whole number, like 1284."))?,
        ),
    };
    let metadata = match fields.filled("metadata") {
        None => None,
        Some(typed) => Some(serde_json::from_str(typed).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let text = format!(
                "This is not JSON: look at line {line}, column {column}. Names and texts stand in double quotes."
            );
            FormError::new("metadata", text)
        })?),
    };
    Ok(UncheckedTarget {
        build_key: build_key.to_owned(),
        name: fields.text("name").to_owned(),
        description: fields.lines("description"),
        version: fields.text("version").to_owned(),
        environment: fields.text("environment").to_owned(),
        build_number,
        build_url: fields.filled("build_url").map(str::to_owned),
        metadata,
    })
}

/// `GET /p/{subject}/t/new`
pub(crate) async fn show_new(context: MemberPage, Path(subject): Path<String>) -> Answer {
    let product = products::find(&context, &subject).await?;
    form(&context, (&product, None), &Fields::default(), FormError::default()).await
}

/// `POST /p/{subject}/t/new`
pub(crate) async fn submit(
    Path(subject): Path<String>,
    Posted(context, fields): Posted<MemberPage>,
) -> Answer {
    let product = products::find(&context, &subject).await?;
    let input = match read(&fields, fields.text("build_key")) {
        Ok(input) => input,
        Err(errors) => return form(&context, (&product, None), &fields, errors).await,
    };
    let service = context.service();
    let made = service
        .products()
        .upsert_target_from(&context.ctx, &context.principal, &subject, SeenTarget::None, input)
        .await;
    match made {
        Ok(target) => context.go(&format!("/p/{}/t/{}?done=target-added", product.id, target.id)),
        Err(Error::Rejection(Rejection::Conflict(message))) => {
            let errors = FormError::new("buildKey", crate::frame::answer::sentence(&message));
            form(&context, (&product, None), &fields, errors).await
        }
        Err(failure) => form(&context, (&product, None), &fields, context.form_error(failure)?).await,
    }
}

/// `GET /p/{subject}/t/{target}/edit`
pub(crate) async fn show_edit(
    context: MemberPage,
    Path((subject, target)): Path<(String, String)>,
) -> Answer {
    let (product, target) = find(&context, &subject, &target).await?;
    let shown = Shown::of(&target);
    let fields = Fields::from_iter(shown.pairs());
    form(&context, (&product, Some(&target)), &fields, FormError::default()).await
}

/// `POST /p/{subject}/t/{target}/edit`
pub(crate) async fn save(
    Path((subject, id)): Path<(String, String)>,
    Posted(context, fields): Posted<MemberPage>,
) -> Answer {
    let (product, target) = find(&context, &subject, &id).await?;
    let input = match read(&fields, &target.details.build_key) {
        Ok(input) => input,
        Err(errors) => return form(&context, (&product, Some(&target)), &fields, errors).await,
    };
    // A form without it saw nothing: the epoch is when no target changed.
    let seen = SeenTarget::ChangedAt(Timestamp::from_ms(fields.number("seen_at").unwrap_or_default()));
    match context
        .service()
        .products()
        .upsert_target_from(&context.ctx, &context.principal, &subject, seen, input)
        .await
    {
        Ok(_) => context.go(&format!("/p/{subject}/t/{id}?done=target-changed")),
        Err(Error::Rejection(Rejection::Conflict(_))) => {
            let (product, target) = find(&context, &subject, &id).await?;
            let conflict = Shown::of(&target).conflict(&fields);
            form(&context, (&product, Some(&target)), &fields, conflict).await
        }
        Err(failure) => {
            form(&context, (&product, Some(&target)), &fields, context.form_error(failure)?).await
        }
    }
}

/// A stored target as its form shows it.
struct Shown<'a> {
    target: &'a Target,
    build_number: String,
    metadata: String,
}

impl<'a> Shown<'a> {
    fn of(target: &'a Target) -> Self {
        let build_number = target.details.build_number.map(|number| number.to_string()).unwrap_or_default();
        Self { target, build_number, metadata: pretty(target) }
    }

    fn pairs(&self) -> [(&'static str, &str); 7] {
        let details = &self.target.details;
        [
            ("name", details.name.as_str()),
            ("version", &details.version),
            ("environment", &details.environment),
            ("build_number", &self.build_number),
            ("build_url", details.build_url.as_deref().unwrap_or_default()),
            ("description", details.description.as_deref().unwrap_or_default()),
            ("metadata", &self.metadata),
        ]
    }

    fn conflict(&self, typed: &Fields) -> FormError {
        const NAMES: [&str; 7] = [
            "Name",
            "Version",
            "Environment",
            "Build number",
            "Address of the deployment",
            "Description",
            "Metadata",
        ];
        let typed: Vec<String> =
            self.pairs().iter().map(|(field, _)| typed.lines(field).unwrap_or_default()).collect();
        let rows = NAMES.iter().zip(&typed).zip(self.pairs());
        let rows: Vec<_> = rows.map(|((name, typed), (_, stored))| (*name, typed.as_str(), stored)).collect();
        FormError::conflict(&rows)
    }
}
