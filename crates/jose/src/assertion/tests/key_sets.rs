//! Key sets of others: which keys are kept.

use super::*;
use std::time::Instant;

fn ec() -> Value {
    es256().public_jwk("k")
}

fn rsa() -> Value {
    signer(AssertionAlgorithm::Rs256).public_jwk("r")
}

fn ed25519(x: &[u8]) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x) })
}

fn modulus() -> Vec<u8> {
    base64url::decode(rsa()["n"].as_str().unwrap()).unwrap()
}

/// An RSA key with a modulus of so many bytes.
fn sized(bytes: usize) -> Value {
    let mut n = modulus().repeat(5);
    n.truncate(bytes);
    *n.first_mut().unwrap() |= 0x80;
    *n.last_mut().unwrap() |= 1;
    with(rsa(), "n", json!(base64url::encode(&n)))
}

fn exponent(e: &[u8]) -> Value {
    with(rsa(), "e", json!(base64url::encode(e)))
}

/// Why a key is left out of a set.
fn left_out(jwk: Value) -> AssertionKeyError {
    // It does not take another key away.
    let kept = set_of(&[jwk.clone(), ec(), jwk.clone()]).unwrap();
    assert_eq!(kept.keys().len(), 1, "{jwk}");
    match set_of(&[jwk]).unwrap_err() {
        KeySetError::NoUsableKey { count: 1, first } => first,
        other => panic!("{other}"),
    }
}

#[test]
fn usable_keys_are_kept() {
    for signer in SIGNERS.iter() {
        let jwk = signer.public_jwk("k");
        for jwk in [
            jwk.clone(),
            without(jwk.clone(), "use"),
            without(jwk.clone(), "alg"),
            without(jwk.clone(), "kid"),
            with(jwk.clone(), "key_ops", json!(["sign", "verify"])),
            with(jwk.clone(), "x5c", json!(["MIIB"])),
            with(jwk.clone(), "x5t", json!("x")),
            with(jwk, "issuer", json!("https://issuer.example")),
        ] {
            assert_eq!(set_of(&[jwk]).unwrap().keys().len(), 1);
        }
    }
    for e in [&[3][..], &[17], &[1, 0, 1], &[0, 1, 0, 1]] {
        assert!(set_of(&[exponent(e)]).is_ok(), "{e:?}");
    }
    for bytes in [256, 384, 512, 1024] {
        assert!(set_of(&[sized(bytes)]).is_ok(), "{bytes}");
    }
    // A zero in front for the sign changes nothing.
    let mut padded = modulus();
    padded.insert(0, 0);
    let padded = set_of(&[with(rsa(), "n", json!(base64url::encode(&padded)))]).unwrap();
    assert_eq!(padded.keys()[0].thumbprint(), set_of(&[rsa()]).unwrap().keys()[0].thumbprint());
}

#[test]
fn keys_for_something_else_are_left_out() {
    use AssertionKeyError::{BadKid, Malformed, Private, WrongAlgorithm, WrongKind, WrongUse};
    for (jwk, why) in [
        (json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMko" }), Private),
        (json!({ "kty": "oct" }), WrongKind),
        (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "x" }), WrongKind),
        (
            json!({ "kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            WrongKind,
        ),
        (json!({ "kty": "OKP", "crv": "Ed448", "x": "x" }), WrongKind),
        (with(ec(), "crv", json!("P-521")), WrongKind),
        (with(ec(), "crv", json!("secp256k1")), WrongKind),
        (with(ec(), "kty", json!("ec")), WrongKind),
        (with(ec(), "use", json!("enc")), WrongUse),
        (with(ec(), "use", json!("SIG")), WrongUse),
        (with(ec(), "use", json!(null)), WrongUse),
        (with(ec(), "key_ops", json!(["encrypt"])), WrongUse),
        (with(ec(), "key_ops", json!([])), WrongUse),
        (with(ec(), "key_ops", json!("verify")), WrongUse),
        (with(ec(), "alg", json!("ES384")), WrongAlgorithm),
        (with(ec(), "alg", json!("HS256")), WrongAlgorithm),
        (with(ec(), "alg", json!("none")), WrongAlgorithm),
        (with(ec(), "alg", json!(null)), WrongAlgorithm),
        (with(rsa(), "alg", json!("RS512")), WrongAlgorithm),
        (with(rsa(), "alg", json!("RSA-OAEP")), WrongAlgorithm),
        (with(rsa(), "alg", json!("ES256")), WrongAlgorithm),
        (with(ec(), "kid", json!(1)), BadKid),
        (with(ec(), "kid", json!("")), BadKid),
        (with(ec(), "kid", json!("k".repeat(257))), BadKid),
        (json!({}), Malformed),
        (json!(1), Malformed),
        (json!([]), Malformed),
        (without(ec(), "crv"), Malformed),
        (without(ec(), "y"), Malformed),
        (without(rsa(), "e"), Malformed),
        (with(ec(), "x", json!(1)), Malformed),
        (with(ec(), "x", json!(format!("{}=", ec()["x"].as_str().unwrap()))), Malformed),
        (with(rsa(), "n", json!("not base64url!")), Malformed),
        (ed25519(&[9; 31]), Malformed),
        (ed25519(&[9; 33]), Malformed),
    ] {
        assert_eq!(left_out(jwk.clone()), why, "{jwk}");
    }
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(left_out(with(rsa(), name, json!("AQAB"))), Private);
        assert_eq!(left_out(with(ec(), name, json!(null))), Private);
    }
}

#[test]
fn weak_keys_are_left_out() {
    use AssertionKeyError::{Malformed, NotOnCurve, RsaNumbers, RsaSize, WeakPoint};
    assert_eq!(left_out(sized(128)), RsaSize(1024));
    assert_eq!(left_out(sized(255)), RsaSize(2040));
    assert_eq!(left_out(sized(1025)), RsaSize(8200));
    assert_eq!(left_out(with(rsa(), "n", json!(""))), RsaSize(0));
    let mut even = modulus();
    *even.last_mut().unwrap() &= 0xfe;
    assert_eq!(left_out(with(rsa(), "n", json!(base64url::encode(&even)))), RsaNumbers);
    for e in [&[][..], &[0], &[1], &[2], &[4], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1; 8]] {
        assert_eq!(left_out(exponent(e)), RsaNumbers, "{e:?}");
    }
    let point = |x: &[u8], y: &[u8]| {
        with(with(ec(), "x", json!(base64url::encode(x))), "y", json!(base64url::encode(y)))
    };
    for coordinates in [[[0_u8; 32], [0; 32]], [[1; 32], [1; 32]], [[0xff; 32], [0xff; 32]]] {
        assert_eq!(left_out(point(&coordinates[0], &coordinates[1])), NotOnCurve);
    }
    let good =
        [ec()["x"].clone(), ec()["y"].clone()].map(|n| base64url::decode(n.as_str().unwrap()).unwrap());
    assert_eq!(left_out(point(&good[1], &good[0])), NotOnCurve);
    assert_eq!(left_out(point(&good[0], &good[1][..31])), Malformed);
    assert_eq!(left_out(point(&[&[0], good[0].as_slice()].concat(), &good[1])), Malformed);
    assert_eq!(left_out(with(without(ec(), "alg"), "crv", json!("P-384"))), Malformed);

    // The points of small order, with either sign, and numbers that are not below the prime.
    let mut weak = vec![[0; 32], [0; 32], [0xff; 32], [0xff; 32], [0xff; 32], [0xff; 32]];
    weak[1][0] = 1;
    for (key, first) in weak[2..].iter_mut().zip([0xec, 0xed, 0xee, 0xff]) {
        key[0] = first;
        key[31] = 0x7f;
    }
    for hex in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        let bytes = (0..32).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap());
        weak.push(bytes.collect::<Vec<_>>().try_into().unwrap());
    }
    for key in weak {
        for sign in [0, 0x80] {
            let mut key = key;
            key[31] |= sign;
            assert_eq!(left_out(ed25519(&key)), WeakPoint, "{key:?}");
        }
    }
    // The base point is a key like any other.
    let mut base = [0x66; 32];
    base[0] = 0x58;
    assert!(set_of(&[ed25519(&base)]).is_ok());
}

#[test]
fn sets_that_are_none_are_rejected() {
    let key = ec();
    for bad in [
        String::new(),
        "null".to_owned(),
        "<html>".to_owned(),
        "[]".to_owned(),
        json!([key]).to_string(),
        key.to_string(),
        json!({ "keys": key }).to_string(),
        json!({ "Keys": [key] }).to_string(),
        format!(r#"{{"keys":[{key}],"keys":[]}}"#),
        format!(r#"{{"keys":[{}]}}"#, key.to_string().replacen('{', r#"{"kid":"x","#, 1)),
        format!(r#"{{"keys":[{key}]}} x"#),
        format!(r#"{{"keys":[{key}],"x":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000)),
    ] {
        assert_eq!(KeySet::parse(bad.as_bytes()).unwrap_err(), KeySetError::Malformed, "{bad:.80}");
    }
    assert_eq!(set_of(&[]).unwrap_err(), KeySetError::Empty);
    let none = set_of(&[with(ec(), "use", json!("enc")), json!({})]).unwrap_err();
    assert_eq!(none, KeySetError::NoUsableKey { count: 2, first: AssertionKeyError::WrongUse });
    assert!(
        none.to_string().starts_with("none of the 2 keys of the set can be used: the first is not meant")
    );
}

#[test]
fn ten_thousand_keys_are_rejected_at_once() {
    let before = Instant::now();
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 10_000].join(","));
    assert_eq!(KeySet::parse(many.as_bytes()).unwrap_err(), KeySetError::TooManyKeys);
    assert_eq!(set_of(&vec![ec(); 10_000]).unwrap_err(), KeySetError::TooLong);
    assert_eq!(set_of(&vec![ec(); MAXIMUM_KEYS]).unwrap().keys().len(), MAXIMUM_KEYS);
    assert_eq!(set_of(&vec![ec(); MAXIMUM_KEYS + 1]).unwrap_err(), KeySetError::TooManyKeys);
    assert!(before.elapsed().as_secs() < 5);
}
