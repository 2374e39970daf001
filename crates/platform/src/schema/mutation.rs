//! `Mutation`.

use super::{
    api_key::{ApiKey, GenerateApiKeyInput, GeneratedApiKey, RotateApiKeyInput},
    subject::{CreateSubjectInput, Subject, UpdateSubjectInput},
    target::{Target, UpsertSimulationTargetInput},
};
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use juniper::{ID, graphql_object};

pub(crate) struct Mutation;

/// What can be changed. The fields of one mutation are carried out one after the other.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Mutation {
    /// Adds a product.
    async fn create_subject(context: &GraphqlContext, input: CreateSubjectInput) -> Outcome<Subject> {
        let CreateSubjectInput { name, description, base_url } = &input;
        let (description, base_url) = (description.as_deref(), base_url.as_deref());
        let made = context
            .service
            .products()
            .create_subject(&context.ctx, &context.principal, name, description, base_url)
            .await;
        context.outcome(made).map(Subject)
    }

    /// Changes a product.
    async fn update_subject(context: &GraphqlContext, input: UpdateSubjectInput) -> Outcome<Subject> {
        let id = input.id.clone();
        let changed = context
            .service
            .products()
            .update_subject(&context.ctx, &context.principal, &id, input.into_change())
            .await;
        context.outcome(changed).map(Subject)
    }

    /// Deletes a product with its targets; returns its id.
    async fn delete_subject(context: &GraphqlContext, id: ID) -> Outcome<ID> {
        let deleted = context.service.products().delete_subject(&context.ctx, &context.principal, &id).await;
        context.outcome(deleted).map(|id| ID::new(id.as_str()))
    }

    /// Reports a deployment: adds a target to a product, or updates the one with the same `buildKey`.
    async fn upsert_simulation_target(
        context: &GraphqlContext,
        input: UpsertSimulationTargetInput,
    ) -> Outcome<Target> {
        let subject = input.subject_id.clone();
        let target = input.into_target(&context.literals);
        let reported = context
            .service
            .products()
            .upsert_target(&context.ctx, &context.principal, &subject, target)
            .await;
        context.outcome(reported).map(Target)
    }

    /// Generates an API key. The answer is the only one that ever holds its secret. For Admins.
    async fn generate_api_key(
        context: &GraphqlContext,
        input: GenerateApiKeyInput,
    ) -> Outcome<GeneratedApiKey> {
        let generated =
            context.service.keys().generate(&context.ctx, &context.principal, &input.into()).await;
        context.outcome(generated).map(GeneratedApiKey::unused)
    }

    /// Gives an API key a new secret and renews its expiry; the `client_id` stays. For Admins.
    async fn rotate_api_key(context: &GraphqlContext, input: RotateApiKeyInput) -> Outcome<GeneratedApiKey> {
        let choices = input.choices();
        let rotated =
            context.service.keys().rotate(&context.ctx, &context.principal, &input.id, choices).await;
        Ok(GeneratedApiKey::rotated(context, context.outcome(rotated)?).await)
    }

    /// Ends the grace of an API key's last rotation: the previous secret is rejected at once. For Admins.
    async fn end_grace(context: &GraphqlContext, id: ID) -> Outcome<ApiKey> {
        let ended = context.service.keys().end_grace(&context.ctx, &context.principal, &id).await;
        context.outcome(ended).map(ApiKey)
    }

    /// Revokes an API key: deletes it permanently, and its access tokens are rejected at once. Returns its id. For Admins.
    async fn revoke_api_key(context: &GraphqlContext, id: ID) -> Outcome<ID> {
        let revoked = context.service.keys().revoke(&context.ctx, &context.principal, &id).await;
        context.outcome(revoked).map(|id| ID::new(id.as_str()))
    }
}
