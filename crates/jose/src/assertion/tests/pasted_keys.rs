//! A client's keys as Admins paste them. The keys in PEM were written by OpenSSL 3.0.

use super::*;

const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvBs0CogqFrV8pecTTQEsiSR1BbNXk+oAs0csGuVqJ2WqzeaL5d05bNGPihEfD/oFa8uR56TjLFC97vtDieEV9lBBz2dbZKSftGBDiafpDHNdJXUfLmdpMFj4t2FRNsLYjlBbVRE+6iN/2cLVbuSAK2FReCsqpIv1htNm7JDET5xR1SA5P0upRARVlKXhmJH7gEKYxjwR6D87SmsYqiScRB9OZinspKS6jc1pgWDwaVIH/JiTx4sktlE21WbcESQjRaNu0WqGVfNLj58hHtx/Z1L7bER7AoIS4N1nbzf5adftprqSzNw5KFNypJqDTaTQdXgiDazyA66C169BytZWHwIDAQAB";
const RSA_PKCS1: &str = "MIIBCgKCAQEAvBs0CogqFrV8pecTTQEsiSR1BbNXk+oAs0csGuVqJ2WqzeaL5d05bNGPihEfD/oFa8uR56TjLFC97vtDieEV9lBBz2dbZKSftGBDiafpDHNdJXUfLmdpMFj4t2FRNsLYjlBbVRE+6iN/2cLVbuSAK2FReCsqpIv1htNm7JDET5xR1SA5P0upRARVlKXhmJH7gEKYxjwR6D87SmsYqiScRB9OZinspKS6jc1pgWDwaVIH/JiTx4sktlE21WbcESQjRaNu0WqGVfNLj58hHtx/Z1L7bER7AoIS4N1nbzf5adftprqSzNw5KFNypJqDTaTQdXgiDazyA66C169BytZWHwIDAQAB";
const P384: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEUcFiNXVVt1Kg1ey5jGi8PAsRIMem12IsmQLouVMMQtVdhYrBdXV3Ss3TNrdUSZuMJMueaZOP1OI+GO6tM7cT9TaLlx6M9cgJREGDGngVZzmqIzbVuK8lqTd2o7pk+H8T";
const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEclQWEu1ow2Q0UeP2YVn6yToqMx/sURruIKHbWUWo1NNaUbTe+Jk3kmV9Ih8VFh2LvjCv520GidESNrILgpTgAw==";
const ED25519: &str = "MCowBQYDK2VwAyEAAT+XiJMz4l3rTFN10MrOerwyp/7TDFoXzf4DaYJaJ8I=";
const P256_COMPRESSED: &str =
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADclQWEu1ow2Q0UeP2YVn6yToqMx/sURruIKHbWUWo1NM=";
const P256_EXPLICIT: &str = "MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABHJUFhLtaMNkNFHj9mFZ+sk6KjMf7FEa7iCh21lFqNTTWlG03viZN5JlfSIfFRYdi74wr+dtBonREjayC4KU4AM=";
const P521: &str = "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBXG9QdU8rGyWI+ZAivfBGU3GzWqjrz4KogGhJEvbjRfsPGEQ28k44ROI5411+TMhYsfA6VAljWXw1oskWW3prICUABPgNfHQMtV5cVPvKtZye2IszZHI6vn7K0KxOTnCUUEyBtCdpVGM2CTYGXBBHiRQOg69VRmiYOe3sQneiJCf8DzU=";
const X25519: &str = "MCowBQYDK2VuAyEAokEBGNuZRzF49Vox9rSsV8Kc6uLxKi2sqQXUELfXDQs=";
const RSA_1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCzXZWziCGeDhnSdC+iPpYzbaynsbF1CNkSsvhsnssVgrikpHJgBWiOCAiuL+Oh0oIGmEFCz4A9Tev/dgYFig0yp6cJn5td40MQSBucwnL3eI5QOGL7Mw00EtZ2QbDLZ+gTxGgUbhpkIQjYxdYOvhiEPruOu3NQZrtmGe68aTXpDwIDAQAB";
const RSA_PSS_ONLY: &str = "MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAKZ1vLna+Djmm6YN+cFibpU9GG/aehf31WteTkNESny7oSoZOmFkzTdkRoC9D+IsvSP1dY8IvJTgvXEaDeOdt+i59BvW4kpbc4dUOzZHAzCRMadXf6/6USgNjg8mBCpwR3hhy0JjpxjUe+uxeUhiXeIDvuAcaO/dCGHzupX2mSAG9gTezPfrvg9hs1idnw0VrAyAqTVzkk33M8n71nLFvPxSRRnxbe1+HWFz7ktflVpxSMb0BDoy8vz16ST2/i0/GPBCcKIPZBVTSvMABuGwdUWnCwirkZHsv9VQ7DoBNTUo3kgxND0jDbmjDUzd6+6vCkgtDFguuWtPEnm4NJJDbaMCAwEAAQ==";

/// In lines of 64 characters, as tools write it.
fn pem(label: &str, body: &str) -> String {
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn public(body: &str) -> String {
    pem("PUBLIC KEY", body)
}

/// The keys whose private halves signed the tokens of OpenSSL in `signatures.rs`.
pub(super) fn openssl_keys() -> KeySet {
    PublicKeys::parse(&[public(RSA), public(P384)].concat()).unwrap().key_set()
}

fn refused(text: &str) -> PublicKeysError {
    PublicKeys::parse(text).unwrap_err()
}

#[test]
fn keys_are_read_from_every_form() {
    for (body, kind, algorithms) in [
        (RSA, "RSA, 2048 bits", "RS256 PS256"),
        (P256, "EC, P-256", "ES256"),
        (P384, "EC, P-384", "ES384"),
        (ED25519, "Ed25519", "EdDSA"),
    ] {
        let of_pem = PublicKeys::parse(&public(body)).unwrap();
        let key = &of_pem.keys()[0];
        assert_eq!(key.kind(), kind);
        assert_eq!(
            key.algorithms().map(AssertionAlgorithm::as_str).collect::<Vec<_>>().join(" "),
            algorithms
        );
        assert_eq!(key.kid(), Some(key.thumbprint().as_str()));
        let jwk = without(key.jwk(), "kid");
        for text in [
            jwk.to_string(),
            json!({ "keys": [jwk] }).to_string(),
            format!("\n {jwk:#}\n"),
            public(body).replace('\n', "\r\n"),
            format!("Some text before\n{}and behind", public(body)),
        ] {
            let again = PublicKeys::parse(&text).unwrap();
            assert_eq!(again.jwks(), of_pem.jwks(), "{text}");
        }
    }
    let pkcs1 = PublicKeys::parse(&pem("RSA PUBLIC KEY", RSA_PKCS1)).unwrap();
    assert_eq!(pkcs1.jwks(), PublicKeys::parse(&public(RSA)).unwrap().jwks());
}

#[test]
fn what_is_stored_is_the_one_form_of_the_key() {
    let pasted = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "ours 1", "comment": "<script>", "x5c": ["MIIB"], "key_ops": ["verify"],
    });
    let keys = PublicKeys::parse(&pasted.to_string()).unwrap();
    let stored = Value::Object(keys.jwks());
    let expected = json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "ours 1", "use": "sig", "alg": "EdDSA",
    }] });
    assert_eq!(stored, expected);
    // RFC 8037 appendix A.3.
    assert_eq!(keys.keys()[0].thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(PublicKeys::parse(&stored.to_string()).unwrap().jwks(), keys.jwks());
    assert_eq!(KeySet::parse(stored.to_string().as_bytes()).unwrap().keys()[0].jwk(), expected["keys"][0]);
    // Whoever ties a key to PS256 has it tied.
    let mut rsa = PublicKeys::parse(&public(RSA)).unwrap().keys()[0].jwk();
    rsa["alg"] = json!("PS256");
    assert_eq!(PublicKeys::parse(&rsa.to_string()).unwrap().keys()[0].jwk(), rsa);
}

#[test]
fn thumbprints_agree_with_another_library() {
    for signer in SIGNERS.iter() {
        let other: jsonwebtoken::jwk::Jwk = serde_json::from_value(signer.public_jwk("k")).unwrap();
        let expected = other.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
        assert_eq!(set(signer).keys()[0].thumbprint(), expected);
    }
}

#[test]
fn private_keys_are_refused_before_all_else() {
    for label in
        ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"]
    {
        let private = pem(label, "MC4CAQAwBQYDK2Vw");
        let with_parameters = format!("{}{private}", pem("EC PARAMETERS", "BggqhkjOPQMBBw=="));
        let with_public = [public(RSA), private.clone()].concat();
        let cut_off = format!("-----BEGIN {label}-----\nMC4C");
        for text in [private, with_parameters, with_public, cut_off] {
            assert_eq!(refused(&text), PublicKeysError::PrivateKey, "{text}");
        }
    }
    let jwk = es256().public_jwk("k");
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let private = with(jwk.clone(), name, json!("AQAB"));
        for text in [private.to_string(), json!({ "keys": [{}, private] }).to_string()] {
            assert_eq!(refused(&text), PublicKeysError::PrivateKey, "{text}");
        }
    }
    let advice = PublicKeysError::PrivateKey.to_string();
    assert!(advice.contains("make a new pair") && advice.contains("has been shown"));
}

#[test]
fn other_things_are_refused_with_advice() {
    for (text, why, advice) in [
        (String::new(), PublicKeysError::Empty, "paste a public key"),
        (json!({ "keys": [] }).to_string(), PublicKeysError::Empty, "paste a public key"),
        (pem("CERTIFICATE", "MIIB"), PublicKeysError::Certificate, "openssl x509"),
        (pem("TRUSTED CERTIFICATE", "MIIB"), PublicKeysError::Certificate, "openssl x509"),
        (pem("DH PARAMETERS", "MIIB"), PublicKeysError::WrongLabel, "BEGIN PUBLIC KEY"),
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host".to_owned(),
            PublicKeysError::SshKey,
            "ssh-keygen -e -m PKCS8",
        ),
        ("ecdsa-sha2-nistp256 AAAA".to_owned(), PublicKeysError::SshKey, "ssh-keygen"),
        (RSA.to_owned(), PublicKeysError::UnknownForm, "first and last line"),
        ("https://client.example/jwks".to_owned(), PublicKeysError::UnknownForm, "whole public key"),
        ("[{}]".to_owned(), PublicKeysError::Json, "no name may stand twice"),
        ("{".to_owned(), PublicKeysError::Json, "copy the whole"),
        (r#"{"kty":"RSA","kty":"RSA"}"#.to_owned(), PublicKeysError::Json, "twice"),
        (r#"{"keys":{}}"#.to_owned(), PublicKeysError::Json, "JWKS"),
        ("-----BEGIN PUBLIC KEY-----\nMIIB".to_owned(), PublicKeysError::Pem, "copy it whole"),
        (public("!!!!"), PublicKeysError::Pem, "copy it whole"),
        (public(RSA).replace("END PUBLIC", "END RSA PUBLIC"), PublicKeysError::Pem, "copy it whole"),
        ("a".repeat(65 * 1024), PublicKeysError::TooLong, "nothing else"),
    ] {
        let error = refused(&text);
        assert_eq!(error, why, "{text:.100}");
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[test]
fn keys_that_cannot_verify_are_refused_and_not_left_out() {
    use AssertionKeyError::{
        Malformed, NotOnCurve, RsaSize, WeakPoint, WrongAlgorithm, WrongEcForm, WrongKind, WrongUse,
    };
    let jwk = es256().public_jwk("k");
    let zeros = format!("{}{}=", "MCowBQYDK2VwAyEA", "A".repeat(43));
    let off_curve = P256.replace("gpTgAw==", "gpTgBA==");
    for (second, why) in [
        (public(RSA_1024), RsaSize(1024)),
        (public(RSA_PSS_ONLY), WrongKind),
        (public(P256_COMPRESSED), WrongEcForm),
        (public(P256_EXPLICIT), WrongEcForm),
        (public(P521), WrongEcForm),
        (public(X25519), WrongKind),
        (public(""), WrongKind),
        (public("AAAA"), WrongKind),
        (public(&zeros), WeakPoint),
        (public(&off_curve), NotOnCurve),
        (public(&ED25519.replace("J8I=", "J8IA")), Malformed),
        (public(&format!("{RSA}AAAA")), WrongKind),
    ] {
        let error = refused(&[public(P384), second].concat());
        assert_eq!(error, PublicKeysError::Key { number: 2, why }, "{error}");
    }
    for (jwk, why) in [
        (with(jwk.clone(), "use", json!("enc")), WrongUse),
        (with(jwk.clone(), "alg", json!("RS256")), WrongAlgorithm),
        (without(jwk.clone(), "x"), Malformed),
    ] {
        assert_eq!(refused(&jwk.to_string()), PublicKeysError::Key { number: 1, why });
    }
    let error = refused(&public(RSA_1024)).to_string();
    assert_eq!(error, "key 1 has 1024 bits: RSA keys need 2048 to 8192");
}

#[test]
fn five_different_keys_are_the_most() {
    let keys = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|number| {
                let key = AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap();
                key.public_jwk(&format!("k{number}"))
            })
            .collect()
    };
    let parse = |keys: &[Value]| PublicKeys::parse(&json!({ "keys": keys }).to_string());
    assert_eq!(parse(&keys(5)).unwrap().keys().len(), MAXIMUM_PUBLIC_KEYS);
    assert_eq!(parse(&keys(6)).unwrap_err(), PublicKeysError::TooMany(6));
    let mut twice = keys(2);
    twice[1]["kid"] = json!("k0");
    assert_eq!(parse(&twice).unwrap_err(), PublicKeysError::SameKid(2));
    assert_eq!(refused(&public(RSA).repeat(2)), PublicKeysError::SameKey(2));
    let both = [public(RSA), pem("RSA PUBLIC KEY", RSA_PKCS1)].concat();
    assert_eq!(refused(&both), PublicKeysError::SameKey(2));
}

/// Rotation: both keys verify, told apart by their thumbprints, or without any `kid`.
#[test]
fn a_client_without_kid_can_rotate_its_keys() {
    let (old, new) = (es256(), AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap());
    let keys = PublicKeys::parse(&[old.public_pem(), new.public_pem()].concat()).unwrap();
    for (key, signer) in keys.keys().iter().zip([old, &new]) {
        for header in [json!({ "alg": "ES256" }), json!({ "alg": "ES256", "kid": key.thumbprint() })] {
            let token = with_header(signer, &header.to_string());
            assert_eq!(verify(&token, &keys.key_set()), Ok(claims()));
        }
    }
}
