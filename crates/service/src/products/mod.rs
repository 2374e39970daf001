//! Products and targets.

mod targets;

pub use targets::SeenTarget;

use crate::{Error, Inner, Principal, Products, Rejection, RequestContext, Result, audit::Entry};
use domain::{
    Capability, Invalid, Subject, SubjectId, Timestamp, audit::Action, authority::ChangeProducts,
    product::SubjectDetails,
};
use serde_json::json;

/// A change of a product: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct SubjectChange {
    /// The new name.
    pub name: Option<String>,
    /// The new description; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// The new base URL; `Some(None)` takes it away.
    pub base_url: Option<Option<String>>,
    /// When the product had last changed as the person saw it; a later change is not overwritten.
    pub seen_at: Option<Timestamp>,
}

impl Inner {
    /// Checks the size of a page.
    pub(crate) fn page(&self, first: i64) -> Result<i64, Invalid> {
        let maximum = self.policy.page_maximum;
        if (1..=maximum).contains(&first) {
            Ok(first)
        } else {
            Err(Invalid::new("first", format!("a page has 1 to {maximum} entries; {first} is outside")))
        }
    }
}

impl Products<'_> {
    /// A page of the organisation's products, oldest first.
    ///
    /// # Errors
    /// The page is too large, or the store fails.
    pub async fn list_subjects(
        self,
        principal: &Principal,
        first: i64,
        after: Option<&SubjectId>,
    ) -> Result<Vec<Subject>> {
        principal.authorise(Capability::ViewProducts)?;
        let first = self.0.page(first)?;
        Ok(self.0.store.reader().await?.subjects(&principal.organisation_id, after, first).await?)
    }

    /// The organisation's product with this id.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub async fn find_subject(self, principal: &Principal, id: &str) -> Result<Subject, Error> {
        principal.authorise(Capability::ViewProducts)?;
        let missing = || Rejection::NotFound { kind: "product", id: id.to_owned() };
        let parsed = SubjectId::parse(id).map_err(|_| missing())?;
        let found = self.0.store.reader().await?.find_subject(&principal.organisation_id, &parsed).await?;
        Ok(found.ok_or_else(missing)?)
    }

    /// Those of these products that the organisation has.
    pub async fn find_subjects(self, principal: &Principal, ids: &[SubjectId]) -> Result<Vec<Subject>> {
        principal.authorise(Capability::ViewProducts)?;
        Ok(self.0.store.reader().await?.subjects_by_ids(&principal.organisation_id, ids).await?)
    }

    /// Adds a product.
    ///
    /// # Errors
    /// The token may only read, an input is wrong, or the store fails.
    pub async fn create_subject(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        name: &str,
        description: Option<&str>,
        base_url: Option<&str>,
    ) -> Result<Subject> {
        principal.authorise(Capability::ChangeProducts)?;
        let subject = Subject {
            id: SubjectId::generate(ctx.now, self.0.entropy()),
            organisation_id: principal.organisation_id.clone(),
            details: SubjectDetails::parse(name, description, base_url)?,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        let mut transaction = self.0.begin_as::<ChangeProducts>(ctx, principal).await?;
        let limit = self.0.policy.products_per_organisation;
        if transaction.count_subjects(&principal.organisation_id).await? >= limit {
            return Err(too_many("products", limit, "products_per_organisation"));
        }
        transaction.insert_subject(&subject).await?;
        self.0
            .audit(
                &mut transaction,
                ctx,
                principal,
                subject_entry(Action::SubjectCreated, &subject, json!({})),
            )
            .await?;
        transaction.commit().await?;
        Ok(subject)
    }

    /// Changes a product.
    ///
    /// # Errors
    /// The token may only read, the product is not there, an input is wrong, or the store fails.
    pub async fn update_subject(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
        change: SubjectChange,
    ) -> Result<Subject> {
        principal.authorise(Capability::ChangeProducts)?;
        let id = parse_subject_id(id)?;
        let mut transaction = self.0.begin_as::<ChangeProducts>(ctx, principal).await?;
        let before = transaction.lock_subject(&id).await?;
        let before = before.ok_or_else(|| subject_not_found(&id))?;
        if change.seen_at.is_some_and(|seen| seen != before.updated_at) {
            let message = "somebody changed this product meanwhile: look at it again";
            return Err(Rejection::Conflict(message.into()).into());
        }
        let details = SubjectDetails::parse(
            change.name.as_deref().unwrap_or(before.details.name.as_str()),
            change.description.unwrap_or_else(|| before.details.description.clone()).as_deref(),
            change.base_url.unwrap_or_else(|| before.details.base_url.clone()).as_deref(),
        )?;
        let subject = Subject { details, updated_at: ctx.now, ..before };
        transaction.update_subject(&subject).await?;
        self.0
            .audit(
                &mut transaction,
                ctx,
                principal,
                subject_entry(Action::SubjectUpdated, &subject, json!({})),
            )
            .await?;
        transaction.commit().await?;
        Ok(subject)
    }

    /// Deletes a product with its targets.
    ///
    /// # Errors
    /// The token may only read, the product is not there, or the store fails.
    pub async fn delete_subject(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
    ) -> Result<SubjectId> {
        principal.authorise(Capability::ChangeProducts)?;
        let id = parse_subject_id(id)?;
        let mut transaction = self.0.begin_as::<ChangeProducts>(ctx, principal).await?;
        let subject = transaction.lock_subject(&id).await?;
        let subject = subject.ok_or_else(|| subject_not_found(&id))?;
        let targets = transaction.delete_subject(&id).await?;
        let entry = subject_entry(Action::SubjectDeleted, &subject, json!({ "targets": targets }));
        self.0.audit(&mut transaction, ctx, principal, entry).await?;
        transaction.commit().await?;
        Ok(id)
    }
}

fn too_many(what: &'static str, limit: i64, setting: &'static str) -> Error {
    Rejection::TooMuchStored { what, limit, setting }.into()
}

fn subject_entry(action: Action, subject: &Subject, details: serde_json::Value) -> Entry<'_> {
    Entry { action, object_id: subject.id.as_str(), object_name: subject.details.name.as_str(), details }
}

fn parse_subject_id(id: &str) -> Result<SubjectId, Rejection> {
    SubjectId::parse(id).map_err(|_| Rejection::NotFound { kind: "product", id: id.to_owned() })
}

fn subject_not_found(id: &SubjectId) -> Rejection {
    Rejection::NotFound { kind: "product", id: id.as_str().to_owned() }
}
