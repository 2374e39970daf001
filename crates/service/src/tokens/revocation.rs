//! Token revocation (RFC 7009): a key may end its own access tokens one by one.

use crate::{
    Error, PrincipalKind, RequestContext, Tokens,
    audit::Entry,
    tokens::{
        AuthenticatedToken, TokenRejection,
        client_authentication::{ClientRejection, Credential},
    },
};
use domain::{KeyId, audit::Action};
use serde_json::json;
use store::StoreError;

/// What became of a request to revoke a token.
#[derive(Debug)]
pub enum RevocationRejection {
    /// The client is not authenticated.
    Client(ClientRejection),
    /// The token was issued to another client.
    NotYours,
}

impl Tokens<'_> {
    /// Revokes one of the client's own tokens. A token that is not good any more needs no revoking.
    ///
    /// # Errors
    /// The client is not authenticated, the token is another client's of its organisation, or the store fails.
    pub async fn revoke(
        self,
        ctx: &RequestContext,
        credential: Credential<'_>,
        token: &str,
    ) -> Result<(), RevocationRejection> {
        let client = self.authenticate_client(ctx, credential).await.map_err(RevocationRejection::Client)?;
        let fail = |error: Error| RevocationRejection::Client(ClientRejection::Error(error));
        match self.authenticate_uncounted(ctx, token).await {
            Ok(accepted) => match &accepted.principal.holder {
                PrincipalKind::ApiKey { id, .. } if *id == client.id => {
                    self.revoke_accepted(ctx, credential, &client.id, &accepted).await
                }
                _ if accepted.principal.organisation_id == client.key.organisation_id => {
                    Err(RevocationRejection::NotYours)
                }
                _ => Ok(()),
            },
            Err(TokenRejection::Error(failure)) => Err(fail(failure)),
            Err(
                TokenRejection::Invalid(_) | TokenRejection::Ended(_) | TokenRejection::TooManyFailures(_),
            ) => Ok(()),
        }
    }

    /// Revokes a token, if it and the client's secret are good still.
    async fn revoke_accepted(
        self,
        ctx: &RequestContext,
        credential: Credential<'_>,
        client: &KeyId,
        AuthenticatedToken { claims, principal }: &AuthenticatedToken,
    ) -> Result<(), RevocationRejection> {
        let fail = |error: StoreError| RevocationRejection::Client(ClientRejection::Error(error.into()));
        let begun = self.0.store.begin_for_token(client, claims, ctx.now).await.map_err(fail)?;
        let transaction = match begun {
            Ok(begun) if !credential.matches(begun.key(), ctx.now) => {
                begun.roll_back().await.map_err(fail)?;
                None
            }
            begun => begun.ok(),
        };
        let Some(mut transaction) = transaction else {
            // Either has ended meanwhile: a rejection if it was the secret, and nothing to do if it was the token alone.
            return self
                .authenticate_client(ctx, credential)
                .await
                .map(drop)
                .map_err(RevocationRejection::Client);
        };
        transaction.revoke_token().await.map_err(fail)?;
        let entry = Entry {
            action: Action::AccessTokenRevoked,
            object_id: &claims.token_id,
            object_name: &principal.actor().name,
            details: json!({}),
        };
        let audited = self.0.audit(&mut transaction, ctx, principal, entry).await;
        audited.map_err(|failure| RevocationRejection::Client(ClientRejection::Error(failure)))?;
        transaction.commit().await.map_err(fail)
    }
}
