//! `Mutation`.

use super::{
    api_key::{ApiKey, GenerateApiKeyInput, GeneratedApiKey, RenameApiKeyInput, RotateApiKeyInput},
    authentication::{
        AllowWorkloadInput, ChangeApiKeyAuthenticationInput, GenerateSecretlessApiKeyInput, RenewApiKeyInput,
        ReplaceApiKeySecretInput, dangers, new_identity,
    },
    subject::{CreateSubjectInput, Subject, UpdateSubjectInput},
    target::{Target, UpsertSimulationTargetInput},
};
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use juniper::{ID, graphql_object};
use service::keys::identities::GenerateSecretlessKey;

pub(crate) struct Mutation;

/// What can be changed. The fields of one mutation are carried out one after the other.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Mutation {
    /// Adds a product.
    async fn create_subject(
        context: &GraphqlContext,
        #[graphql(description = "The new product.")] input: CreateSubjectInput,
    ) -> Outcome<Subject> {
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
    async fn update_subject(
        context: &GraphqlContext,
        #[graphql(description = "The product, and what to change of it.")] input: UpdateSubjectInput,
    ) -> Outcome<Subject> {
        let id = input.id.clone();
        let changed = context
            .service
            .products()
            .update_subject(&context.ctx, &context.principal, &id, input.into_change())
            .await;
        context.outcome(changed).map(Subject)
    }

    /// Deletes a product with its targets; returns its id.
    async fn delete_subject(
        context: &GraphqlContext,
        #[graphql(description = "The id of the product.")] id: ID,
    ) -> Outcome<ID> {
        let deleted = context.service.products().delete_subject(&context.ctx, &context.principal, &id).await;
        context.outcome(deleted).map(|id| ID::new(id.as_str()))
    }

    /// Reports a deployment: adds a target to a product, or updates the one with the same `buildKey`.
    async fn upsert_simulation_target(
        context: &GraphqlContext,
        #[graphql(description = "The deployment, as the target that it is stored as.")]
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
        #[graphql(description = "The label and the lifetime of the new key.")] input: GenerateApiKeyInput,
    ) -> Outcome<GeneratedApiKey> {
        let generated =
            context.service.keys().generate(&context.ctx, &context.principal, &input.into()).await;
        context.outcome(generated).map(GeneratedApiKey::unused)
    }

    /// Gives an API key another label; its secret, its access tokens and its expiry stay as they are. For Admins.
    async fn rename_api_key(
        context: &GraphqlContext,
        #[graphql(description = "The key and its new label.")] input: RenameApiKeyInput,
    ) -> Outcome<ApiKey> {
        let RenameApiKeyInput { id, label } = &input;
        let renamed = context.service.keys().rename(&context.ctx, &context.principal, id, label).await;
        context.outcome(renamed).map(ApiKey)
    }

    /// Gives an API key a new secret and renews its expiry; the `client_id` stays. For Admins.
    async fn rotate_api_key(
        context: &GraphqlContext,
        #[graphql(description = "The key, and what becomes of its previous secret and tokens.")]
        input: RotateApiKeyInput,
    ) -> Outcome<GeneratedApiKey> {
        let choices = input.choices();
        let rotated =
            context.service.keys().rotate(&context.ctx, &context.principal, &input.id, choices).await;
        Ok(GeneratedApiKey::rotated(context, context.outcome(rotated)?).await)
    }

    /// Ends the grace of an API key's last rotation: the previous secret is rejected at once. For Admins.
    async fn end_grace(
        context: &GraphqlContext,
        #[graphql(description = "The id of the API key.")] id: ID,
    ) -> Outcome<ApiKey> {
        let ended = context.service.keys().end_grace(&context.ctx, &context.principal, &id).await;
        context.outcome(ended).map(ApiKey)
    }

    /// Revokes an API key: deletes it permanently, and its access tokens are rejected at once. Returns its id. For Admins.
    async fn revoke_api_key(
        context: &GraphqlContext,
        #[graphql(description = "The id of the API key.")] id: ID,
    ) -> Outcome<ID> {
        let revoked = context.service.keys().revoke(&context.ctx, &context.principal, &id).await;
        context.outcome(revoked).map(|id| ID::new(id.as_str()))
    }

    /// Generates an API key that has no secret: workloads' tokens or a client's own assertions open it. For Admins.
    async fn generate_secretless_api_key(
        context: &GraphqlContext,
        #[graphql(description = "The label, the lifetime, and what opens the new key.")]
        input: GenerateSecretlessApiKeyInput,
    ) -> Outcome<ApiKey> {
        let identity = new_identity(input.workload_identity, input.public_keys);
        let new = GenerateSecretlessKey {
            label: input.label,
            expires_in_days: input.expires_in_days.map(i64::from),
            identity: identity.map_err(|rejection| context.reject(rejection))?,
        };
        let keys = context.service.keys();
        let key = keys.generate_without_secret(&context.ctx, &context.principal, new).await;
        api_key(context, context.outcome(key)?).await
    }

    /// Changes what an API key without a secret is authenticated with. What was accepted before is rejected at once. For Admins.
    async fn change_api_key_authentication(
        context: &GraphqlContext,
        #[graphql(description = "The key, and what opens it from now on.")]
        input: ChangeApiKeyAuthenticationInput,
    ) -> Outcome<ApiKey> {
        let identity = new_identity(input.workload_identity, input.public_keys)
            .map_err(|rejection| context.reject(rejection))?;
        let end = input.end_issued_tokens.unwrap_or(false);
        let keys = context.service.keys();
        let key = keys.change_identity(&context.ctx, &context.principal, &input.id, identity, end).await;
        api_key(context, context.outcome(key)?).await
    }

    /// Gives an API key workload identity or public keys instead of its secret, which works on for a while. For Admins.
    async fn replace_api_key_secret(
        context: &GraphqlContext,
        #[graphql(
            description = "The key, what opens it instead of its secret, and for how long the secret works on."
        )]
        input: ReplaceApiKeySecretInput,
    ) -> Outcome<ApiKey> {
        let identity = new_identity(input.workload_identity, input.public_keys)
            .map_err(|rejection| context.reject(rejection))?;
        let grace = input.grace_seconds.map_or(0, i64::from);
        let keys = context.service.keys();
        let key = keys.replace_secret(&context.ctx, &context.principal, &input.id, identity, grace).await;
        api_key(context, context.outcome(key)?).await
    }

    /// Shows the runs that ask for a waiting API key for another hour. For Admins.
    async fn wait_for_first_run(
        context: &GraphqlContext,
        #[graphql(description = "The key's id.")] id: ID,
    ) -> Outcome<ApiKey> {
        let waiting = context.service.keys().wait_again(&context.ctx, &context.principal, &id).await;
        context.outcome(waiting)?;
        let found = context.service.keys().get(&context.principal, &id).await;
        context.outcome(found).map(ApiKey)
    }

    /// Lets the workload of an attempt use the API key: pins a waiting key to it, or takes what differed into the conditions. For Admins.
    async fn allow_workload(
        context: &GraphqlContext,
        #[graphql(description = "The key, the attempt, and what is accepted by name.")]
        input: AllowWorkloadInput,
    ) -> Outcome<ApiKey> {
        let accepted = dangers(input.accepted_dangers);
        let keys = context.service.keys();
        let (ctx, principal) = (&context.ctx, &context.principal);
        let key = keys.allow_attempt(ctx, principal, &input.id, &input.attempt_id, None, &accepted).await;
        api_key(context, context.outcome(key)?).await
    }

    /// Renews the expiry of an API key that has no secret. For Admins.
    async fn renew_api_key(
        context: &GraphqlContext,
        #[graphql(description = "The key, and what becomes of its tokens.")] input: RenewApiKeyInput,
    ) -> Outcome<ApiKey> {
        let end = input.end_issued_tokens.unwrap_or(false);
        let key = context.service.keys().renew(&context.ctx, &context.principal, &input.id, end).await;
        api_key(context, context.outcome(key)?).await
    }
}

/// A key that was just changed, with its use.
async fn api_key(context: &GraphqlContext, key: domain::ApiKey) -> Outcome<ApiKey> {
    let found = context.service.keys().get(&context.principal, key.id.as_str()).await;
    context.outcome(found).map(ApiKey)
}
