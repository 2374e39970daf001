//! Targets: what pipelines report of the deployments of a product.

use super::{parse_subject_id, subject_not_found, too_many};
use crate::{Error, Principal, Products, Rejection, RequestContext, Result, audit::Entry};
use domain::{
    Capability, SubjectId, Target, TargetId, Timestamp,
    audit::Action,
    authority::ChangeProducts,
    product::{
        TargetDetails, UncheckedTarget,
        secrets::{self, Secrets},
    },
};
use serde_json::json;
use store::OrganisationTransaction;
use zeroize::Zeroizing;

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

impl Products<'_> {
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
        let given = details.metadata.as_mut().map(|metadata| secrets::take(metadata, &former)).transpose()?;
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
