//! What attackers send. Nothing of it is accepted.

use super::*;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use domain::workload::{AssertionRejection, RejectionReason};
use proptest::prelude::*;

fn valid() -> String {
    es256().sign_claims("k", &claims()).unwrap()
}

#[test]
fn algorithms_that_are_not_ours_are_rejected() {
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "es256", "Es256", "ES256 ", "ES256K", "ES512",
        "RS384", "RS512", "PS384", "PS512", "Ed25519", "EDDSA", "eddsa", "RS1", "RSA-OAEP", "dir",
    ] {
        let token = with_header(es256(), &json!({ "alg": alg, "kid": "k" }).to_string());
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        for token in [token, unsigned] {
            assert_eq!(verify(&token, &set(es256())), Err(AssertionError::WrongAlgorithm), "{alg}");
        }
    }
}

#[test]
fn the_public_key_is_no_secret_for_hmac() {
    for signer in SIGNERS.iter() {
        let jwk = signer.public_jwk("k").to_string();
        for secret in [jwk.clone(), signer.public_pem(), signer.public_pem().trim().to_owned()] {
            let message = ["HS256", "hs256"]
                .map(|alg| json!({ "alg": alg, "kid": "k" }).to_string())
                .map(|header| format!("{}.e30", base64url::encode(header.as_bytes())));
            for message in message {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let tag = base64url::encode(hmac::sign(&key, message.as_bytes()).as_ref());
                let outcome = verify(&format!("{message}.{tag}"), &set(signer));
                assert_eq!(outcome, Err(AssertionError::WrongAlgorithm));
            }
        }
    }
}

/// Each algorithm's signature under the name of each other, with keys that say their algorithm and with keys that do not.
#[test]
fn a_key_is_used_for_its_own_algorithm_only() {
    for signer in SIGNERS.iter() {
        for other in AssertionAlgorithm::ALL.into_iter().filter(|other| *other != signer.algorithm()) {
            let token = with_header(signer, &format!(r#"{{"alg":"{other}","kid":"k"}}"#));
            assert_eq!(
                verify(&token, &set(signer)),
                Err(AssertionError::WrongAlgorithm),
                "{signer:?} as {other}"
            );
            let open = set_of(&[without(signer.public_jwk("k"), "alg")]).unwrap();
            assert!(verify(&token, &open).is_err(), "{signer:?} as {other}");
        }
    }
    // An RSA key without `alg` may be used with both of RSA's algorithms, but a signature is of one.
    let (rs, ps) = (AssertionAlgorithm::Rs256, AssertionAlgorithm::Ps256);
    for (signs, says) in [(rs, ps), (ps, rs)] {
        let signer = signer(signs);
        let open = set_of(&[without(signer.public_jwk("k"), "alg")]).unwrap();
        let token = with_header(signer, &format!(r#"{{"alg":"{says}","kid":"k"}}"#));
        assert_eq!(verify(&token, &open), Err(AssertionError::BadSignature));
        assert_eq!(verify(&signer.sign_claims("k", &claims()).unwrap(), &open), Ok(claims()));
    }
}

#[test]
fn an_algorithm_that_the_caller_does_not_allow_is_rejected() {
    let token = valid();
    let assertion = Assertion::parse(&token).unwrap();
    for allowed in [&[][..], &[AssertionAlgorithm::Rs256, AssertionAlgorithm::Es384]] {
        assert_eq!(assertion.verify(&set(es256()), allowed), Err(AssertionError::WrongAlgorithm));
    }
}

#[test]
fn signatures_in_der_or_of_zeros_or_of_another_length_are_rejected() {
    let document = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let fixed = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).unwrap();
    let point = fixed.public_key().as_ref();
    let (x, y) = (base64url::encode(&point[1..33]), base64url::encode(&point[33..]));
    let keys = set_of(&[json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })]).unwrap();
    let message = format!("{}.e30", base64url::encode(br#"{"alg":"ES256"}"#));
    let outcome = |signature: &[u8]| verify(&format!("{message}.{}", base64url::encode(signature)), &keys);
    let random = SystemRandom::new();
    let good = fixed.sign(&random, message.as_bytes()).unwrap();
    let good = good.as_ref();
    assert_eq!(outcome(good), Ok(json!({})));
    let der = der.sign(&random, message.as_bytes()).unwrap();
    let zeros = [0; 32];
    for bad in [
        der.as_ref(),
        &[&zeros, &good[32..]].concat(),
        &[&good[..32], &zeros].concat(),
        &[0; 64],
        &[0xff; 64],
        &[],
        &good[..63],
        &[good, &[0]].concat(),
        &[&[0], good].concat(),
        &[&[0; 16], &good[..32], &[0; 16], &good[32..]].concat(),
    ] {
        assert_eq!(outcome(bad), Err(AssertionError::BadSignature), "{bad:?}");
    }
}

#[test]
fn every_other_form_is_rejected() {
    let token = valid();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        message.to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}.{payload}..{signature}"),
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        format!("{header}.{payload}.{signature}=="),
        format!("{header}.{payload}.{signature}é"),
        format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+")) + "+",
        format!("Bearer {token}"),
        json!({ "payload": payload, "protected": header, "signature": signature }).to_string(),
    ] {
        assert_eq!(verify(&bad, &set(es256())), Err(AssertionError::Malformed), "{bad}");
    }
    assert_eq!(verify(&format!("{message}."), &set(es256())), Err(AssertionError::BadSignature));
    // The last character of 64 bytes carries two bits: all other spellings of them are refused.
    let (start, last) = token.split_at(token.len() - 1);
    let spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".split("");
    for spelling in spellings.filter(|spelling| !spelling.is_empty() && *spelling != last) {
        assert!(verify(&format!("{start}{spelling}"), &set(es256())).is_err());
    }
}

#[test]
fn headers_that_are_no_sound_object_are_rejected() {
    for header in [
        r#"{"alg":"ES256","alg":"ES256","kid":"k"}"#,
        r#"{"alg":"none","alg":"ES256","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","\u006bid":"x"}"#,
        r#"{"alg":"ES256","kid":"k","x":{"a":1,"a":2}}"#,
        r#"["ES256","k"]"#,
        r#""ES256""#,
        "",
        "{}",
        r#"{"kid":"k"}"#,
        r#"{"Alg":"ES256","kid":"k"}"#,
        r#"{"alg":null,"kid":"k"}"#,
        r#"{"alg":["ES256"],"kid":"k"}"#,
        r#"{"alg":"ES256","kid":1}"#,
        r#"{"alg":"ES256","kid":null}"#,
        r#"{"alg":"ES256","kid":""}"#,
        "{\"alg\":\"ES256\",\"kid\":\"k\\n\"}",
        r#"{"alg":"ES256","kid":"ключ"}"#,
        r#"{"alg":"ES256","kid":"k","typ":["JWT"]}"#,
        r#"{"alg":"ES256","kid":"k"} {}"#,
        "\u{feff}{\"alg\":\"ES256\",\"kid\":\"k\"}",
    ] {
        let token = with_header(es256(), header);
        assert_eq!(verify(&token, &set(es256())), Err(AssertionError::Malformed), "{header}");
    }
    let long = json!({ "alg": "ES256", "kid": "k".repeat(257) }).to_string();
    assert_eq!(verify(&with_header(es256(), &long), &set(es256())), Err(AssertionError::Malformed));
    let not_utf8 = es256().sign(b"{\"alg\":\"ES256\",\"kid\":\"\xff\"}", b"{}").unwrap();
    assert_eq!(verify(&not_utf8, &set(es256())), Err(AssertionError::Malformed));
}

#[test]
fn headers_that_bring_keys_or_change_what_is_signed_are_rejected() {
    for (name, value) in [
        ("jku", json!("https://issuer.example/jwks")),
        ("jwk", es256().public_jwk("k")),
        ("x5u", json!("https://issuer.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("jku", json!(null)),
    ] {
        let header = with(json!({ "alg": "ES256", "kid": "k" }), name, value).to_string();
        let outcome = verify(&with_header(es256(), &header), &set(es256()));
        assert_eq!(outcome, Err(AssertionError::ForbiddenHeader(name)), "{header}");
    }
    // They come before the algorithm: such a token is an attack, or not for us.
    let header = json!({ "alg": "HS256", "jwk": es256().public_jwk("k") }).to_string();
    let outcome = verify(&with_header(es256(), &header), &set(es256()));
    assert_eq!(outcome, Err(AssertionError::ForbiddenHeader("jwk")));
}

#[test]
fn sixteen_kilobytes_are_read_and_no_more() {
    let of_length = |length: usize| {
        let payload = json!({ "a": "a".repeat(length) }).to_string();
        es256().sign(br#"{"alg":"ES256","kid":"k"}"#, payload.as_bytes()).unwrap()
    };
    let (fits, too_long) = (of_length(12_100), of_length(12_700));
    assert!(fits.len() <= MAXIMUM_LENGTH && too_long.len() > MAXIMUM_LENGTH);
    assert!(verify(&fits, &set(es256())).is_ok());
    assert_eq!(verify(&too_long, &set(es256())), Err(AssertionError::TooLong));
    assert_eq!(verify(&"a".repeat(17 * 1024), &set(es256())), Err(AssertionError::TooLong));
}

#[test]
fn errors_say_nothing_of_the_token() {
    let header = r#"{"alg":"ES256","kid":"MARK","typ":"MARK","jku":"MARK"}"#;
    let error = verify(&with_header(es256(), header), &set(es256())).unwrap_err();
    let rejection = AssertionRejection::from(error);
    assert_eq!(rejection.reason, RejectionReason::Form);
    assert!(!rejection.message.contains("MARK") && rejection.message.contains("`jku`"));
    let unknown = verify(&es256().sign_claims("MARK", &claims()).unwrap(), &set(es256())).unwrap_err();
    assert_eq!(unknown.reason(), RejectionReason::Signature);
    assert!(!unknown.to_string().contains("MARK"));
    let token = es256().sign_claims("MARK", &claims()).unwrap();
    assert_eq!(format!("{:?}", Assertion::parse(&token).unwrap()), "Assertion(ES256, redacted)");
    assert_eq!(AssertionError::TooLong.reason(), RejectionReason::Size);
    assert_eq!(AssertionError::WrongAlgorithm.reason(), RejectionReason::Algorithm);
}

proptest! {
    #[test]
    fn any_flipped_bit_is_rejected(which in 0..5_usize, place: prop::sample::Index, bit in 0..8_u32) {
        let signer = &SIGNERS[which];
        let token = signer.sign_claims("k", &claims()).unwrap();
        let mut bytes = token.clone().into_bytes();
        bytes[place.index(token.len())] ^= 1 << bit;
        let flipped = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(verify(&flipped, &set(signer)).is_err(), "{}", flipped);
        prop_assert_eq!(verify(&token, &set(signer)), Ok(claims()));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}", parts in "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}") {
        for text in [text, parts] {
            prop_assert!(verify(&text, &set(es256())).is_err());
            prop_assert!(KeySet::parse(text.as_bytes()).is_err());
            prop_assert!(PublicKeys::parse(&text).is_err());
        }
    }
}
