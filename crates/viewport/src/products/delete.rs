//! Deleting a product, and its targets with it.

use super::{Named, find};
use crate::{
    answer::Answer,
    form::{Fields, Posted},
    trouble::{self, Trouble},
    visit::{Visit, show},
};
use axum::extract::Path;
use domain::Subject;
use pages::{Chrome, Head, Section};

#[derive(askama::Template)]
#[template(path = "products/delete.html", blocks = ["content"])]
pub(crate) struct Form {
    pub(crate) head: Head,
    pub(crate) chrome: Chrome,
    pub(crate) partial: bool,
    pub(crate) product: Named,
    pub(crate) targets: i64,
    pub(crate) typed: String,
    pub(crate) trouble: Trouble,
}

async fn form(visit: &Visit, product: &Subject, targets: i64, fields: &Fields, trouble: Trouble) -> Answer {
    let page = Form {
        head: Head::new(format!("Delete {}", product.details.name)),
        chrome: visit.chrome(Section::Products).await?,
        partial: visit.partial,
        product: Named::of(product),
        targets,
        typed: fields.text("confirm").to_owned(),
        trouble,
    };
    let status = trouble::status(&page.trouble);
    Ok(show!(visit, status, page))
}

/// `GET /p/{subject}/delete`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Answer {
    let product = find(&visit, &id).await?;
    let targets = visit.outcome(visit.service().count_targets(&visit.principal, &product.id).await)?;
    form(&visit, &product, targets, &Fields::default(), Trouble::default()).await
}

/// `POST /p/{subject}/delete`
pub(crate) async fn make(Path(id): Path<String>, Posted(visit, fields): Posted<Visit>) -> Answer {
    let product = find(&visit, &id).await?;
    let targets = visit.outcome(visit.service().count_targets(&visit.principal, &product.id).await)?;
    let name = product.details.name.as_str();
    if targets > 0 && fields.text("confirm").trim() != name {
        let trouble = Trouble::new("confirm", format!("Type the name as it stands here: {name}"));
        return form(&visit, &product, targets, &fields, trouble).await;
    }
    visit.outcome(visit.service().delete_subject(&visit.ctx, &visit.principal, &id).await)?;
    visit.go("/?done=product-deleted")
}
