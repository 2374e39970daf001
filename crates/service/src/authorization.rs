//! Authorization codes (RFC 6749 §4.1) with PKCE (RFC 7636): they live 60 seconds, work once, and only for the client,
//! the redirect URI and the verifier that they were asked for with.

use crate::{Ctx, Failure, Handle, Service, person_tokens::PersonTokens};
use domain::{Scope, ScopeSet};
use serde::Serialize;
use store::{PersonSession, Session, SessionKind, StoreError, StoredCode};

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

/// Why a code buys nothing.
#[derive(Debug)]
pub enum CodeRefusal {
    /// `invalid_grant`; one sentence says why.
    Invalid(&'static str),
    /// The store failed.
    Failure(Failure),
}

impl From<StoreError> for CodeRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Failure> for CodeRefusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// What a code bought at the token endpoint.
#[derive(Debug)]
pub struct CodeTokens {
    /// The access token, without a refresh token.
    pub tokens: PersonTokens,
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

impl Service {
    /// Where Viewport takes its codes, byte for byte.
    pub fn viewport_redirect_uri(&self) -> String {
        format!("{}/login/callback", self.0.policy.viewport)
    }

    /// Gives out a code for a browser that has signed in.
    ///
    /// # Errors
    /// The store fails.
    pub async fn issue_code(
        &self,
        ctx: &Ctx,
        sign_in: &PersonSession,
        request: CodeRequest<'_>,
    ) -> Result<Handle, Failure> {
        let code = Handle::generate(self.entropy());
        let new = StoredCode {
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
        let mut session = self.0.store.begin().await?;
        session.insert_code(&new, code.digest()).await?;
        session.commit().await?;
        Ok(code)
    }

    /// Begins the transaction in which a code is used up. A refused code commits it already: one that comes a second
    /// time has leaked, and that it ended what it opened is kept (RFC 6749 §4.1.2).
    pub(crate) async fn begin_with_code(
        &self,
        ctx: &Ctx,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<(Session, StoredCode, PersonSession), CodeRefusal> {
        let mut session = self.0.store.begin().await?;
        match self.redeem_code(&mut session, ctx, code, client_id, redirect_uri, verifier).await {
            Ok((code, sign_in)) => Ok((session, code, sign_in)),
            Err(refusal) => {
                if !matches!(refusal, CodeRefusal::Failure(_)) {
                    session.commit().await?;
                }
                Err(refusal)
            }
        }
    }

    async fn redeem_code(
        &self,
        session: &mut Session,
        ctx: &Ctx,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<(StoredCode, PersonSession), CodeRefusal> {
        let digest = jose::digest(code);
        let found = session.find_code(digest).await?;
        let found = found.ok_or(CodeRefusal::Invalid("the code is unknown: begin again"))?;
        if !session.consume_code(digest, ctx.now).await? {
            // A token that the code bought hangs on the sign-in itself, so all of it ends.
            session.end_session(&found.user_id, &found.session_id).await?;
            return Err(CodeRefusal::Invalid("the code was used already: begin again"));
        }
        if ctx.now >= found.expires_at {
            return Err(CodeRefusal::Invalid("the code is too old: begin again"));
        }
        if found.client_id != client_id || found.redirect_uri != redirect_uri {
            return Err(CodeRefusal::Invalid("the code was given to another client or redirect_uri"));
        }
        let challenge = jose::base64url::encode(&jose::sha256(verifier.as_bytes()));
        if !jose::matches(&jose::digest(&challenge), &jose::digest(&found.challenge)) {
            return Err(CodeRefusal::Invalid("code_verifier does not belong to the code's challenge"));
        }
        let sign_in = session.find_session_by_id(&found.session_id, ctx.now).await?;
        let sign_in = sign_in
            .filter(|sign_in| sign_in.kind == SessionKind::SignIn)
            .ok_or(CodeRefusal::Invalid("the sign-in that the code came from is over: begin again"))?;
        Ok((found, sign_in))
    }

    /// Exchanges a code at the token endpoint for an access token of the person.
    ///
    /// # Errors
    /// The code is not good (any more), the person belongs to no organisation, or the store fails.
    pub async fn exchange_code(
        &self,
        ctx: &Ctx,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<CodeTokens, CodeRefusal> {
        let (mut session, code, sign_in) =
            self.begin_with_code(ctx, code, client_id, redirect_uri, verifier).await?;
        let organisation = self.organisation_to_enter(&mut session, &code.user_id).await?;
        let tokens = match organisation {
            Some(organisation) => {
                self.buy_person_token(
                    &mut session,
                    ctx,
                    &sign_in,
                    &organisation,
                    &code.client_id,
                    &code.scope,
                )
                .await?
            }
            None => None,
        };
        self.audit_sign_in(&mut session, ctx, &sign_in).await?;
        session.commit().await?;
        let tokens = tokens.ok_or(CodeRefusal::Invalid(
            "this person belongs to no organisation: ask an Admin for an invitation",
        ))?;
        let id_token = self.id_token(ctx, &code, &sign_in, &tokens)?;
        Ok(CodeTokens { tokens, id_token })
    }

    fn id_token(
        &self,
        ctx: &Ctx,
        code: &StoredCode,
        sign_in: &PersonSession,
        tokens: &PersonTokens,
    ) -> Result<Option<String>, Failure> {
        if !ScopeSet::parse(&code.scope).is_ok_and(|scopes| scopes.contains(Scope::OpenId)) {
            return Ok(None);
        }
        let issued_at = ctx.now.seconds();
        let claims = IdClaims {
            iss: &self.0.policy.issuer,
            sub: tokens.person.as_str(),
            aud: &code.client_id,
            exp: issued_at + tokens.expires_in,
            iat: issued_at,
            auth_time: sign_in.authenticated_at.seconds(),
            nonce: code.nonce.as_deref(),
            email: tokens.email.as_str(),
            sid: sign_in.id.as_str(),
        };
        self.sign_id_token(ctx, &claims).map(Some)
    }
}
