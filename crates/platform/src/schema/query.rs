//! `Query`.

use super::{
    AUDIT_PAGE, PAGE,
    api_key::ApiKey,
    audit_event::AuditEvent,
    authentication::{ApiKeyAttempt, CheckTokenInput, TokenReport},
    list::List,
    member::Member,
    organisation::Organisation,
    subject::Subject,
    target::Target,
    viewer::Viewer,
};
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use domain::{EventId, SubjectId, TargetId, audit::AuditFilter};
use juniper::{ID, graphql_object};
use service::Rejection;

pub(crate) struct Query;

/// What can be read. Everything belongs to the organisation of the one who asks; nothing of another organisation is ever there.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Query {
    /// The API key or person that sends the request, its organisation and its scopes.
    fn viewer() -> Viewer {
        Viewer
    }

    /// The organisation's products, oldest first.
    async fn subjects(
        context: &GraphqlContext,
        #[graphql(default = PAGE, description = "How many, from 1 to what the server allows (1000, unless it sets `page_maximum`).")]
        first: Option<i32>,
        #[graphql(description = "The id of the last product of the page before.")] after: Option<ID>,
    ) -> Outcome<List<Subject>> {
        let page = context.page(first, PAGE, after, SubjectId::parse)?;
        let found = context
            .service
            .products()
            .list_subjects(&context.principal, page.first, page.after.as_ref())
            .await;
        Ok(context.outcome(found)?.into_iter().map(Subject).collect())
    }

    /// One product; null with the error `NOT_FOUND` if the organisation has none with this id.
    async fn subject(
        context: &GraphqlContext,
        #[graphql(description = "The id of the product.")] id: ID,
    ) -> Outcome<Option<Subject>> {
        context.subject(&id).await.map(Some)
    }

    /// The targets of the organisation, or of one product, oldest first.
    async fn targets(
        context: &GraphqlContext,
        #[graphql(description = "Only the targets of this product.")] subject_id: Option<ID>,
        #[graphql(default = PAGE, description = "How many, from 1 to what the server allows (1000, unless it sets `page_maximum`).")]
        first: Option<i32>,
        #[graphql(description = "The id of the last target of the page before.")] after: Option<ID>,
    ) -> Outcome<List<Target>> {
        let page = context.page(first, PAGE, after, TargetId::parse)?;
        let Some(id) = subject_id else { return context.targets(None, page).await };
        let missing = |_| context.reject(Rejection::NotFound { kind: "product", id: id.to_string() });
        let subject = SubjectId::parse(&id).map_err(missing)?;
        let targets = context.targets(Some(&subject), page).await?;
        // A product without targets is not the same as a mistyped id: only an empty page costs a second read.
        if targets.is_empty() {
            context.subject(&id).await?;
        }
        Ok(targets)
    }

    /// One target; null with the error `NOT_FOUND` if the organisation has none with this id.
    async fn target(
        context: &GraphqlContext,
        #[graphql(description = "The id of the target.")] id: ID,
    ) -> Outcome<Option<Target>> {
        let found = context.service.products().find_target(&context.principal, &id).await;
        context.outcome(found).map(|target| Some(Target(target)))
    }

    /// The organisation that the access token is for.
    async fn organisation(context: &GraphqlContext) -> Outcome<Organisation> {
        context.organisation().await
    }

    /// The organisation's API keys, oldest first, Active and Expired. For Admins.
    async fn api_keys(context: &GraphqlContext) -> Outcome<List<ApiKey>> {
        let keys = context.outcome(context.service.keys().list(&context.principal).await)?;
        Ok(keys.into_iter().map(ApiKey).collect())
    }

    /// The runs that asked for a token of an API key and were rejected although their tokens were validly signed, newest first. For Admins.
    async fn api_key_attempts(
        context: &GraphqlContext,
        #[graphql(description = "The key's id.")] id: ID,
    ) -> Outcome<List<ApiKeyAttempt>> {
        let attempts = context.service.keys().attempts(&context.principal, &id).await;
        Ok(context.outcome(attempts)?.into_iter().map(ApiKeyAttempt).collect())
    }

    /// Checks a token against an API key that has no secret, check by check, as an exchange would. It issues nothing and does not use
    /// the token up. For Admins.
    async fn check_token(
        context: &GraphqlContext,
        #[graphql(description = "The key and the token.")] input: CheckTokenInput,
    ) -> Outcome<TokenReport> {
        let keys = context.service.keys();
        let report = keys.check_token(&context.ctx, &context.principal, &input.id, &input.token).await;
        context.outcome(report).map(TokenReport::from)
    }

    /// The organisation's people, the oldest account first. For Admins.
    async fn members(context: &GraphqlContext) -> Outcome<List<Member>> {
        let members = context.outcome(context.service.users().list_members(&context.principal).await)?;
        Ok(members.into_iter().map(Member).collect())
    }

    /// What happened in the organisation, newest first. For Admins.
    async fn audit_log(
        context: &GraphqlContext,
        #[graphql(default = AUDIT_PAGE, description = "How many, from 1 to what the server allows (1000, unless it sets `page_maximum`).")]
        first: Option<i32>,
        #[graphql(description = "The id of the last entry of the page before.")] after: Option<ID>,
    ) -> Outcome<List<AuditEvent>> {
        let page = context.page(first, AUDIT_PAGE, after, EventId::parse)?;
        let events = context
            .service
            .audit_log()
            .list(&context.principal, page.first, page.after.as_ref(), &AuditFilter::default())
            .await;
        Ok(context.outcome(events)?.into_iter().map(AuditEvent).collect())
    }
}
