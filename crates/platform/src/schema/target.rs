//! `Target`: one deployment of a product.

use super::{
    context::{GraphqlContext, Outcome},
    organisation::int,
    subject::Subject,
};
use crate::scalars::{ApiScalar, date_time::DateTime, json::Json, literals::Literals};
use domain::product::UncheckedTarget;
use juniper::{GraphQLInputObject, ID, graphql_object};
use service::Rejection;

pub(crate) struct Target(pub(crate) domain::Target);

/// A target: one deployment of a product.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Target {
    /// Its id, `smt_…`.
    fn id(&self) -> ID {
        ID::new(self.0.id.as_str())
    }

    /// The id of the product that it deploys.
    fn subject_id(&self) -> ID {
        ID::new(self.0.subject_id.as_str())
    }

    /// The product that it deploys.
    async fn subject(&self, context: &GraphqlContext) -> Outcome<Subject> {
        let id = &self.0.subject_id;
        let gone = || context.reject(Rejection::NotFound { kind: "product", id: id.as_str().to_owned() });
        context.subject_of(&self.0).await?.ok_or_else(gone)
    }

    /// Its name.
    fn name(&self) -> &str {
        self.0.details.name.as_str()
    }

    /// Its description.
    fn description(&self) -> Option<&str> {
        self.0.details.description.as_deref()
    }

    /// The version that is deployed.
    fn version(&self) -> &str {
        &self.0.details.version
    }

    /// Where it is deployed, like `staging`.
    fn environment(&self) -> &str {
        &self.0.details.environment
    }

    /// Names the deployment within its product.
    #[expect(clippy::unnecessary_wraps, reason = "the contract leaves room for targets without one")]
    fn build_key(&self) -> Option<&str> {
        Some(&self.0.details.build_key)
    }

    /// The pipeline's number of the build.
    fn build_number(&self) -> Outcome<Option<i32>> {
        self.0.details.build_number.map(|number| int("the build number", number)).transpose()
    }

    /// The address of the deployment that is to be explored.
    fn build_url(&self) -> Option<&str> {
        self.0.details.build_url.as_deref()
    }

    /// Whatever else the pipeline said of it. A secret in it reads `(set)`.
    fn metadata(&self) -> Option<Json> {
        self.0.details.metadata.clone().map(Json::Value)
    }

    /// When it was created.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it last changed.
    fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// A deployment that a pipeline reports. The same `buildKey` in the same product updates its target, another makes a new one.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct UpsertSimulationTargetInput {
    /// The id of the product that is deployed.
    pub(crate) subject_id: ID,
    /// Names the deployment within its product: 1 to 512 characters.
    build_key: String,
    /// Its name: 1 to 255 characters (UTF-16 units).
    name: String,
    /// Its description, at most 4000 characters.
    description: Option<String>,
    /// The version that is deployed: 1 to 512 characters.
    version: String,
    /// Where it is deployed, like `staging`: 1 to 512 characters.
    environment: String,
    /// The pipeline's number of the build, 0 or more.
    build_number: Option<i32>,
    /// The address of the deployment that is to be explored: a whole `http` or `https` URL. The pipeline's page of the build is
    /// `ciRunUrl` in `metadata`.
    build_url: Option<String>,
    /// Whatever else is worth knowing, at most 16 KiB. What is named like a secret is encrypted and reads `(set)` from then on.
    metadata: Option<Json>,
}

impl UpsertSimulationTargetInput {
    pub(crate) fn into_target(self, literals: &Literals) -> UncheckedTarget {
        UncheckedTarget {
            build_key: self.build_key,
            name: self.name,
            description: self.description,
            version: self.version,
            environment: self.environment,
            build_number: self.build_number.map(i64::from),
            build_url: self.build_url,
            metadata: self.metadata.map(|metadata| metadata.resolve(literals)),
        }
    }
}
