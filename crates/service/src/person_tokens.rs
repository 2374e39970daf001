//! Access tokens for people, on an operator's word.

use crate::{Ctx, Failure, Principal, Reject, Service, audit::Entry, tokens::Claims};
use domain::{Email, ScopeSet, TokenId, audit::Action};
use serde_json::json;
use std::borrow::Cow;

/// `client_id` of tokens that people get from an operator.
pub const OPERATOR_CLIENT: &str = "duku-admin";

impl Service {
    /// Makes an access token for a person, on an operator's word.
    ///
    /// # Errors
    /// There is no such person, the person belongs to no or to several organisations and none was named, or the store fails.
    pub async fn issue_person_token(
        &self,
        ctx: &Ctx,
        operator: &str,
        email: &str,
        organisation: Option<&domain::Organisation>,
    ) -> Result<String, Failure> {
        let email = Email::parse(email)?;
        let mut session = self.0.store.begin().await?;
        let missing = || Reject::NotFound { kind: "person", id: email.as_str().to_owned() };
        let person = session.find_person(&email).await?.ok_or_else(missing)?;
        let memberships = session.organisations_of(&person.id).await?;
        let organisation = match (organisation, memberships.as_slice()) {
            (Some(organisation), _) if memberships.contains(&organisation.id) => organisation.clone(),
            (None, [only]) => session.find_organisation(only).await?.ok_or_else(missing)?,
            (None, [_, _, ..]) => {
                return Err(Reject::Conflict(format!(
                    "{email} belongs to several organisations: name one with --org"
                ))
                .into());
            }
            (Some(_), _) | (None, []) => return Err(missing().into()),
        };
        let token_id = TokenId::generate(ctx.now, self.entropy());
        let issued_at = ctx.now.seconds();
        let claims = Claims {
            iss: Cow::Borrowed(&self.0.policy.issuer),
            sub: Cow::Borrowed(person.id.as_str()),
            client_id: Cow::Borrowed(OPERATOR_CLIENT),
            azp: Cow::Borrowed(OPERATOR_CLIENT),
            aud: Cow::Borrowed(&self.0.policy.audience),
            iat: issued_at,
            exp: issued_at + self.0.policy.token_lifetime_seconds,
            jti: Cow::Borrowed(token_id.as_str()),
            scope: Cow::Owned(ScopeSet::DEFAULT.to_string()),
            org_id: Cow::Borrowed(organisation.id.as_str()),
            org_name: Cow::Borrowed(organisation.name.as_str()),
            token_epoch: person.token_epoch,
        };
        let token = self.sign(ctx, &claims)?;
        let entry = Entry {
            action: Action::PersonTokenIssued,
            object_id: person.id.as_str(),
            object_name: email.as_str(),
            details: json!({}),
        };
        self.audit(&mut session, ctx, &Principal::operator(operator, &organisation), entry).await?;
        session.commit().await?;
        Ok(token)
    }
}
