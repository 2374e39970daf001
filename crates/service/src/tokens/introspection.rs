//! Token introspection (RFC 7662): a key may ask about the tokens of its own organisation.

use crate::{
    Principal, PrincipalKind, RequestContext, Tokens,
    tokens::{
        AuthenticatedToken, TokenRejection,
        client_authentication::{ClientProof, ClientRejection},
    },
};
use domain::{authority::TokenClaims, workload::WorkloadClaim};

/// What introspection says of a token that is active (RFC 7662 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the claims of the same names")]
pub struct TokenFacts {
    pub scope: String,
    pub client_id: String,
    pub username: Option<String>,
    pub subject: String,
    pub audience: String,
    pub issuer: String,
    pub token_id: String,
    pub issued_at: i64,
    pub expires_at: i64,
    pub organisation_id: String,
    pub organisation_name: String,
    pub workload: Option<Box<WorkloadClaim>>,
}

impl Tokens<'_> {
    /// Says what a token of the client's own organisation is; `None` for any other token, good or not.
    ///
    /// # Errors
    /// The client is not authenticated, or the store fails.
    pub async fn introspect(
        self,
        ctx: &RequestContext,
        proof: impl Into<ClientProof<'_>>,
        token: &str,
    ) -> Result<Option<TokenFacts>, ClientRejection> {
        let client = self.authenticate_client(ctx, proof.into()).await?;
        match self.authenticate_uncounted(ctx, token).await {
            Ok(AuthenticatedToken { claims, principal })
                if principal.organisation_id == client.key.organisation_id =>
            {
                Ok(Some(self.facts(&claims, &principal)))
            }
            Ok(_)
            | Err(
                TokenRejection::Invalid(_) | TokenRejection::Ended(_) | TokenRejection::TooManyFailures(_),
            ) => Ok(None),
            Err(TokenRejection::Error(error)) => Err(ClientRejection::Error(error)),
        }
    }

    fn facts(self, claims: &TokenClaims, principal: &Principal) -> TokenFacts {
        let username = match &principal.holder {
            PrincipalKind::User { email, .. } => Some(email.as_str().to_owned()),
            PrincipalKind::ApiKey { .. } | PrincipalKind::Operator { .. } => None,
        };
        TokenFacts {
            scope: claims.scopes.to_string(),
            client_id: claims.client_id().to_owned(),
            username,
            subject: claims.subject().to_owned(),
            audience: self.0.policy.audience.clone(),
            issuer: self.0.policy.issuer.clone(),
            token_id: claims.token_id.clone(),
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            organisation_id: principal.organisation_id.as_str().to_owned(),
            organisation_name: principal.organisation_name.clone(),
            workload: claims.workload.clone(),
        }
    }
}
