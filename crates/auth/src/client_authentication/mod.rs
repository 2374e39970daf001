//! How a client proves itself: `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1), one of them, once.

pub(crate) mod public_client;

use crate::errors::OAuthRejection;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header};
use service::tokens::client_authentication::Credential;
use std::borrow::Cow;
use web::Form;

/// A client's pair, and how it came.
pub(crate) struct ClientAuthentication<'a> {
    client_id: Cow<'a, str>,
    client_secret: Cow<'a, str>,
    pub(crate) basic: bool,
}

impl<'a> ClientAuthentication<'a> {
    /// Finds the pair in the header or in the form.
    pub(crate) fn find(headers: &HeaderMap, form: &'a Form<'a>) -> Result<Self, OAuthRejection> {
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        let (client_id, client_secret) = (form.get("client_id"), form.get("client_secret"));
        match (authorizations.next(), client_secret) {
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
                Ok(Self { client_id, client_secret, basic: false })
            }
            (None, None) => Err(OAuthRejection::invalid_client(
                "There is no client authentication: send client_id and client_secret in the body, or HTTP Basic.",
            )),
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
        Ok(Self { client_id: Cow::Owned(client_id), client_secret: Cow::Owned(client_secret), basic: true })
    }

    /// The pair for the service to check.
    pub(crate) fn credential(&self) -> Credential<'_> {
        Credential { client_id: &self.client_id, client_secret: &self.client_secret }
    }
}

fn read_basic(value: &str) -> Option<(String, String)> {
    let pair = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    let (client_id, client_secret) = pair.split_once(':')?;
    Some((web::form::decode(client_id)?.into_owned(), web::form::decode(client_secret)?.into_owned()))
}
