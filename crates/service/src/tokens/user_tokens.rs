//! Access tokens for people: issued to a sign-in or a command line, or made on an operator's word.

use crate::{
    OpaqueToken, Principal, Rejection, RequestContext, Result, Tokens, audit::Entry, tokens::Claims,
};
use domain::{Email, Ended, OrganisationId, ScopeSet, Session, TokenId, User, audit::Action};
use serde_json::json;
use std::borrow::Cow;
use store::UserTransaction;

/// `client_id` of tokens that people get from an operator.
pub const OPERATOR_CLIENT: &str = "duku-admin";

/// What is issued to a person's session.
#[derive(Debug)]
pub struct UserTokens {
    /// The signed JWT.
    pub access_token: String,
    /// How long it lives, in seconds.
    pub expires_in: i64,
    /// What it was granted.
    pub scope: String,
    /// The next refresh token and how long it lives unused, in seconds; none where the session gets only this token.
    pub refresh: Option<(OpaqueToken, i64)>,
    /// The person's id, `sub`.
    pub user_id: domain::UserId,
    /// The person's address.
    pub email: Email,
}

/// What a person's session is to get a token for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserGrant<'a> {
    pub(crate) organisation: &'a OrganisationId,
    pub(crate) client_id: &'a str,
    pub(crate) scope: &'a str,
}

/// What a person's token says.
struct TokenContent<'a> {
    organisation: &'a domain::Organisation,
    client_id: &'a str,
    scope: &'a str,
    token_epoch: i64,
    session_id: Option<&'a str>,
}

impl Tokens<'_> {
    /// Issues a token to a session's person in an organisation; not if the person is no member of it, or the organisation
    /// requires a second factor that the session does not have.
    pub(crate) async fn issue_user_token(
        self,
        transaction: &mut UserTransaction,
        ctx: &RequestContext,
        from: &Session,
        grant: UserGrant<'_>,
    ) -> Result<Result<UserTokens, Ended>> {
        let UserGrant { organisation, client_id, scope } = grant;
        let person = transaction.user().clone();
        let epoch = transaction.token_epoch_of(organisation, &person.id).await?;
        let found = transaction.find_organisation(organisation).await?;
        let Some((token_epoch, organisation)) = epoch.zip(found) else { return Ok(Err(Ended::NoMember)) };
        if organisation.require_second_factor && from.second_factor_at.is_none() {
            return Ok(Err(Ended::SecondFactorRequired));
        }
        let session_id = Some(from.id.as_str());
        let content = TokenContent { organisation: &organisation, client_id, scope, token_epoch, session_id };
        let access_token = self.sign_user_token(ctx, &person, &content)?;
        Ok(Ok(UserTokens {
            access_token,
            expires_in: self.0.policy.token_lifetime_seconds,
            scope: scope.to_owned(),
            refresh: None,
            user_id: person.id,
            email: person.email,
        }))
    }

    fn sign_user_token(
        self,
        ctx: &RequestContext,
        person: &User,
        content: &TokenContent<'_>,
    ) -> Result<String> {
        let token_id = TokenId::generate(ctx.now, self.0.entropy());
        let issued_at = ctx.now.seconds();
        let claims = Claims {
            iss: Cow::Borrowed(&self.0.policy.issuer),
            sub: Cow::Borrowed(person.id.as_str()),
            client_id: Cow::Borrowed(content.client_id),
            azp: Cow::Borrowed(content.client_id),
            aud: Cow::Borrowed(&self.0.policy.audience),
            iat: issued_at,
            exp: issued_at + self.0.policy.token_lifetime_seconds,
            jti: Cow::Borrowed(token_id.as_str()),
            scope: Cow::Borrowed(content.scope),
            org_id: Cow::Borrowed(content.organisation.id.as_str()),
            org_name: Cow::Borrowed(content.organisation.name.as_str()),
            token_epoch: content.token_epoch,
            sid: content.session_id.map(Cow::Borrowed),
            workload: None,
        };
        self.issue(ctx, &claims)
    }

    /// Makes an access token for a person, on an operator's word.
    ///
    /// # Errors
    /// There is no such person, the person belongs to no or to several organisations and none was named, or the store fails.
    pub async fn issue_for_user(
        self,
        ctx: &RequestContext,
        operator: &str,
        email: &str,
        organisation: Option<&domain::Organisation>,
    ) -> Result<String> {
        let email = Email::parse(email)?;
        let mut transaction = self.0.store.begin().await?;
        let missing = || Rejection::NotFound { kind: "person", id: email.as_str().to_owned() };
        let person = transaction.find_user(&email).await?.ok_or_else(missing)?;
        let memberships = transaction.organisations_of(&person.id).await?;
        let organisation = match (organisation, memberships.as_slice()) {
            (Some(organisation), _) if memberships.contains(&organisation.id) => organisation.clone(),
            (None, [only]) => transaction.find_organisation(only).await?.ok_or_else(missing)?,
            (None, [_, _, ..]) => {
                return Err(Rejection::Conflict(format!(
                    "{email} belongs to several organisations: name one with --org"
                ))
                .into());
            }
            (Some(_), _) | (None, []) => return Err(missing().into()),
        };
        let scope = ScopeSet::DEFAULT.to_string();
        let token_epoch =
            transaction.token_epoch_of(&organisation.id, &person.id).await?.ok_or_else(missing)?;
        let content = TokenContent {
            organisation: &organisation,
            client_id: OPERATOR_CLIENT,
            scope: &scope,
            token_epoch,
            session_id: None,
        };
        let token = self.sign_user_token(ctx, &person, &content)?;
        let entry = Entry {
            action: Action::PersonTokenIssued,
            object_id: person.id.as_str(),
            object_name: email.as_str(),
            details: json!({}),
        };
        self.0.audit(&mut transaction, ctx, &Principal::operator(operator, &organisation), entry).await?;
        transaction.commit().await?;
        Ok(token)
    }
}
