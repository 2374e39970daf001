use super::*;
use crate::fixtures::{pair, pairs};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};

/// RFC 7638 §3.1, the example key.
fn rfc_7638() -> Value {
    json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB", "alg": "RS256"
    })
}

/// RFC 8037 appendix A.2.
fn rfc_8037() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

/// RFC 7517 appendix A.1.
fn rfc_7517() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "use": "sig",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    })
}

fn with(mut jwk: Value, name: &str, value: &Value) -> Value {
    jwk[name] = value.clone();
    jwk
}

#[test]
fn thumbprints_of_rfc_7638_and_rfc_8037() {
    let rsa = VerifyingKey::from_jwk(&rfc_7638()).unwrap();
    assert_eq!(rsa.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(rsa.algorithm(), Algorithm::Rs256);
    let ed = VerifyingKey::from_jwk(&rfc_8037()).unwrap();
    assert_eq!(ed.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(ed.algorithm(), Algorithm::EdDsa);
}

#[test]
fn signatures_of_rfc_7515_and_rfc_8037() {
    // RFC 7515 appendix A.3 (ES256).
    let ec = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    });
    let es256 = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    // RFC 8037 appendix A.4 (EdDSA).
    let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    for (jwk, jws) in [(ec, es256), (rfc_8037(), eddsa)] {
        let key = VerifyingKey::from_jwk(&jwk).unwrap();
        let (message, signature) = jws.rsplit_once('.').unwrap();
        let signature = base64url::decode(signature).unwrap();
        assert!(key.is_signed(message.as_bytes(), &signature), "{jws}");
        assert!(!key.is_signed(&message.as_bytes()[1..], &signature));
        assert!(!key.is_signed(message.as_bytes(), &signature[..63]));
    }
}

#[test]
fn thumbprints_agree_with_another_library() {
    let published = pairs().iter().map(|pair| pair.key.public_jwk());
    for jwk in published.chain([rfc_7638(), rfc_7517()]) {
        let mut anonymous = jwk.clone();
        anonymous.as_object_mut().unwrap().remove("kid");
        let other: Jwk = serde_json::from_value(jwk).unwrap();
        let expected = other.thumbprint(ThumbprintHash::SHA256).unwrap();
        assert_eq!(VerifyingKey::from_jwk(&anonymous).unwrap().kid(), expected);
    }
}

#[test]
fn a_jwk_comes_back_as_published() {
    for pair in pairs() {
        let jwk = pair.key.public_jwk();
        let read = VerifyingKey::from_jwk(&jwk).unwrap();
        assert_eq!(read.jwk(), &jwk);
        assert_eq!((read.kid(), read.algorithm()), (pair.key.kid(), pair.key.algorithm()));
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk["alg"], pair.key.algorithm().as_str());
        assert_eq!(jwk["kid"], pair.key.kid());
    }
    let ed = pair(Algorithm::EdDsa).key.public_jwk();
    assert_eq!((&ed["kty"], &ed["crv"]), (&json!("OKP"), &json!("Ed25519")));
}

#[test]
fn a_name_of_its_own_is_kept_and_foreign_members_are_dropped() {
    let named = with(with(rfc_7638(), "kid", &json!("2011-04-29")), "x5u", &json!("https://evil.example"));
    let key = VerifyingKey::from_jwk(&named).unwrap();
    assert_eq!(key.kid(), "2011-04-29");
    assert!(key.jwk().get("x5u").is_none());
    for kid in [json!(""), json!(7), json!("a b"), json!("a\n"), json!("é"), json!("k".repeat(129))] {
        assert!(VerifyingKey::from_jwk(&with(rfc_7638(), "kid", &kid)).is_err(), "{kid}");
    }
}

#[test]
fn keys_for_anything_else_are_rejected() {
    let ec = rfc_7517();
    let verify = json!(["verify"]);
    assert!(VerifyingKey::from_jwk(&with(ec.clone(), "key_ops", &verify)).is_ok());
    for (name, value) in [
        ("alg", json!("ES384")),
        ("alg", json!("none")),
        ("alg", json!(1)),
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("verify")),
        ("crv", json!("P-384")),
        ("kty", json!("RSA")),
        ("kty", json!("oct")),
        ("kty", json!("ec")),
        ("d", json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE")),
    ] {
        assert!(VerifyingKey::from_jwk(&with(ec.clone(), name, &value)).is_err(), "{name} {value}");
    }
    for jwk in [json!(null), json!([]), json!({}), json!({"kty": "oct", "k": "AAAA"})] {
        assert!(VerifyingKey::from_jwk(&jwk).is_err(), "{jwk}");
    }
}

#[test]
fn unsound_numbers_are_rejected() {
    let zeros = base64url::encode(&[0; 32]);
    let short = base64url::encode(&[1; 31]);
    for (name, value) in [("x", &zeros), ("y", &zeros), ("x", &short), ("x", &"=".to_owned())] {
        assert!(VerifyingKey::from_jwk(&with(rfc_7517(), name, &json!(value))).is_err(), "EC {name} {value}");
    }
    assert!(VerifyingKey::from_jwk(&with(rfc_8037(), "x", &json!(short))).is_err());

    let modulus = base64url::decode(rfc_7638()["n"].as_str().unwrap()).unwrap();
    let padded = [&[0], modulus.as_slice()].concat();
    let mut even = modulus.clone();
    *even.last_mut().unwrap() ^= 1;
    let mut huge = modulus.repeat(5);
    huge.truncate(1025);
    for n in [&modulus[..128], &modulus[..255], &padded, &even, &huge, &[]] {
        let jwk = with(rfc_7638(), "n", &json!(base64url::encode(n)));
        assert!(VerifyingKey::from_jwk(&jwk).is_err(), "RSA n of {} bytes", n.len());
    }
    for e in [&[][..], &[0], &[1], &[2], &[0, 1, 0, 1]] {
        let jwk = with(rfc_7638(), "e", &json!(base64url::encode(e)));
        assert!(VerifyingKey::from_jwk(&jwk).is_err(), "RSA e {e:?}");
    }
}
