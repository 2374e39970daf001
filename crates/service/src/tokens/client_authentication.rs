//! Whether a client is who it says (RFC 6749 §2.3): one primary-key read and one digest. Only a rejected pair costs a second read,
//! the same one whether the client is unknown or the secret is wrong. Assertions are checked in `assertion`.

use super::assertion::{AcceptedAssertion, PresentedAssertion};
use crate::{Error, RequestContext, Tokens};
use domain::{
    ApiKey, KeyId, SecretDigest, Timestamp,
    api_key::{CredentialCheck, CredentialState, RetiredSecret, Retirement, SecretMatch},
    workload::{AssertionRejection, RejectionReason},
};
use store::{KeyForIssuance, StoreError};

/// What a client presents.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// The `client_id`, not yet checked.
    pub client_id: &'a str,
    /// The `client_secret`, not yet checked.
    pub client_secret: &'a str,
}

/// How a client proves that it is a key's.
#[derive(Clone, Copy)]
pub enum ClientProof<'a> {
    /// By a secret.
    Secret(Credential<'a>),
    /// By an assertion.
    Assertion(PresentedAssertion<'a>),
}

impl<'a> From<Credential<'a>> for ClientProof<'a> {
    fn from(pair: Credential<'a>) -> Self {
        Self::Secret(pair)
    }
}

impl Credential<'_> {
    /// Whether the secret is one that the key has now.
    pub(crate) fn matches(&self, key: &ApiKey, now: Timestamp) -> bool {
        let credential_state = key.credential_state();
        let presented = present(&credential_state, &jose::digest(self.client_secret));
        matches!(credential_state.check(presented, now), CredentialCheck::Granted { .. })
    }
}

/// Why a client is not authenticated.
#[derive(Debug)]
pub enum ClientRejection {
    /// No such client, or not its secret: nobody outside learns which.
    Unknown,
    /// The secret was right; the key expired then.
    Expired(Timestamp),
    /// The secret was right until its rotation, or the grace after it, ended it then.
    Rotated(Timestamp),
    /// The secret was right until its key was revoked then.
    Revoked(Timestamp),
    /// An assertion is not accepted: nobody outside learns why. The reason is for us.
    NotAccepted(RejectionReason),
    /// An assertion is not accepted although it is of the workload or client that the key is for, which is told why.
    Assertion(AssertionRejection),
    /// The key waits for an Admin to allow the first run.
    Waiting,
    /// The keys that would verify the assertion cannot be had; why, for the log.
    IssuerUnavailable(String),
    /// There were too many failures; wait so many seconds.
    TooManyFailures(u64),
    /// The store failed.
    Error(Error),
}

impl From<StoreError> for ClientRejection {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// An authenticated client.
pub(crate) struct AuthenticatedClient {
    pub(crate) id: KeyId,
    pub(crate) key: KeyForIssuance,
    pub(crate) by_grace: bool,
    /// What it was authenticated with, if it was no secret. Boxed, so that pairs do not carry it about.
    pub(crate) assertion: Option<Box<AcceptedAssertion>>,
}

impl Tokens<'_> {
    /// Authenticates a client. An assertion that can be used once is used up by it.
    pub(crate) async fn authenticate_client(
        self,
        ctx: &RequestContext,
        proof: ClientProof<'_>,
    ) -> Result<AuthenticatedClient, ClientRejection> {
        let client = self.check_client(ctx, proof).await?;
        if client.assertion.is_some() {
            Box::pin(self.use_up(ctx, &client)).await?;
        }
        Ok(client)
    }

    /// Authenticates a client, but uses nothing up yet.
    pub(super) async fn check_client(
        self,
        ctx: &RequestContext,
        proof: ClientProof<'_>,
    ) -> Result<AuthenticatedClient, ClientRejection> {
        match proof {
            ClientProof::Secret(pair) => self.check_pair(ctx, pair).await,
            // Boxed, so that pairs do not carry it about.
            ClientProof::Assertion(presented) => Box::pin(self.check_assertion(ctx, presented)).await,
        }
    }

    async fn check_pair(
        self,
        ctx: &RequestContext,
        credential: Credential<'_>,
    ) -> Result<AuthenticatedClient, ClientRejection> {
        let Ok(id) = KeyId::parse(credential.client_id) else {
            return Err(self.reject(ctx, None, ClientRejection::Unknown));
        };
        let digest = jose::digest(credential.client_secret);
        let ring = self.signing_ring();
        let kid = ring.kid(ctx.now).map_err(ClientRejection::Error)?;
        let found = self.0.store.find_key_for_issuance(&id, kid).await?;
        let check = found.as_ref().map_or(CredentialCheck::Rejected, |key| {
            key.credential_state.check(present(&key.credential_state, &digest), ctx.now)
        });
        match (check, found) {
            (CredentialCheck::Granted { by_grace }, Some(key)) => {
                Ok(AuthenticatedClient { id, key, by_grace, assertion: None })
            }
            (CredentialCheck::Expired(at), _) => {
                Err(self.reject(ctx, Some(&id), ClientRejection::Expired(at)))
            }
            (CredentialCheck::Granted { .. } | CredentialCheck::Rejected, _) => {
                // Boxed, so that those that are authenticated do not carry it about.
                let retired = Box::pin(async { self.0.store.reader().await?.retired_secrets(&id).await });
                let retired = retired.await?;
                let rejection = self.explain(ctx, &retired, &digest);
                Err(self.reject(ctx, Some(&id), rejection))
            }
        }
    }

    /// The truth for whoever holds a former secret, and one uniform answer for everyone else.
    fn explain(
        self,
        ctx: &RequestContext,
        retired: &[RetiredSecret],
        digest: &SecretDigest,
    ) -> ClientRejection {
        let known = retired.iter().find(|secret| jose::matches(&secret.digest, digest));
        match known {
            None => ClientRejection::Unknown,
            Some(secret) => {
                self.0.usage.note_dead(secret, ctx);
                match secret.cause {
                    Retirement::Rotated => ClientRejection::Rotated(secret.at),
                    Retirement::Revoked => ClientRejection::Revoked(secret.at),
                }
            }
        }
    }

    pub(super) fn reject(
        self,
        ctx: &RequestContext,
        client: Option<&KeyId>,
        rejection: ClientRejection,
    ) -> ClientRejection {
        self.0.limits.failed(client, ctx.address).map_or(rejection, ClientRejection::TooManyFailures)
    }
}

/// Compares digests in constant time.
fn present(key: &CredentialState, digest: &SecretDigest) -> SecretMatch {
    let current = jose::matches(&key.secret, digest);
    let previous = key.grace.is_some_and(|grace| jose::matches(&grace.digest, digest));
    if current {
        SecretMatch::Current
    } else if previous {
        SecretMatch::Previous
    } else {
        SecretMatch::Other
    }
}
