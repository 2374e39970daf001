//! Signatures that others made, and which key is taken.

use super::*;
use jsonwebtoken as other;

/// The RFCs' examples, and tokens that OpenSSL 3.0 signed for algorithms of which the RFCs have none.
#[test]
fn signatures_of_the_rfcs_and_of_openssl() {
    let rfc_7515_a2 = (
        json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" }),
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
    let rfc_7515_a3 = (
        json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }),
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
    let rfc_8037_a4 = (
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
    for (jwk, token) in [rfc_7515_a2, rfc_7515_a3, rfc_8037_a4] {
        let keys = set_of(&[jwk]).unwrap();
        let payload = Assertion::parse(token).unwrap().verify(&keys, ALL).unwrap();
        assert!(payload.starts_with(b"{\"iss\":\"joe\"") || payload == b"Example of Ed25519 signing");
    }
    let keys = pasted_keys::openssl_keys();
    for token in [
        "eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJqb2UifQ.LUEFB_Qq-sq7Do8io9IB9i3mJAGQVjHI01ppI4Y19P0V_9Vx2qlMNOKI7IgWZM38VPTzW07Me2bMboYAU-_ONJGS2Eoy6rk9smfa9Bwi8CbrBr6nsYHKryrOhMMf-uSH",
        "eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJqb2UifQ.ovxe6JYnaXgQv-U6Dk7T_DAw3zZFZjeI5nQUtZ51kKPh0j6vEPYwKJHdypGD5F6ZgHBk41kItn0bDJMsMWm1XVvuMo-U7urwp4kZsoSD0FLOjNXG6kgw92Xs7LCe3lFZDw0pWsIKRYN5LNT8LZJMmT6Ufhe96k9vtlaTejEWbOTA3pEo3dHBBU1FdIapvViCnFlzo9HUgi9AYbGEDkuQ6CAEd635_gknaCfK15fiTu8Tyvq7ew8FMKtY3jiyNaQqVSpIuL83SDCm8OI5pMTCAV-vxfQ7B6GcX8BHAT8LiEFCZowQVfbJNxjm8Zo6HtFxrPTAt3S3Bv0Tko0le5Hupw",
    ] {
        assert_eq!(verify(token, &keys), Ok(json!({ "iss": "joe" })));
    }
    // The same, with a salt of 20 bytes instead of 32 (RFC 7518 §3.5).
    let salt_20 = "eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJqb2UifQ.BjaBp_eZ_RWIuoVUKd7dPVJxjslUchcyHuCx2YIJlyQRb6-hIcG8LO7AUBaovzevii3AD3th-Se1C-Ik75kK02af5p9cs2XYtb9TFl-VGyqdkK8cF4t5BEVicPNgKe4gwzGPyc2JWbmWIF2tsE7R_bOHbiCxecQqoB7HW64XSCoXsFbXPNMYwfGPvF8iPB3EiumAKir2EDCmPI9pKq8KCyAwEKTm60vWBXOCDLgFtCVVy3hyqrn68DP12Gk_Cgemvy4Ay5i1xvtrTu_GASKRt2VbZbd865CFcnvLuq_xqFjhggfUvxHTCXn9hqHXTFWzkfnSGfzrMw-MvsGylwRR9w";
    assert_eq!(verify(salt_20, &keys), Err(AssertionError::BadSignature));
}

#[test]
fn what_we_sign_verifies_here_and_in_another_library() {
    for signer in SIGNERS.iter() {
        let token = signer.sign_claims("k", &claims()).unwrap();
        assert_eq!(verify(&token, &set(signer)), Ok(claims()), "{signer:?}");
        let jwk: other::jwk::Jwk = serde_json::from_value(signer.public_jwk("k")).unwrap();
        let mut validation = other::Validation::new(signer.algorithm().as_str().parse().unwrap());
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let key = other::DecodingKey::from_jwk(&jwk).unwrap();
        assert_eq!(other::decode::<Value>(&token, &key, &validation).unwrap().claims, claims());
    }
}

#[test]
fn the_header_that_github_sends_is_accepted() {
    let header =
        r#"{"typ":"JWT","alg":"ES256","x5t":"k","kid":"k","cty":"JWT","x5t#S256":"k","new":{"a":[1]}}"#;
    let token = with_header(es256(), header);
    assert_eq!(verify(&token, &set(es256())), Ok(claims()));
    let assertion = Assertion::parse(&token).unwrap();
    assert_eq!((assertion.kid(), assertion.typ()), (Some("k"), Some("JWT")));
    assert!(assertion.claims_issuer("https://issuer.example"));
    assert!(!assertion.claims_issuer("https://issuer.example/"));
}

#[test]
fn types_are_compared_without_case_and_prefix() {
    for (typ, fits) in [
        (r#","typ":"JWT""#, true),
        (r#","typ":"jwt""#, true),
        ("", true),
        (r#","typ":"client-authentication+jwt""#, true),
        (r#","typ":"Application/Client-Authentication+JWT""#, true),
        (r#","typ":"at+jwt""#, false),
        (r#","typ":"application/at+jwt""#, false),
        (r#","typ":"""#, false),
        (r#","typ":"JWT ""#, false),
        (r#","typ":"ĳapplication/jwt""#, false),
    ] {
        let token = with_header(es256(), &format!(r#"{{"alg":"ES256"{typ}}}"#));
        let assertion = Assertion::parse(&token).unwrap();
        assert_eq!(assertion.require_type(&CLIENT_ASSERTION_TYPES).is_ok(), fits, "{typ}");
        assert_eq!(assertion.has_type("at+jwt"), typ.contains("at+jwt"));
        assert_eq!(assertion.require_type(&[]), Err(AssertionError::WrongType));
    }
}

#[test]
fn the_kid_picks_the_key() {
    let (ours, foreign) = (es256(), AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap());
    let keys = set_of(&[foreign.public_jwk("old"), ours.public_jwk("new")]).unwrap();
    let outcome = |kid| verify(&ours.sign_claims(kid, &claims()).unwrap(), &keys);
    assert_eq!(outcome("new"), Ok(claims()));
    assert_eq!(outcome("old"), Err(AssertionError::BadSignature));
    assert_eq!(outcome("NEW"), Err(AssertionError::UnknownKey));
    let rsa = signer(AssertionAlgorithm::Rs256).sign_claims("new", &claims()).unwrap();
    assert_eq!(verify(&rsa, &keys), Err(AssertionError::WrongAlgorithm));
    // A key without a name is not meant by a token that names one.
    let nameless = set_of(&[without(ours.public_jwk("k"), "kid")]).unwrap();
    assert_eq!(
        verify(&ours.sign_claims("k", &claims()).unwrap(), &nameless),
        Err(AssertionError::UnknownKey)
    );
}

#[test]
fn two_keys_with_one_kid_are_told_apart_by_their_algorithm_alone() {
    let (ours, foreign) = (es256(), AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap());
    let token = ours.sign_claims("k", &claims()).unwrap();
    let rsa = signer(AssertionAlgorithm::Rs256);
    let keys = set_of(&[rsa.public_jwk("k"), ours.public_jwk("k")]).unwrap();
    assert_eq!(verify(&token, &keys), Ok(claims()));
    assert_eq!(verify(&rsa.sign_claims("k", &claims()).unwrap(), &keys), Ok(claims()));
    for keys in [[&foreign, ours], [ours, &foreign]] {
        let keys = set_of(&keys.map(|key| key.public_jwk("k"))).unwrap();
        assert_eq!(verify(&token, &keys), Err(AssertionError::AmbiguousKey));
    }
    // The same key twice is one key.
    let twice = [ours.public_jwk("k"), without(ours.public_jwk("k"), "alg")];
    assert_eq!(verify(&token, &set_of(&twice).unwrap()), Ok(claims()));
}

#[test]
fn without_kid_up_to_five_keys_are_tried() {
    let mut jwks: Vec<Value> = (0..4)
        .map(|number| {
            let key = AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap();
            key.public_jwk(&number.to_string())
        })
        .collect();
    jwks.push(signer(AssertionAlgorithm::Rs256).public_jwk("rsa"));
    let token = with_header(es256(), r#"{"alg":"ES256"}"#);
    assert_eq!(verify(&token, &set_of(&jwks).unwrap()), Err(AssertionError::BadSignature));
    jwks.push(es256().public_jwk("k"));
    assert_eq!(verify(&token, &set_of(&jwks).unwrap()), Ok(claims()));
    jwks.push(AssertionSigner::generate(AssertionAlgorithm::Es256).unwrap().public_jwk("sixth"));
    assert_eq!(verify(&token, &set_of(&jwks).unwrap()), Err(AssertionError::AmbiguousKey));
    let only_rsa = set(signer(AssertionAlgorithm::Rs256));
    assert_eq!(verify(&token, &only_rsa), Err(AssertionError::NoFittingKey));
}
