//! Access tokens: whatever is changed about a token that we signed, or put together without our key, is rejected.

use super::installation::installation;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use jose::{Algorithm, SigningKey, VerifyingKey, base64url, jwt};
use serde_json::{Value, json};
use std::sync::OnceLock;

struct Signer {
    ours: SigningKey,
    foreign: SigningKey,
    verifier: VerifyingKey,
    genuine: String,
}

fn signers() -> &'static [Signer] {
    static SIGNERS: OnceLock<Vec<Signer>> = OnceLock::new();
    SIGNERS.get_or_init(|| Algorithm::ALL.into_iter().map(Signer::new).collect())
}

impl Signer {
    fn new(algorithm: Algorithm) -> Self {
        let key = || SigningKey::generate(algorithm).unwrap().0;
        let (ours, foreign) = (key(), key());
        let genuine = ours.sign(&json!({ "sub": "key_1", "exp": 1_800_000_300, "scope": "openid" })).unwrap();
        Self { verifier: ours.verifying_key(), genuine, ours, foreign }
    }
}

/// The first byte says how the rest is used, and the algorithm.
/// Panics if a token that we did not sign is accepted.
pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let signer = &signers()[usize::from(mode / 4) % signers().len()];
    let token = match mode % 4 {
        0 => String::from_utf8_lossy(rest).into_owned(),
        1 => edited(&signer.genuine, rest),
        2 => assembled(signer, rest),
        _ => return the_api_refuses(rest),
    };
    let accepted = jwt::verify::<Value>(&token, &signer.verifier);
    assert!(accepted.is_err() || token == signer.genuine, "accepted: {token}");
    if let Ok(unverified) = jwt::Unverified::parse(&token) {
        assert!((1..=128).contains(&unverified.header().kid.len()) && token.len() <= jwt::MAXIMUM_LENGTH);
    }
}

/// The genuine token with bytes replaced, each edit two bytes of place and one of what stands there then.
fn edited(genuine: &str, edits: &[u8]) -> String {
    let mut token = genuine.as_bytes().to_vec();
    for edit in edits.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % (token.len() + 1);
        match token.get_mut(place) {
            Some(byte) => *byte = edit[2],
            None => token.push(edit[2]),
        }
    }
    String::from_utf8_lossy(&token).into_owned()
}

/// Header and payload as they are given, with a signature that somebody else made, or that is of another token.
fn assembled(signer: &Signer, rest: &[u8]) -> String {
    let mut parts = rest.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (header, payload, how) = (part(), part(), part());
    let header = String::from_utf8_lossy(header).replace("KID", signer.ours.kid());
    let message = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload));
    let of_another = signer.genuine.rsplit('.').next().unwrap_or_default();
    let signature = match how.first().map(|byte| byte % 4) {
        None => String::new(),
        Some(0) => of_another.to_owned(),
        Some(1) => signer.foreign.sign(&json!({})).unwrap().rsplit('.').next().unwrap().to_owned(),
        Some(2) => base64url::encode(&[0; 64]),
        Some(_) => base64url::encode(how),
    };
    format!("{message}.{signature}")
}

/// The same at the API: nothing that a stranger writes behind `Bearer` is accepted.
fn the_api_refuses(token: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", token].concat()) else { return };
    let request = Request::post("/graphql")
        .header(header::AUTHORIZATION, value)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"query":"{ viewer { __typename } }"}"#))
        .unwrap();
    let answer = installation().ask(request);
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{:?}", String::from_utf8_lossy(token));
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    answer.json();
}
