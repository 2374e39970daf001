//! An authenticator of its own make, as strangers build them: the bytes of Web Authentication Level 3 written out, with nothing of
//! the library that checks them.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use jose::{base64url, sha256};
use serde_json::{Value, json};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// One credential on one device.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    pub(crate) counter: u32,
    pub(crate) verifies: bool,
    /// Where the browser says that it is.
    pub(crate) origin: String,
    /// Whom the device takes for its owner, in base64url.
    pub(crate) handle: String,
}

impl Authenticator {
    pub(crate) fn new(id: &[u8]) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let (origin, handle) = (super::VIEWPORT_URL.to_owned(), String::new());
        Self { key, id: id.to_vec(), counter: 1, verifies: true, origin, handle }
    }

    /// `navigator.credentials.create`
    pub(crate) fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        options["user"]["id"].as_str().unwrap().clone_into(&mut self.handle);
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        let point = self.key.public_key().as_ref();
        // COSE_Key: kty EC2, alg ES256, crv P-256, x, y.
        data.extend([0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        // { "fmt": "none", "attStmt": {}, "authData": … }
        let mut object = vec![0xA3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xA0\x68authData\x59");
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        let client = self.client_data("webauthn.create", &options);
        self.answer(&json!({
            "attestationObject": base64url::encode(&object),
            "clientDataJSON": base64url::encode(client.as_bytes()),
        }))
    }

    /// `navigator.credentials.get`
    pub(crate) fn get(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        self.counter += 1;
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let client = self.client_data("webauthn.get", &options);
        let signed = [data.as_slice(), &sha256(client.as_bytes())].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        self.answer(&json!({
            "authenticatorData": base64url::encode(&data),
            "clientDataJSON": base64url::encode(client.as_bytes()),
            "signature": base64url::encode(signature.as_ref()),
            "userHandle": self.handle,
        }))
    }

    fn data(&self, rp_id: &str, more: u8) -> Vec<u8> {
        let mut data = sha256(rp_id.as_bytes()).to_vec();
        data.push(PRESENT | more | if self.verifies { VERIFIED } else { 0 });
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false })
            .to_string()
    }

    fn answer(&self, response: &Value) -> String {
        let id = base64url::encode(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }
}
