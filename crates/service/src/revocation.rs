//! Token revocation (RFC 7009): a key may end its own access tokens one by one.

use crate::{
    Ctx, Failure, Holder, Principal, Service,
    audit::Entry,
    exchange::{ClientRefusal, Credential},
    tokens::{Accepted, TokenRefusal},
};
use domain::{KeyId, Timestamp, audit::Action, authority::TokenClaims};
use serde_json::json;

/// What became of a request to revoke a token.
#[derive(Debug)]
pub enum RevocationRefusal {
    /// The client is not let in.
    Client(ClientRefusal),
    /// The token was issued to another client.
    NotYours,
}

impl Service {
    /// Revokes one of the client's own tokens. A token that is not good any more needs no revoking.
    ///
    /// # Errors
    /// The client is not let in, the token is another client's of its organisation, or the store fails.
    pub async fn revoke_token(
        &self,
        ctx: &Ctx,
        credential: Credential<'_>,
        token: &str,
    ) -> Result<(), RevocationRefusal> {
        let client = self.admit_client(ctx, credential).await.map_err(RevocationRefusal::Client)?;
        let fail = |failure: Failure| RevocationRefusal::Client(ClientRefusal::Failure(failure));
        match self.accept(ctx, token).await {
            Ok(Accepted { claims, principal }) => match &principal.holder {
                Holder::ApiKey { id, .. } if *id == client.id => {
                    self.revoke_accepted(ctx, &client.id, &principal, &claims).await.map_err(fail)
                }
                _ if principal.organisation_id == client.key.organisation_id => {
                    Err(RevocationRefusal::NotYours)
                }
                _ => Ok(()),
            },
            Err(TokenRefusal::Failure(failure)) => Err(fail(failure)),
            Err(TokenRefusal::Invalid(_) | TokenRefusal::Ended(_) | TokenRefusal::TooManyFailures(_)) => {
                Ok(())
            }
        }
    }

    async fn revoke_accepted(
        &self,
        ctx: &Ctx,
        client: &KeyId,
        principal: &Principal,
        claims: &TokenClaims,
    ) -> Result<(), Failure> {
        let mut session = self.0.store.begin().await?;
        session.lock_key(client).await?;
        if session.revoke_token(&claims.token_id, Timestamp::from_seconds(claims.expires_at)).await? {
            let entry = Entry {
                action: Action::AccessTokenRevoked,
                object_id: &claims.token_id,
                object_name: &principal.actor().name,
                details: json!({}),
            };
            self.audit(&mut session, ctx, principal, entry).await?;
        }
        Ok(session.commit().await?)
    }
}
