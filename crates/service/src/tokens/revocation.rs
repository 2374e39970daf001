//! Token revocation (RFC 7009): a key may end its own access tokens one by one.

use crate::{
    Error, PrincipalKind, RequestContext, Tokens,
    audit::Entry,
    tokens::{
        AuthenticatedToken, TokenRejection,
        client_authentication::{AuthenticatedClient, ClientProof, ClientRejection},
    },
};
use domain::{Timestamp, audit::Action};
use serde_json::json;
use store::{StoreError, TokenTransaction};

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
        proof: impl Into<ClientProof<'_>>,
        token: &str,
    ) -> Result<(), RevocationRejection> {
        let proof = proof.into();
        let client = self.authenticate_client(ctx, proof).await.map_err(RevocationRejection::Client)?;
        let fail = |error: Error| RevocationRejection::Client(ClientRejection::Error(error));
        match self.authenticate_uncounted(ctx, token).await {
            Ok(accepted) => match &accepted.principal.holder {
                PrincipalKind::ApiKey { id, .. } if *id == client.id => {
                    self.revoke_accepted(ctx, proof, &client, &accepted).await
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
        proof: ClientProof<'_>,
        client: &AuthenticatedClient,
        AuthenticatedToken { claims, principal }: &AuthenticatedToken,
    ) -> Result<(), RevocationRejection> {
        let fail = |error: StoreError| RevocationRejection::Client(ClientRejection::Error(error.into()));
        let begun = self.0.store.begin_for_token(&client.id, claims, ctx.now).await.map_err(fail)?;
        let transaction = match begun {
            Ok(mut begun) => {
                if still_proves(&proof, client, &mut begun, ctx.now).await.map_err(fail)? {
                    Some(begun)
                } else {
                    begun.roll_back().await.map_err(fail)?;
                    None
                }
            }
            Err(_) => None,
        };
        let Some(mut transaction) = transaction else {
            // Either has ended meanwhile: a rejection if it was the proof, and nothing to do if it was the token alone. An assertion was
            // used up already.
            return match proof {
                ClientProof::Secret(_) => {
                    self.authenticate_client(ctx, proof).await.map(drop).map_err(RevocationRejection::Client)
                }
                ClientProof::Assertion(_) => Ok(()),
            };
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

/// Whether what the client proved itself with counts still, inside the transaction that acts on it.
async fn still_proves(
    proof: &ClientProof<'_>,
    client: &AuthenticatedClient,
    transaction: &mut TokenTransaction,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match (proof, &client.assertion) {
        (ClientProof::Secret(pair), _) => Ok(pair.matches(transaction.key(), now)),
        (ClientProof::Assertion(_), Some(accepted)) => {
            let identities = transaction.identities(&client.key.organisation_id, Some(&client.id)).await?;
            Ok(identities.first().is_some_and(|identity| identity.version == accepted.version))
        }
        (ClientProof::Assertion(_), None) => Ok(false),
    }
}
