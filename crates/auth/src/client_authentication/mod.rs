//! How a client proves itself: `client_secret_basic`, `client_secret_post` (RFC 6749 §2.3.1), or an assertion (RFC 7521 §4.2); one of
//! them, once.

pub(crate) mod public_client;

use crate::errors::OAuthRejection;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header};
use service::tokens::{
    assertion::PresentedAssertion,
    client_authentication::{ClientProof, Credential},
};
use std::borrow::Cow;
use web::Form;

/// The type of every `client_assertion` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a client proves itself with, and how it came.
pub(crate) struct ClientAuthentication<'a> {
    proof: Proof<'a>,
    pub(crate) basic: bool,
}

enum Proof<'a> {
    Pair { client_id: Cow<'a, str>, client_secret: Cow<'a, str> },
    Assertion(PresentedAssertion<'a>),
}

impl<'a> ClientAuthentication<'a> {
    /// Finds the proof in the header or in the form.
    pub(crate) fn find(headers: &HeaderMap, form: &'a Form<'a>) -> Result<Self, OAuthRejection> {
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        let (client_id, client_secret) = (form.get("client_id"), form.get("client_secret"));
        let authorization = authorizations.next();
        if let Some(token) = form.get("client_assertion") {
            if authorization.is_some() || client_secret.is_some() {
                return Err(OAuthRejection::invalid_request(
                    "The client authenticates twice: send a client_assertion or a secret, not both.",
                ));
            }
            return Self::from_assertion(token, client_id, form.get("client_assertion_type"));
        }
        match (authorization, client_secret) {
            (Some(_), Some(_)) => Err(OAuthRejection::invalid_request(
                "The client authenticates twice: send the secret in the Authorization header or in the body, not in both.",
            )),
            (Some(_), None) if authorizations.next().is_some() => {
                Err(OAuthRejection::invalid_request("There is more than one Authorization header; send one."))
            }
            (Some(header), None) => Self::from_basic(header.to_str().unwrap_or(""), client_id),
            (None, Some(client_secret)) => {
                let client_id =
                    client_id.ok_or_else(|| OAuthRejection::invalid_request("client_id is missing."))?;
                let (client_id, client_secret) = (Cow::Borrowed(client_id), Cow::Borrowed(client_secret));
                Ok(Self { proof: Proof::Pair { client_id, client_secret }, basic: false })
            }
            (None, None) if form.get("client_assertion_type").is_some() => {
                Err(OAuthRejection::invalid_client(
                    "client_assertion is empty: the pipeline got no token from its platform. GitHub Actions needs the permission id-token: write.",
                ))
            }
            (None, None) => Err(OAuthRejection::invalid_client(
                "There is no client authentication: send client_id and client_secret in the body, HTTP Basic, or a client_assertion.",
            )),
        }
    }

    fn from_assertion(
        token: &'a str,
        client_id: Option<&'a str>,
        kind: Option<&str>,
    ) -> Result<Self, OAuthRejection> {
        match kind {
            Some(ASSERTION_TYPE) => {
                // A token that was read from a file often ends with a line break.
                let token = token.trim_end();
                let presented = PresentedAssertion { client_id, token, is_client_assertion: true };
                Ok(Self { proof: Proof::Assertion(presented), basic: false })
            }
            _ => Err(OAuthRejection::invalid_request(format!(
                "client_assertion_type must be {ASSERTION_TYPE}."
            ))),
        }
    }

    fn from_basic(header: &str, id_in_form: Option<&str>) -> Result<Self, OAuthRejection> {
        let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(OAuthRejection::invalid_client(
                "This endpoint takes HTTP Basic, or client_id and client_secret in the body.",
            )
            .challenging_basic(true));
        }
        let (client_id, client_secret) = read_basic(value.trim()).ok_or_else(|| {
            OAuthRejection::invalid_request(
                "The Basic header is badly encoded: it is base64 of client_id:client_secret, each form-encoded first.",
            )
        })?;
        if id_in_form.is_some_and(|id| id != client_id) {
            return Err(OAuthRejection::invalid_request(
                "The client_id in the body is not the one in the Basic header.",
            ));
        }
        let (client_id, client_secret) = (Cow::Owned(client_id), Cow::Owned(client_secret));
        Ok(Self { proof: Proof::Pair { client_id, client_secret }, basic: true })
    }

    /// The proof for the service to check.
    pub(crate) fn proof(&self) -> ClientProof<'_> {
        match &self.proof {
            Proof::Pair { client_id, client_secret } => {
                ClientProof::Secret(Credential { client_id, client_secret })
            }
            Proof::Assertion(presented) => ClientProof::Assertion(*presented),
        }
    }
}

fn read_basic(value: &str) -> Option<(String, String)> {
    let pair = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    let (client_id, client_secret) = pair.split_once(':')?;
    Some((web::form::decode(client_id)?.into_owned(), web::form::decode(client_secret)?.into_owned()))
}
