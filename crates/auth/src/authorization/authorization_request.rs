//! What a client asks for (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core 1.0 §3.1.2.1).
//!
//! Until client and redirect URI are known to be good, an error is shown to the user; from then on the client hears it.

use super::authorization_response::{AuthorizationRejection, ReturnAddress};
use crate::query_parameters::{QueryParameters, Repeated};
use domain::ScopeSet;
use service::{Service, users::authorization_codes::VIEWPORT};

/// The longest `nonce` that is kept, in bytes.
const NONCE_BYTES: usize = 512;
/// BASE64URL of a SHA-256 without padding (RFC 7636 §4.2).
const CHALLENGE_CHARACTERS: usize = 43;

/// Whether the person is to be asked, whatever is known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// Only if nobody has signed in, or too long ago.
    IfNeeded,
    /// Never: answer with what is known.
    Never,
    /// In any case.
    Always,
}

/// A sound request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AuthorizationRequest {
    pub(crate) return_address: ReturnAddress,
    pub(crate) challenge: String,
    pub(crate) scope: String,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Prompt,
    /// How long ago the password may have been proved, in seconds.
    pub(crate) max_age: Option<i64>,
    pub(crate) login_hint: Option<String>,
}

/// What is wrong with a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InvalidRequest {
    /// There is nowhere safe to send the person back to; a sentence for the person.
    Nowhere(&'static str),
    /// The client hears it.
    Back(ReturnAddress, AuthorizationRejection),
}

impl AuthorizationRequest {
    /// Reads a request's query.
    pub(crate) fn read(service: &Service, query: &str) -> Result<Self, InvalidRequest> {
        let encoding = "Its address is badly encoded.";
        let parameters = QueryParameters::parse(query).ok_or(InvalidRequest::Nowhere(encoding))?;
        let return_address = return_address(service, &parameters)?;
        details(&parameters, return_address.clone())
            .map_err(|rejection| InvalidRequest::Back(return_address, rejection))
    }
}

fn return_address(
    service: &Service,
    parameters: &QueryParameters<'_>,
) -> Result<ReturnAddress, InvalidRequest> {
    let once = |name| parameters.once(name).ok().flatten();
    if once("client_id") != Some(VIEWPORT) {
        return Err(InvalidRequest::Nowhere("The client_id is missing, stands twice, or is not known here."));
    }
    let redirect_uri = service.users().viewport_redirect_uri();
    // Byte for byte (RFC 9700 §4.1.3): whatever is merely similar may be somebody else's.
    if once("redirect_uri") != Some(&*redirect_uri) {
        return Err(InvalidRequest::Nowhere(
            "The redirect_uri is missing, stands twice, or is not the client's own.",
        ));
    }
    Ok(ReturnAddress { redirect_uri, state: once("state").map(str::to_owned) })
}

fn invalid(description: &'static str) -> AuthorizationRejection {
    AuthorizationRejection("invalid_request", description)
}

impl From<Repeated> for AuthorizationRejection {
    fn from(_: Repeated) -> Self {
        invalid("A parameter stands more than once; send each once.")
    }
}

fn details(
    parameters: &QueryParameters<'_>,
    return_address: ReturnAddress,
) -> Result<AuthorizationRequest, AuthorizationRejection> {
    if parameters.repeat() {
        return Err(Repeated.into());
    }
    reject_unsupported(parameters)?;
    let scope = ScopeSet::parse(parameters.once("scope")?.unwrap_or_default()).map_err(|_| {
        AuthorizationRejection(
            "invalid_scope",
            "A requested scope is unknown. Known are openid, platform:read and platform:write.",
        )
    })?;
    let nonce = parameters.once("nonce")?;
    if nonce.is_some_and(|nonce| nonce.len() > NONCE_BYTES) {
        return Err(invalid("The nonce is too long: use at most 512 bytes."));
    }
    Ok(AuthorizationRequest {
        return_address,
        challenge: challenge(parameters)?.to_owned(),
        scope: scope.to_string(),
        nonce: nonce.map(str::to_owned),
        prompt: prompt(parameters.once("prompt")?)?,
        max_age: parameters.once("max_age")?.map(max_age).transpose()?,
        login_hint: parameters.once("login_hint")?.map(str::to_owned),
    })
}

fn reject_unsupported(parameters: &QueryParameters<'_>) -> Result<(), AuthorizationRejection> {
    if parameters.once("request")?.is_some() {
        return Err(AuthorizationRejection(
            "request_not_supported",
            "Send the parameters themselves, not a request object.",
        ));
    }
    if parameters.once("request_uri")?.is_some() {
        return Err(AuthorizationRejection(
            "request_uri_not_supported",
            "Send the parameters themselves, not a request_uri.",
        ));
    }
    match parameters.once("response_type")? {
        Some("code") => {}
        None => return Err(invalid("response_type is missing; it must be code.")),
        Some(_) => {
            return Err(AuthorizationRejection(
                "unsupported_response_type",
                "The only response_type is code.",
            ));
        }
    }
    match parameters.once("response_mode")? {
        None | Some("query") => Ok(()),
        Some(_) => Err(invalid("The only response_mode is query.")),
    }
}

fn challenge<'a>(parameters: &'a QueryParameters<'_>) -> Result<&'a str, AuthorizationRejection> {
    let challenge = parameters.once("code_challenge")?;
    let challenge =
        challenge.ok_or(invalid("code_challenge is missing: this server requires PKCE (RFC 7636)."))?;
    // Without a method RFC 7636 §4.3 means `plain`, which protects nobody whose request is seen.
    if parameters.once("code_challenge_method")? != Some("S256") {
        return Err(invalid("code_challenge_method must be S256."));
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != CHALLENGE_CHARACTERS || !challenge.bytes().all(base64url) {
        return Err(invalid("code_challenge must be the 43 base64url characters of a SHA-256."));
    }
    Ok(challenge)
}

fn prompt(value: Option<&str>) -> Result<Prompt, AuthorizationRejection> {
    let mut prompt = Prompt::IfNeeded;
    let values: Vec<&str> = value.unwrap_or_default().split(' ').filter(|value| !value.is_empty()).collect();
    for value in &values {
        prompt = match *value {
            "none" if values.len() == 1 => Prompt::Never,
            "none" => return Err(invalid("prompt=none stands alone or not at all.")),
            // The sign-in page shows who is known and offers to sign out, which is how to choose an account here.
            "login" | "select_account" => Prompt::Always,
            _ => {
                return Err(invalid(
                    "A value of prompt is unknown. Known are none, login and select_account.",
                ));
            }
        };
    }
    Ok(prompt)
}

fn max_age(text: &str) -> Result<i64, AuthorizationRejection> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(invalid("max_age must be a number of seconds."))
}
