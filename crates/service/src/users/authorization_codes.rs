//! Authorization codes (RFC 6749 §4.1) with PKCE (RFC 7636): they live 60 seconds, work once, and only for the client,
//! the redirect URI and the verifier that they were asked for with.

use crate::{
    Error, OpaqueToken, RequestContext, Result, Users,
    tokens::user_tokens::{UserGrant, UserTokens},
};
use domain::{AuthorizationCode, Ended, Scope, ScopeSet, Session};
use serde::Serialize;
use store::{StoreError, UserProof, UserTransaction};

/// `client_id` of the dashboard, a public first-party client.
pub const VIEWPORT: &str = "viewport";
/// `client_id` of `duku login`, a public first-party client without redirect URI.
pub const COMMAND_LINE: &str = "duku-cli";

/// What a code is asked for with.
#[derive(Debug, Clone, Copy)]
pub struct CodeRequest<'a> {
    /// The client.
    pub client_id: &'a str,
    /// Where the code is sent, one of the client's own URIs.
    pub redirect_uri: &'a str,
    /// `code_challenge`, S256.
    pub challenge: &'a str,
    /// What is asked for, already checked.
    pub scope: &'a str,
    /// `nonce`, for an ID token.
    pub nonce: Option<&'a str>,
}

/// Why a code is not exchanged.
#[derive(Debug)]
pub enum CodeRejection {
    /// There were too many failures from the address; wait so many seconds.
    TooManyFailures(u64),
    /// `invalid_grant`; one sentence says why.
    Invalid(&'static str),
    /// The store failed.
    Error(Error),
}

impl From<StoreError> for CodeRejection {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Error> for CodeRejection {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What the token endpoint issues for a code.
#[derive(Debug)]
pub struct CodeTokens {
    /// The access token, without a refresh token.
    pub tokens: UserTokens,
    /// The ID token, if the scope has `openid`.
    pub id_token: Option<String>,
}

/// The claims of an ID token (OpenID Connect Core 1.0 §2).
#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    email: &'a str,
    sid: &'a str,
}

impl Users<'_> {
    /// Where Viewport takes its codes, byte for byte.
    pub fn viewport_redirect_uri(self) -> String {
        format!("{}/login/callback", self.0.policy.viewport)
    }

    /// Gives out a code for a browser that has signed in.
    ///
    /// # Errors
    /// The sign-in has ended, or the store fails.
    pub async fn issue_code(
        self,
        ctx: &RequestContext,
        sign_in: &Session,
        request: CodeRequest<'_>,
    ) -> Result<OpaqueToken> {
        let code = OpaqueToken::generate(self.0.entropy());
        let new = AuthorizationCode {
            client_id: request.client_id.to_owned(),
            redirect_uri: request.redirect_uri.to_owned(),
            challenge: request.challenge.to_owned(),
            scope: request.scope.to_owned(),
            nonce: request.nonce.map(str::to_owned),
            session_id: sign_in.id.clone(),
            user_id: sign_in.user_id.clone(),
            expires_at: ctx.now.plus_seconds(self.0.policy.code_lifetime_seconds),
            consumed_at: None,
        };
        let proof = UserProof::Session(&sign_in.id);
        let mut transaction = self.0.begin_for_user(ctx, &sign_in.user_id, proof).await?;
        transaction.insert_code(&new, code.digest()).await?;
        transaction.commit().await?;
        Ok(code)
    }

    /// Begins the transaction in which a code is used up, with the code and the sign-in that it came from. A code that fits
    /// nothing else is used up all the same, and one that comes a second time has leaked: it ends what it opened
    /// (RFC 6749 §4.1.2).
    pub(crate) async fn redeem_code(
        self,
        ctx: &RequestContext,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<(UserTransaction, AuthorizationCode, Session), CodeRejection> {
        let digest = jose::digest(code);
        let Some(found) = self.0.store.reader().await?.find_code(digest).await? else {
            let limited = self.0.limits.failed(None, ctx.address);
            let unknown = CodeRejection::Invalid("the code is unknown: begin again");
            return Err(limited.map_or(unknown, CodeRejection::TooManyFailures));
        };
        let used = CodeRejection::Invalid("the code was used already: begin again");
        if found.consumed_at.is_some() {
            self.end_what_a_code_opened(ctx, &found).await?;
            return Err(used);
        }
        let proof = UserProof::AuthorizationCode(digest);
        let transaction = match self.0.store.begin_for_user(&found.user_id, proof, ctx.now).await? {
            Ok(transaction) => transaction,
            Err(Ended::SessionEnded) => {
                return Err(CodeRejection::Invalid(
                    "the sign-in that the code came from is over: begin again",
                ));
            }
            Err(_) => {
                self.end_what_a_code_opened(ctx, &found).await?;
                return Err(used);
            }
        };
        let challenge = jose::base64url::encode(&jose::sha256(verifier.as_bytes()));
        let verifier_fits = jose::matches(&jose::digest(&challenge), &jose::digest(&found.challenge));
        let fits = found.check(client_id, redirect_uri, verifier_fits, ctx.now);
        let Some(sign_in) = transaction.proved_session().cloned().filter(|_| fits.is_ok()) else {
            transaction.commit().await?;
            let why = fits.err().unwrap_or("the sign-in that the code came from is over: begin again");
            return Err(CodeRejection::Invalid(why));
        };
        Ok((transaction, found, sign_in))
    }

    /// A token that the code was exchanged for hangs on the sign-in itself, so all of it ends.
    async fn end_what_a_code_opened(self, ctx: &RequestContext, code: &AuthorizationCode) -> Result<()> {
        let proof = UserProof::Session(&code.session_id);
        let begun = self.0.store.begin_for_user(&code.user_id, proof, ctx.now).await?;
        let Ok(mut transaction) = begun else { return Ok(()) };
        transaction.end_session(&code.session_id).await?;
        Ok(transaction.commit().await?)
    }

    /// Issues the tokens that a code is good for at the token endpoint.
    ///
    /// # Errors
    /// The code is not good (any more), the person belongs to no organisation, or the store fails.
    pub async fn issue_code_tokens(
        self,
        ctx: &RequestContext,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<CodeTokens, CodeRejection> {
        let (mut transaction, code, sign_in) =
            self.redeem_code(ctx, code, client_id, redirect_uri, verifier).await?;
        let organisation = self.organisation_to_enter(&mut transaction, &code.user_id).await?;
        let tokens = match &organisation {
            Some(organisation) => {
                let grant = UserGrant { organisation, client_id: &code.client_id, scope: &code.scope };
                self.0.tokens().issue_user_token(&mut transaction, ctx, &sign_in, grant).await?
            }
            None => Err(Ended::NoMember),
        };
        self.audit_sign_in(&mut transaction, ctx, &sign_in, organisation.as_ref()).await?;
        transaction.commit().await?;
        let tokens = tokens.map_err(|ended| {
            CodeRejection::Invalid(match ended {
                Ended::SecondFactorRequired => {
                    "the organisation requires a second factor: set one up in Viewport, then sign in with it"
                }
                _ => "this person belongs to no organisation: ask an Admin for an invitation",
            })
        })?;
        let id_token = self.id_token(ctx, &code, &sign_in, &tokens)?;
        Ok(CodeTokens { tokens, id_token })
    }

    fn id_token(
        self,
        ctx: &RequestContext,
        code: &AuthorizationCode,
        sign_in: &Session,
        tokens: &UserTokens,
    ) -> Result<Option<String>> {
        if !ScopeSet::parse(&code.scope).is_ok_and(|scopes| scopes.contains(Scope::OpenId)) {
            return Ok(None);
        }
        let issued_at = ctx.now.seconds();
        let claims = IdClaims {
            iss: &self.0.policy.issuer,
            sub: tokens.user_id.as_str(),
            aud: &code.client_id,
            exp: issued_at + tokens.expires_in,
            iat: issued_at,
            auth_time: sign_in.authenticated_at.seconds(),
            nonce: code.nonce.as_deref(),
            email: tokens.email.as_str(),
            sid: sign_in.id.as_str(),
        };
        self.0.tokens().sign_id_token(ctx, &claims).map(Some)
    }
}
