//! What the tests share: a key pair of each algorithm, and shorthands.

mod attacks;
mod key_sets;
mod pasted_keys;
mod signatures;

use super::*;
use serde_json::json;
use std::sync::LazyLock;

const ALL: &[AssertionAlgorithm] = &AssertionAlgorithm::ALL;

static SIGNERS: LazyLock<[AssertionSigner; 5]> =
    LazyLock::new(|| AssertionAlgorithm::ALL.map(|algorithm| AssertionSigner::generate(algorithm).unwrap()));

fn signer(algorithm: AssertionAlgorithm) -> &'static AssertionSigner {
    SIGNERS.iter().find(|signer| signer.algorithm() == algorithm).unwrap()
}

fn es256() -> &'static AssertionSigner {
    signer(AssertionAlgorithm::Es256)
}

fn claims() -> Value {
    json!({ "iss": "https://issuer.example", "sub": "repo:acme/shop", "aud": "https://duku.example" })
}

/// A token with any header, validly signed.
fn with_header(signer: &AssertionSigner, header: &str) -> String {
    signer.sign(header.as_bytes(), claims().to_string().as_bytes()).unwrap()
}

fn set_of(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

/// The set of one signer's key, called `k`.
fn set(signer: &AssertionSigner) -> KeySet {
    set_of(&[signer.public_jwk("k")]).unwrap()
}

fn verify(token: &str, keys: &KeySet) -> Result<Value, AssertionError> {
    let payload = Assertion::parse(token)?.verify(keys, ALL)?;
    Ok(serde_json::from_slice(&payload).unwrap())
}

fn without(mut jwk: Value, name: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}
