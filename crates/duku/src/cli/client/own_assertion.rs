//! Assertions that a client signs itself (`private_key_jwt`, RFC 7523 §2.2).

use crate::{cli::secrets, command_error::CommandError, system_clock::SystemClock};
use domain::{Clock, Entropy};
use jose::{SigningKey, SystemEntropy, hex};
use serde_json::json;
use std::path::Path;
use zeroize::Zeroizing;

/// For how long one can be presented; it is presented at once.
const LIFETIME_SECONDS: i64 = 60;

/// The key in `file`, or on standard input.
pub(super) fn read_key(file: &Path) -> Result<SigningKey, CommandError> {
    let text = secrets::read_whole(file)?;
    let rejection = |error| CommandError::new(format!("{}: {error}", file.display()));
    SigningKey::from_pem(&text).map_err(rejection)
}

/// An assertion of `client_id` for the server whose issuer is `issuer`. Each can be presented once.
pub(super) fn sign(
    key: &SigningKey,
    client_id: &str,
    issuer: &str,
) -> Result<Zeroizing<String>, CommandError> {
    let mut id = [0; 16];
    SystemEntropy::new().fill(&mut id);
    let now = SystemClock.now().seconds();
    let claims = json!({
        "iss": client_id, "sub": client_id, "aud": issuer, "iat": now, "exp": now + LIFETIME_SECONDS, "jti": hex(&id),
    });
    let signed = key.sign_client_assertion(&claims);
    signed
        .map(Zeroizing::new)
        .map_err(|error| CommandError::new(format!("the assertion was not signed: {error}")))
}
