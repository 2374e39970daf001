//! One call of the API: what every field of the schema gets to work with.

use crate::{
    errors::{self, ApiError},
    scalars::literals::Literals,
    schema::{
        batch_loader::BatchLoader, list::List, organisation::Organisation, subject::Subject, target::Target,
    },
};
use domain::{SubjectId, TargetId};
use juniper::{Context, FieldResult};
use service::{Error, Principal, Rejection, RequestContext, Service};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// How many different causes of one request are written down.
const CAUSES: usize = 3;

/// What a field answers.
pub(crate) type Outcome<T> = FieldResult<T, crate::scalars::ApiScalar>;

/// Who asks, when and from where, and the use cases.
pub(crate) struct GraphqlContext {
    pub(crate) service: Service,
    pub(crate) ctx: RequestContext,
    pub(crate) principal: Principal,
    pub(crate) literals: Literals,
    subjects: BatchLoader<SubjectId, domain::Subject>,
    targets: BatchLoader<(SubjectId, Page<TargetId>), Vec<domain::Target>>,
    /// Why fields failed on our side, for the log alone.
    causes: Mutex<Vec<String>>,
}

impl Context for GraphqlContext {}

/// A page of a list, as the arguments `first` and `after` ask for it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Page<Id> {
    pub(crate) first: i64,
    pub(crate) after: Option<Id>,
}

impl GraphqlContext {
    pub(crate) fn new(
        service: Service,
        ctx: RequestContext,
        principal: Principal,
        literals: Literals,
    ) -> Self {
        let subjects = BatchLoader::new(|_| 1);
        let targets = BatchLoader::new(|(_, page): &(_, Page<_>)| usize::try_from(page.first).unwrap_or(1));
        Self { service, ctx, principal, literals, subjects, targets, causes: Mutex::default() }
    }

    /// What a use case said, in the API's words.
    pub(crate) fn outcome<T>(&self, result: Result<T, Error>) -> Outcome<T> {
        result.map_err(|error| self.reject(error))
    }

    pub(crate) fn reject(&self, error: impl Into<Error>) -> ApiError {
        let error = error.into();
        if !matches!(error, Error::Rejection(_)) {
            let cause = error.to_string();
            let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
            if causes.len() < CAUSES && !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        errors::of_error(&self.ctx, error)
    }

    /// Why fields failed on our side, if any did.
    pub(crate) fn cause(&self) -> Option<String> {
        let causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        (!causes.is_empty()).then(|| causes.join("; "))
    }

    /// The product of a target, read together with those of the targets beside it.
    pub(crate) async fn subject_of(&self, target: &domain::Target) -> Outcome<Option<Subject>> {
        let read = async |ids: Vec<SubjectId>| {
            let found = self.service.products().find_subjects(&self.principal, &ids).await?;
            Ok(found.into_iter().map(|subject| (subject.id.clone(), subject)).collect())
        };
        let found = self.subjects.load(target.subject_id.clone(), read).await;
        Ok(self.outcome(found)?.map(Subject))
    }

    /// The targets of a product, read together with those of the products beside it.
    pub(crate) async fn targets_of(
        &self,
        subject: &domain::Subject,
        page: Page<TargetId>,
    ) -> Outcome<List<Target>> {
        let read = async |asked: Vec<(SubjectId, Page<TargetId>)>| {
            let mut by_page: HashMap<Page<TargetId>, Vec<SubjectId>> = HashMap::new();
            for (subject, page) in asked {
                by_page.entry(page).or_default().push(subject);
            }
            let mut found: HashMap<_, Vec<domain::Target>> = HashMap::new();
            for (page, subjects) in by_page {
                let after = page.after.as_ref();
                for target in self
                    .service
                    .products()
                    .list_targets_of(&self.principal, &subjects, page.first, after)
                    .await?
                {
                    found.entry((target.subject_id.clone(), page.clone())).or_default().push(target);
                }
            }
            Ok(found)
        };
        let found = self.targets.load((subject.id.clone(), page), read).await;
        Ok(self.outcome(found)?.unwrap_or_default().into_iter().map(Target).collect())
    }

    pub(crate) async fn subject(&self, id: &str) -> Outcome<Subject> {
        self.outcome(self.service.products().find_subject(&self.principal, id).await).map(Subject)
    }

    pub(crate) async fn targets(
        &self,
        subject: Option<&SubjectId>,
        page: Page<TargetId>,
    ) -> Outcome<List<Target>> {
        let found = self
            .service
            .products()
            .list_targets(&self.principal, subject, page.first, page.after.as_ref())
            .await;
        Ok(self.outcome(found)?.into_iter().map(Target).collect())
    }

    pub(crate) async fn organisation(&self) -> Outcome<Organisation> {
        self.outcome(self.service.organisations().get(&self.principal).await).map(Organisation)
    }

    /// Reads `first` and `after`. `read` is the parser of the list's ids.
    pub(crate) fn page<Id>(
        &self,
        first: Option<i32>,
        default: i32,
        after: Option<juniper::ID>,
        read: fn(&str) -> Result<Id, domain::Invalid>,
    ) -> Outcome<Page<Id>> {
        let after = after.map(|id| read(&id)).transpose().map_err(|invalid| {
            self.reject(Rejection::Invalid(domain::Invalid { field: "after", ..invalid }))
        })?;
        let mut first = i64::from(first.unwrap_or(default));
        if first == i64::from(default) {
            // Nobody has to ask for fewer where the server allows fewer than the schema's default.
            first = first.min(self.service.policy().page_maximum);
        }
        Ok(Page { first, after })
    }
}
