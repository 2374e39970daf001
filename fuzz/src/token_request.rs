//! The token endpoint: `Authorization` on the first line of the input, `Content-Type` on the second (a form if it is empty),
//! the body in the rest.

use super::installation::installation;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use url::form_urlencoded::Serializer;
use web::Form;

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Panics if a form is read otherwise than it was written, an answer is not OAuth's, or a token is issued without the secret.
pub fn run(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let (authorization, kind) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let body = lines.next().unwrap_or_default();
    a_form_is_read_as_it_was_written(body);

    let mut request = Request::post("/realms/duku/protocol/openid-connect/token");
    let kind = if kind.is_empty() { FORM } else { kind };
    let Ok(kind) = HeaderValue::from_bytes(kind) else { return };
    request = request.header(header::CONTENT_TYPE, kind);
    if !authorization.is_empty() {
        let Ok(value) = HeaderValue::from_bytes(authorization) else { return };
        request = request.header(header::AUTHORIZATION, value);
    }
    let answer = installation().ask(request.body(Body::from(body.to_vec())).unwrap());
    let json = answer.json();
    assert_eq!(answer.header("cache-control"), "no-store");
    if answer.status == StatusCode::OK {
        assert!(json["access_token"].is_string(), "{json}");
        assert!(has_the_secret(authorization, body), "a token without the secret: {json}");
    } else {
        let named = |member: &str| json[member].as_str().is_some_and(|text| !text.is_empty());
        assert!(answer.status.is_client_error() && named("error") && named("error_description"), "{json}");
        assert!(!answer.body.windows(4).any(|window| window == b"dks_"), "an error repeats a secret: {json}");
    }
}

fn a_form_is_read_as_it_was_written(body: &[u8]) {
    let Ok(form) = Form::parse(body) else { return };
    let pairs = form.into_pairs();
    let mut written = Serializer::new(String::new());
    // A pair without name and value leaves nothing behind that could be read again.
    written.extend_pairs(pairs.iter().filter(|(name, value)| !name.is_empty() || !value.is_empty()));
    let written = written.finish();
    let again = Form::parse(written.as_bytes()).unwrap().into_pairs();
    assert!(
        pairs.iter().filter(|(name, value)| !name.is_empty() || !value.is_empty()).eq(&again),
        "{written}"
    );
}

fn has_the_secret(authorization: &[u8], body: &[u8]) -> bool {
    let secret = &installation().pair.client_secret;
    let in_form = Form::parse(body).is_ok_and(|form| form.get("client_secret") == Some(secret));
    let basic = std::str::from_utf8(authorization).ok().and_then(|text| text.split_once(' '));
    let pair = basic.and_then(|(_, value)| BASE64_STANDARD.decode(value.trim()).ok());
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
    let sent =
        pair.as_deref().and_then(|pair| pair.split_once(':')).and_then(|(_, sent)| web::form::decode(sent));
    in_form || sent.is_some_and(|sent| sent == *secret)
}
