use super::*;
use crate::fixtures::{Pair, claims, fresh, other_algorithm, other_header, other_signing_key, pair, pairs};
use crate::keys::SigningKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use jsonwebtoken as other;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The name of the key that `token` claims to be signed with.
fn kid_of(token: &str) -> Result<String, JwtError> {
    Unverified::parse(token).map(|token| token.header().kid.clone())
}

fn es256() -> &'static Pair {
    pair(Algorithm::Es256)
}

fn rejection(token: &str, key: &SigningKey) -> JwtError {
    verify::<Value>(token, &key.verifying_key()).unwrap_err()
}

/// A token with any header and payload, validly signed by `pair`.
fn forge(pair: &Pair, header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
    let algorithm = other_algorithm(pair.key.algorithm());
    let signature = other::crypto::sign(message.as_bytes(), &other_signing_key(pair), algorithm).unwrap();
    format!("{message}.{signature}")
}

/// `forge` with a header of JSON.
fn with_header(pair: &Pair, header: &Value) -> String {
    forge(pair, header.to_string().as_bytes(), claims().to_string().as_bytes())
}

fn header(pair: &Pair) -> Value {
    json!({"alg": pair.key.algorithm().as_str(), "typ": "at+jwt", "kid": pair.key.kid()})
}

#[test]
fn tokens_of_another_library_verify_with_our_keys() {
    for pair in pairs() {
        let token = other::encode(&other_header(pair), &claims(), &other_signing_key(pair)).unwrap();
        let key = VerifyingKey::from_jwk(&pair.key.public_jwk()).unwrap();
        assert_eq!(kid_of(&token).unwrap(), pair.key.kid());
        assert_eq!(verify::<Value>(&token, &key), Ok(claims()));
        assert_eq!(verify::<Value>(&with_header(pair, &header(pair)), &key), Ok(claims()), "forge() works");
    }
}

#[test]
fn both_spellings_of_the_type_in_any_case() {
    let pair = es256();
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        let mut header = header(pair);
        header["typ"] = json!(typ);
        assert_eq!(verify(&with_header(pair, &header), &pair.key.verifying_key()), Ok(claims()), "{typ}");
    }
}

#[test]
fn tokens_of_another_type_are_rejected_though_the_key_signed_them() {
    for pair in pairs() {
        for typ in [
            json!("JWT"),
            json!("id_token+jwt"),
            json!("logout+jwt"),
            json!(""),
            json!(null),
            json!("at+jwt "),
        ] {
            let mut header = header(pair);
            header["typ"] = typ;
            let token = with_header(pair, &header);
            assert_eq!(rejection(&token, &pair.key), JwtError::WrongType, "{header}");
            assert_eq!(kid_of(&token), Err(JwtError::WrongType));
        }
        let mut id_token = other_header(pair);
        id_token.typ = Some("JWT".to_owned());
        let token = other::encode(&id_token, &claims(), &other_signing_key(pair)).unwrap();
        assert_eq!(rejection(&token, &pair.key), JwtError::WrongType);
    }
}

#[test]
fn alg_none_is_rejected_in_every_spelling() {
    let pair = es256();
    let payload = base64url::encode(claims().to_string().as_bytes());
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": pair.key.kid()}).to_string();
        let header = base64url::encode(header.as_bytes());
        let signature = base64url::encode(&[0; 64]);
        for token in [format!("{header}.{payload}."), format!("{header}.{payload}.{signature}")] {
            assert_eq!(rejection(&token, &pair.key), JwtError::WrongAlgorithm, "{alg}");
            assert_eq!(kid_of(&token), Err(JwtError::WrongAlgorithm));
        }
        assert_eq!(rejection(&format!("{header}.{payload}"), &pair.key), JwtError::Malformed);
    }
}

#[test]
fn hmac_under_the_public_key_is_rejected() {
    for pair in pairs() {
        let jwk = pair.key.public_jwk();
        let name = if pair.key.algorithm() == Algorithm::Rs256 { "n" } else { "x" };
        let raw = base64url::decode(jwk[name].as_str().unwrap()).unwrap();
        for secret in [jwk.to_string().into_bytes(), raw] {
            let mut header = other_header(pair);
            header.alg = other::Algorithm::HS256;
            let key = other::EncodingKey::from_secret(&secret);
            let token = other::encode(&header, &claims(), &key).unwrap();
            assert_eq!(rejection(&token, &pair.key), JwtError::WrongAlgorithm);
            assert_eq!(kid_of(&token), Err(JwtError::WrongAlgorithm));
        }
    }
}

#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    for pair in pairs() {
        for wrong in pairs().iter().filter(|other| other.key.algorithm() != pair.key.algorithm()) {
            let mut header = header(wrong);
            header["kid"] = json!(pair.key.kid());
            assert_eq!(rejection(&with_header(wrong, &header), &pair.key), JwtError::WrongAlgorithm);
        }
        for alg in
            [json!("es256"), json!("eddsa"), json!("RS512"), json!("PS256"), json!("ES384"), json!("Ed25519")]
        {
            let mut header = header(pair);
            header["alg"] = alg;
            assert_eq!(
                rejection(&with_header(pair, &header), &pair.key),
                JwtError::WrongAlgorithm,
                "{header}"
            );
        }
    }
}

#[test]
fn a_foreign_key_is_rejected_with_its_own_name_and_with_ours() {
    for pair in pairs() {
        let foreign = fresh(pair.key.algorithm());
        assert_eq!(rejection(&with_header(&foreign, &header(&foreign)), &pair.key), JwtError::UnknownKey);
        assert_eq!(rejection(&with_header(&foreign, &header(pair)), &pair.key), JwtError::BadSignature);
    }
}

#[test]
fn a_token_that_names_no_usable_key_is_rejected() {
    let pair = es256();
    for kid in [
        json!(null),
        json!(""),
        json!("a b"),
        json!("../keys"),
        json!("k".repeat(129)),
        json!("\n"),
        json!("é"),
    ] {
        let mut header = header(pair);
        header["kid"] = kid;
        let token = with_header(pair, &header);
        assert_eq!(rejection(&token, &pair.key), JwtError::UnknownKey, "{header}");
    }
}

#[test]
fn headers_with_members_of_their_own_are_rejected() {
    let pair = es256();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("jku", json!("https://evil.example/jwks")),
        ("jwk", pair.key.public_jwk()),
        ("x5u", json!("https://evil.example/chain")),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ] {
        let mut header = header(pair);
        header[name] = value;
        let token = with_header(pair, &header);
        assert_eq!(rejection(&token, &pair.key), JwtError::Malformed, "{name}");
        assert_eq!(kid_of(&token), Err(JwtError::Malformed), "{name}");
    }
}

#[test]
fn headers_that_are_not_one_clean_object_are_rejected() {
    let pair = es256();
    let kid = pair.key.kid();
    let good = header(pair).to_string();
    for header in [
        format!(r#"["ES256","at+jwt","{kid}"]"#),
        format!(r#"{{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"other","kid":"{kid}"}}"#),
        format!(r#"{{"alg":7,"typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","kid":"{kid}"}}"#),
        format!("{good}{good}"),
        format!("{good} x"),
        format!(" {good}"),
        String::new(),
        "null".to_owned(),
        "{".to_owned(),
    ] {
        let token = forge(pair, header.as_bytes(), claims().to_string().as_bytes());
        assert_eq!(rejection(&token, &pair.key), JwtError::Malformed, "{header}");
    }
    let token = forge(pair, b"{\"alg\":\"\xff\"}", b"{}");
    assert_eq!(rejection(&token, &pair.key), JwtError::Malformed);
}

#[test]
fn any_other_number_of_parts_is_rejected() {
    let pair = es256();
    let token = pair.key.sign(&claims()).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{token}") };
    for broken in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}.{payload}.{signature}.a.b"),
        format!("{header}..{payload}.{signature}"),
    ] {
        assert_eq!(rejection(&broken, &pair.key), JwtError::Malformed, "{broken}");
        assert!(kid_of(&broken).is_err() || broken.matches('.').count() == 1, "{broken}");
    }
    assert_eq!(rejection(&format!("{header}..{signature}"), &pair.key), JwtError::BadSignature);
    assert_eq!(rejection(&format!("{header}.{payload}."), &pair.key), JwtError::BadSignature);
    for length in 0..token.len() {
        assert!(verify::<Value>(&token[..length], &pair.key.verifying_key()).is_err(), "{length}");
    }
}

#[test]
fn padding_white_space_and_excess_are_rejected() {
    for pair in pairs() {
        let token = pair.key.sign(&claims()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, payload) = message.split_once('.').unwrap();
        for broken in [
            format!("{token}="),
            format!("{token}=="),
            format!("{header}=.{payload}.{signature}"),
            format!("{token}\n"),
            format!(" {token}"),
            format!("Bearer {token}"),
            format!("{token}{}", "A".repeat(MAXIMUM_LENGTH)),
        ] {
            assert_eq!(rejection(&broken, &pair.key), JwtError::Malformed, "{broken}");
        }
        // The payload is not decoded before the signature was checked, and that covers its text.
        let padded = format!("{header}.{payload}=.{signature}");
        assert_eq!(rejection(&padded, &pair.key), JwtError::BadSignature);
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Subject {
    sub: String,
}

#[test]
fn the_payload_is_one_json_object() {
    let pair = es256();
    let header = header(pair).to_string();
    let read = |payload: &[u8]| {
        verify::<Subject>(&forge(pair, header.as_bytes(), payload), &pair.key.verifying_key())
    };
    assert_eq!(read(br#"{"sub":"a","more":1}"#), Ok(Subject { sub: "a".to_owned() }));
    for payload in ["", "[\"a\"]", "\"a\"", "null", " {\"sub\":\"a\"}"] {
        assert_eq!(read(payload.as_bytes()), Err(JwtError::Malformed), "{payload}");
    }
    for payload in
        ["{\"sub\":1}", "{}", "{\"sub\":\"a\",\"sub\":\"b\"}", "{\"sub\":\"a\"} x", "{\"sub\":\"a\""]
    {
        assert!(matches!(read(payload.as_bytes()), Err(JwtError::Claims(_))), "{payload}");
    }
    assert_eq!(
        read(b"{}").unwrap_err().to_string(),
        "the token's claims are unusable: missing field `sub` at line 1 column 2"
    );
}

#[test]
fn ecdsa_signatures_have_the_fixed_form_only() {
    let pair = es256();
    let token = pair.key.sign(&claims()).unwrap();
    let (message, _) = token.rsplit_once('.').unwrap();
    let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pair.pkcs8).unwrap();
    let der = der.sign(&aws_lc_rs::rand::SystemRandom::new(), message.as_bytes()).unwrap();
    let of_bytes = |signature: &[u8]| format!("{message}.{}", base64url::encode(signature));
    assert_eq!(rejection(&of_bytes(der.as_ref()), &pair.key), JwtError::BadSignature);
    // CVE-2022-21449: r and s of zero, which some verifiers accepted for anything.
    assert_eq!(rejection(&of_bytes(&[0; 64]), &pair.key), JwtError::BadSignature);
    assert_eq!(rejection(&of_bytes(&[0xff; 64]), &pair.key), JwtError::BadSignature);
}

#[test]
fn messages_never_contain_the_token() {
    let pair = es256();
    let token = pair.key.sign(&claims()).unwrap();
    let payload = base64url::encode(b"{\"sub\":\"mallory\"}");
    let (header, signature) = (token.split('.').next().unwrap(), token.rsplit('.').next().unwrap());
    for broken in [format!("{header}.{payload}.{signature}"), format!("{token}.x"), token.replace('.', "")] {
        let shown = format!("{0} {0:?}", rejection(&broken, &pair.key));
        for secret in [header, signature, payload.as_str(), "mallory", pair.key.kid()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_changed_character_anywhere_breaks_the_token(
        which in 0usize..3, position: prop::sample::Index, character in "[A-Za-z0-9_.=+/-]",
    ) {
        let pair = &pairs()[which];
        let token = pair.key.sign(&claims()).unwrap();
        let position = position.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(position..=position, &character);
        prop_assert_eq!(verify::<Value>(&changed, &pair.key.verifying_key()).is_ok(), changed == token);
    }

    #[test]
    fn a_changed_bit_in_any_part_breaks_the_token(
        which in 0usize..3, part in 0usize..3, position: prop::sample::Index, bit in 0u8..8,
    ) {
        let pair = &pairs()[which];
        let token = pair.key.sign(&claims()).unwrap();
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let mut bytes = base64url::decode(&parts[part]).unwrap();
        let position = position.index(bytes.len());
        bytes[position] ^= 1 << bit;
        parts[part] = base64url::encode(&bytes);
        prop_assert!(verify::<Value>(&parts.join("."), &pair.key.verifying_key()).is_err());
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,80}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,20}", 0..5)) {
        let _ = kid_of(&text);
        let _ = verify::<Value>(&parts.join("."), &es256().key.verifying_key());
    }

    #[test]
    fn claims_come_back_whatever_they_say(name in ".{0,30}", number: i64) {
        let claims = json!({"org_name": name, "iat": number});
        let pair = es256();
        let token = pair.key.sign(&claims).unwrap();
        prop_assert_eq!(verify::<Value>(&token, &pair.key.verifying_key()), Ok(claims));
    }
}
