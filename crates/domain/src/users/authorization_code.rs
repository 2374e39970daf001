//! Authorization codes (RFC 6749 §4.1.2): they live a minute and work once, for the client and redirect URI that they were
//! asked for with.

use crate::{SessionId, Timestamp, UserId};

/// An authorization code, which storage knows by its digest.
#[derive(Debug, Clone)]
pub struct AuthorizationCode {
    /// The client that it was given to.
    pub client_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The PKCE challenge, S256 (RFC 7636 §4.2).
    pub challenge: String,
    /// What was asked for.
    pub scope: String,
    /// The client's `nonce`, for an ID token.
    pub nonce: Option<String>,
    /// The sign-in that it came from.
    pub session_id: SessionId,
    /// Who signed in.
    pub user_id: UserId,
    /// From this instant on it works no more.
    pub expires_at: Timestamp,
    /// When it was exchanged, if it was.
    pub consumed_at: Option<Timestamp>,
}

impl AuthorizationCode {
    /// Whether it is good for whoever presents it. Whether it was used is decided by the statement that uses it.
    ///
    /// # Errors
    /// One sentence says why not.
    pub fn check(
        &self,
        client_id: &str,
        redirect_uri: &str,
        verifier_fits: bool,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        if now >= self.expires_at {
            return Err("the code is too old: begin again");
        }
        if self.client_id != client_id || self.redirect_uri != redirect_uri {
            return Err("the code was given to another client or redirect_uri");
        }
        if !verifier_fits {
            return Err("code_verifier does not belong to the code's challenge");
        }
        Ok(())
    }
}
