use super::*;
use crate::fixtures::{claims, fresh, other_verifies, pair, pairs};
use crate::jwt;
use serde_json::{Value, json};

#[test]
fn algorithms_are_read_in_any_case_and_the_error_lists_them() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::parse(algorithm.as_str()), Ok(algorithm));
        assert_eq!(Algorithm::parse(&algorithm.as_str().to_lowercase()), Ok(algorithm));
    }
    assert_eq!(Algorithm::parse(" eddsa\n"), Ok(Algorithm::EdDsa));
    assert_eq!(Algorithm::default(), Algorithm::Es256);
    for text in ["", "none", "HS256", "RS512", "ES256K"] {
        let message = Algorithm::parse(text).unwrap_err().to_string();
        assert!(Algorithm::ALL.iter().all(|known| message.contains(known.as_str())), "{message}");
    }
}

#[test]
fn another_library_verifies_our_tokens_from_our_jwks() {
    for pair in pairs() {
        let token = pair.key.sign(&claims()).unwrap();
        let read = other_verifies(&token, &pair.key.public_jwk()).unwrap();
        assert_eq!(read.claims, claims());
        assert_eq!(read.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(read.header.kid.as_deref(), Some(pair.key.kid()));
        let foreign = fresh(pair.key.algorithm());
        assert!(other_verifies(&token, &foreign.key.public_jwk()).is_err());
    }
}

#[test]
fn the_header_is_exactly_three_members() {
    for pair in pairs() {
        let token = pair.key.sign(&claims()).unwrap();
        let header: Value =
            serde_json::from_slice(&base64url::decode(token.split('.').next().unwrap()).unwrap()).unwrap();
        let expected = json!({"alg": pair.key.algorithm().as_str(), "typ": "at+jwt", "kid": pair.key.kid()});
        assert_eq!(header, expected);
    }
}

#[test]
fn an_id_token_verifies_elsewhere_and_is_no_access_token_here() {
    for pair in pairs() {
        let token = pair.key.sign_id_token(&claims()).unwrap();
        let read = other_verifies(&token, &pair.key.public_jwk()).unwrap();
        assert_eq!(
            (read.header.typ.as_deref(), read.header.kid.as_deref()),
            (Some("JWT"), Some(pair.key.kid()))
        );
        assert_eq!(read.claims, claims());
        let verified = jwt::verify::<Value>(&token, &pair.key.verifying_key());
        assert_eq!(verified, Err(crate::JwtError::WrongType));
    }
}

#[test]
fn a_key_comes_back_from_its_document() {
    for pair in pairs() {
        let algorithm = pair.key.algorithm();
        let read = SigningKey::from_pkcs8(algorithm, &pair.pkcs8).unwrap();
        assert_eq!(read.kid(), pair.key.kid());
        let token = read.sign(&claims()).unwrap();
        assert_eq!(jwt::verify::<Value>(&token, &pair.key.verifying_key()), Ok(claims()));
        for wrong in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let error = SigningKey::from_pkcs8(wrong, &pair.pkcs8).unwrap_err();
            assert_eq!(error, KeyError::PrivateKey(wrong));
        }
        let truncated = &pair.pkcs8[..pair.pkcs8.len() - 1];
        assert!(SigningKey::from_pkcs8(algorithm, truncated).is_err());
        assert!(SigningKey::from_pkcs8(algorithm, &[]).is_err());
    }
}

#[test]
fn a_key_of_another_curve_is_rejected() {
    let p384 = EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let document = p384.to_pkcs8v1().unwrap();
    assert!(SigningKey::from_pkcs8(Algorithm::Es256, document.as_ref()).is_err());
}

#[test]
fn two_keys_have_two_names_and_rsa_has_2048_bits() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        assert_ne!(fresh(algorithm).key.kid(), fresh(algorithm).key.kid());
    }
    let rsa = &pair(Algorithm::Rs256).key;
    let modulus = base64url::decode(rsa.public_jwk()["n"].as_str().unwrap()).unwrap();
    assert_eq!((modulus.len(), modulus[0] >> 7), (256, 1));
}

#[test]
fn only_objects_of_a_size_that_can_be_read_are_signed() {
    for pair in pairs() {
        for claims in [json!(null), json!([1]), json!("sub"), json!(1)] {
            assert!(matches!(pair.key.sign(&claims), Err(KeyError::Claims(_))), "{claims}");
        }
        let fits = (0..8192).rev().map(|length| json!({"s": "x".repeat(length)})).find_map(|claims| {
            let token = pair.key.sign(&claims).ok()?;
            Some((claims, token))
        });
        let (claims, token) = fits.unwrap();
        assert!((jwt::MAXIMUM_LENGTH - 2..=jwt::MAXIMUM_LENGTH).contains(&token.len()), "{}", token.len());
        assert_eq!(jwt::verify::<Value>(&token, &pair.key.verifying_key()), Ok(claims));
    }
}

#[test]
fn debug_and_messages_show_no_private_half() {
    for pair in pairs() {
        let (algorithm, kid) = (pair.key.algorithm(), pair.key.kid());
        let expected = format!("SigningKey({algorithm} {kid}, redacted)");
        assert_eq!(format!("{:?}", pair.key), expected);
        assert_eq!(format!("{:#?}", pair.key), expected);
        let error = SigningKey::from_pkcs8(algorithm, &pair.pkcs8[1..]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("this is not an unencrypted PKCS#8 private key for {algorithm}")
        );
    }
}

#[test]
fn keys_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<SigningKey>();
    shared::<VerifyingKey>();
    shared::<crate::master::MasterKey>();
}

#[test]
fn a_private_key_comes_back_from_its_pem_and_from_nothing_else() {
    for algorithm in Algorithm::ALL {
        let (key, document) = SigningKey::generate(algorithm).unwrap();
        let pem = private_key_pem(&document);
        assert!(pem.lines().all(|line| line.len() <= 64) && pem.ends_with("-----END PRIVATE KEY-----\n"));
        assert_eq!(SigningKey::from_pem(&pem).unwrap().kid(), key.kid());
        let refused = [
            String::new(),
            pem.replace("PRIVATE", "PUBLIC"),
            format!("{}{}", *pem, *pem),
            pem.replace("-----END", ""),
            pem.lines().take(2).collect::<Vec<_>>().join("\n"),
        ];
        for text in refused {
            assert_eq!(SigningKey::from_pem(&text).err(), Some(KeyError::Pem));
        }
    }
}
