//! Products and targets.

use crate::{Error, Inner, Principal, Products, Rejection, RequestContext, Result, audit::Entry};
use domain::{
    Capability, Invalid, Subject, SubjectId, Target, TargetId, Timestamp,
    audit::Action,
    authority::ChangeProducts,
    product::{
        SubjectDetails, TargetDetails, UncheckedTarget,
        secrets::{self, Secrets},
    },
};
use serde_json::json;
use store::OrganisationTransaction;
use zeroize::Zeroizing;

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

/// What a person who changes or adds a target saw under its build key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenTarget {
    /// Nobody looked: a pipeline reports what it deployed.
    Unseen,
    /// There was none; one that is there by now is not overwritten.
    None,
    /// There was one, which had last changed then; a later change is not overwritten.
    ChangedAt(Timestamp),
}

impl SeenTarget {
    /// Rejects what would overwrite, or bring back, something that the person did not see.
    fn check(self, found: Option<&Target>) -> Result<(), Rejection> {
        let message = match (self, found) {
            (Self::None, Some(found)) => {
                let name = &found.details.name;
                format!("this product has a target with this build key already: {name}")
            }
            (Self::ChangedAt(seen), Some(found)) if found.updated_at != seen => {
                "somebody changed this target meanwhile: look at it again".to_owned()
            }
            (Self::ChangedAt(_), None) => "somebody deleted this target meanwhile".to_owned(),
            (Self::Unseen | Self::None, _) | (Self::ChangedAt(_), Some(_)) => return Ok(()),
        };
        Err(Rejection::Conflict(message))
    }
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

    /// A page of the targets of each of these products: by product, oldest first.
    ///
    /// # Errors
    /// The page is too large, or the store fails.
    pub async fn list_targets_of(
        self,
        principal: &Principal,
        subjects: &[SubjectId],
        first: i64,
        after: Option<&TargetId>,
    ) -> Result<Vec<Target>> {
        principal.authorise(Capability::ViewProducts)?;
        let first = self.0.page(first)?;
        let mut reader = self.0.store.reader().await?;
        Ok(reader.targets_of_subjects(&principal.organisation_id, subjects, after, first).await?)
    }

    /// A page of the targets of the organisation, or of one product, oldest first.
    ///
    /// # Errors
    /// The page is too large, or the store fails.
    pub async fn list_targets(
        self,
        principal: &Principal,
        subject: Option<&SubjectId>,
        first: i64,
        after: Option<&TargetId>,
    ) -> Result<Vec<Target>> {
        principal.authorise(Capability::ViewProducts)?;
        let first = self.0.page(first)?;
        Ok(self.0.store.reader().await?.targets(&principal.organisation_id, subject, after, first).await?)
    }

    /// The organisation's target with this id.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub async fn find_target(self, principal: &Principal, id: &str) -> Result<Target, Error> {
        principal.authorise(Capability::ViewProducts)?;
        let missing = || Rejection::NotFound { kind: "target", id: id.to_owned() };
        let parsed = TargetId::parse(id).map_err(|_| missing())?;
        let found = self.0.store.reader().await?.find_target(&principal.organisation_id, &parsed).await?;
        Ok(found.ok_or_else(missing)?)
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

    /// How many targets a product has.
    pub async fn count_targets(self, principal: &Principal, subject: &SubjectId) -> Result<i64> {
        principal.authorise(Capability::ViewProducts)?;
        Ok(self.0.store.reader().await?.count_targets(&principal.organisation_id, subject).await?)
    }

    /// Deletes a target.
    ///
    /// # Errors
    /// The token may only read, the target is not there, or the store fails.
    pub async fn delete_target(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        id: &str,
    ) -> Result<Target> {
        principal.authorise(Capability::ChangeProducts)?;
        let missing = || Rejection::NotFound { kind: "target", id: id.to_owned() };
        let parsed = TargetId::parse(id).map_err(|_| missing())?;
        let organisation = &principal.organisation_id;
        let mut transaction = self.0.begin_as::<ChangeProducts>(ctx, principal).await?;
        let target = transaction.find_target(organisation, &parsed).await?.ok_or_else(missing)?;
        if !transaction.delete_target(&parsed).await? {
            return Err(missing().into());
        }
        let entry = Entry {
            action: Action::TargetDeleted,
            object_id: target.id.as_str(),
            object_name: target.details.name.as_str(),
            details: json!({ "subject": target.subject_id.as_str() }),
        };
        self.0.audit(&mut transaction, ctx, principal, entry).await?;
        transaction.commit().await?;
        Ok(target)
    }

    /// Adds a target to a product, or changes the one with the same build key.
    ///
    /// # Errors
    /// The token may only read, the product is not there, an input is wrong, or the store fails.
    pub async fn upsert_target(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        subject_id: &str,
        input: UncheckedTarget,
    ) -> Result<Target> {
        self.upsert_target_from(ctx, principal, subject_id, SeenTarget::Unseen, input).await
    }

    /// The same for a person, who saw what is under the build key.
    ///
    /// # Errors
    /// As [`Self::upsert_target`], and what is under the build key is not what was seen.
    pub async fn upsert_target_from(
        self,
        ctx: &RequestContext,
        principal: &Principal,
        subject_id: &str,
        seen: SeenTarget,
        input: UncheckedTarget,
    ) -> Result<Target> {
        principal.authorise(Capability::ChangeProducts)?;
        let subject_id = parse_subject_id(subject_id)?;
        let mut details = input.check()?;
        let organisation = &principal.organisation_id;
        let mut transaction = self.0.begin_as::<ChangeProducts>(ctx, principal).await?;
        let subject = transaction.lock_subject(&subject_id).await?;
        subject.ok_or_else(|| subject_not_found(&subject_id))?;
        let before =
            transaction.find_target_by_build_key(organisation, &subject_id, &details.build_key).await?;
        seen.check(before.as_ref())?;
        let former = match &before {
            Some(target) => self.target_secrets(&mut transaction, &target.id).await?,
            None => Secrets::new(),
        };
        let given = details.metadata.as_mut().map(|metadata| secrets::take(metadata, &former));
        let (target, action) = if let Some(before) = before {
            let target = Target { details, updated_at: ctx.now, ..before };
            transaction.update_target(&target).await?;
            (target, Action::TargetUpdated)
        } else {
            let target = Target {
                id: TargetId::generate(ctx.now, self.0.entropy()),
                organisation_id: organisation.clone(),
                subject_id,
                details,
                created_at: ctx.now,
                updated_at: ctx.now,
            };
            let limit = self.0.policy.targets_per_product;
            if transaction.count_targets(organisation, &target.subject_id).await? >= limit {
                return Err(too_many("targets in this product", limit, "targets_per_product"));
            }
            transaction.insert_target(&target).await?;
            (target, Action::TargetCreated)
        };
        let given = given.unwrap_or_default();
        if given != former {
            let sealed = self.seal_secrets(&target.id, &given)?;
            transaction.keep_target_secrets(&target.id, sealed.as_deref()).await?;
        }
        let TargetDetails { name, version, environment, .. } = &target.details;
        let subject = target.subject_id.as_str();
        let entry = Entry {
            action,
            object_id: target.id.as_str(),
            object_name: name.as_str(),
            details: json!({ "subject": subject, "version": version, "environment": environment }),
        };
        self.0.audit(&mut transaction, ctx, principal, entry).await?;
        transaction.commit().await?;
        Ok(target)
    }
}

impl Products<'_> {
    /// The secrets that a target was given.
    async fn target_secrets(
        self,
        transaction: &mut OrganisationTransaction<ChangeProducts>,
        id: &TargetId,
    ) -> Result<Secrets> {
        let Some(sealed) = transaction.target_secrets(id).await? else { return Ok(Secrets::new()) };
        let plain = self.0.master_key.open(&seal_context(id), &sealed).map_err(Error::internal)?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }

    fn seal_secrets(self, id: &TargetId, secrets: &Secrets) -> Result<Option<Vec<u8>>> {
        if secrets.is_empty() {
            return Ok(None);
        }
        let plain = Zeroizing::new(serde_json::to_vec(secrets).map_err(Error::internal)?);
        let sealed = self.0.master_key.seal(&seal_context(id), &plain, self.0.entropy());
        sealed.map(Some).map_err(Error::internal)
    }
}

fn seal_context(id: &TargetId) -> String {
    format!("target-secrets:{id}")
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
