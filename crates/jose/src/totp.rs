//! Time-based one-time passwords (RFC 6238 over HOTP, RFC 4226): HMAC-SHA-1, six digits, steps of 30
//! seconds, which is what every authenticator app understands.

use crate::base32;
use aws_lc_rs::{constant_time, hmac};
use domain::{Entropy, Timestamp, entropy};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The length of a step, in seconds (RFC 6238 §4.1, `X`).
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
/// How many steps a phone's clock may be off, either way (RFC 6238 §5.2 and §6).
const WINDOW: i64 = 1;

/// A person's shared secret: 160 random bits, the length that RFC 4226 §4 recommends.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TotpSecret([u8; Self::LENGTH]);

impl TotpSecret {
    /// The length of a secret, in bytes.
    pub const LENGTH: usize = 20;

    /// Makes a new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(entropy::random(entropy))
    }

    /// The secret that storage holds, after it was unsealed; nothing if it has another length than 20 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The secret itself: only to be sealed.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as authenticator apps take it by hand (RFC 4648 §6, 32 characters, no padding): only for
    /// the one page that shows it.
    pub fn base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(Self::LENGTH * 8 / 5));
        base32::append(&mut text, &self.0, base32::RFC_4648);
        text
    }

    /// What the QR code says: `otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=ISSUER&…` (Google
    /// Authenticator's key URI format). It holds the secret.
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account, secret) = (percent_encoded(issuer), percent_encoded(account), self.base32());
        let mut uri = Zeroizing::new(String::with_capacity(128 + 2 * issuer.len() + account.len()));
        for part in [
            "otpauth://totp/",
            &issuer,
            ":",
            &account,
            "?secret=",
            &secret,
            "&issuer=",
            &issuer,
            "&algorithm=SHA1&digits=6&period=30",
        ] {
            uri.push_str(part);
        }
        uri
    }

    /// Checks what a person typed. A code of the current step counts, and of the one before and after.
    /// Spaces in it do not matter. A step counts once (RFC 6238 §5.2): only one after `last_step` does.
    ///
    /// Answers with the step that was accepted, to be kept as the next `last_step` by a guarded statement.
    pub fn verify(&self, code: &str, now: Timestamp, last_step: Option<i64>) -> Option<i64> {
        let typed: Zeroizing<String> = Zeroizing::new(code.chars().filter(|c| !c.is_whitespace()).collect());
        let current = step_at(now);
        // Every step is computed and compared, so the time does not tell which one it was.
        (current - WINDOW..=current + WINDOW).fold(None, |accepted, step| {
            let code = self.code_of(step);
            let same = constant_time::verify_slices_are_equal(typed.as_bytes(), code.as_bytes()).is_ok();
            let fresh = step >= 0 && last_step.is_none_or(|last| step > last);
            if same && fresh { accepted.or(Some(step)) } else { accepted }
        })
    }

    /// The code that an authenticator shows at `now`: for tests and tools.
    pub fn code_at(&self, now: Timestamp) -> String {
        self.code_of(step_at(now)).as_str().to_owned()
    }

    /// HOTP of RFC 4226 §5.3 with the step as the counter.
    fn code_of(&self, step: i64) -> Zeroizing<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
        let window = tag.iter().skip(offset).take(4);
        let number = window.fold(0u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
        Zeroizing::new(format!("{:0DIGITS$}", number % 1_000_000))
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(redacted)")
    }
}

const fn step_at(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP_SECONDS)
}

/// Percent-encodes all but the unreserved characters of RFC 3986 §2.3.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&crate::hex(&[byte]).to_ascii_uppercase());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Counting;
    use proptest::prelude::*;

    fn of_the_rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn rfc_6238_appendix_b_last_six_digits() {
        for (seconds, eight_digits) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(of_the_rfc().code_at(at(seconds)), eight_digits[2..]);
        }
    }

    #[test]
    fn rfc_4226_appendix_d() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(of_the_rfc().code_of(step).as_str(), code);
        }
    }

    #[test]
    fn spaces_do_not_matter_and_all_else_does() {
        let (secret, now) = (of_the_rfc(), at(59));
        assert_eq!(secret.verify(" 287 082 ", now, None), Some(1));
        for wrong in ["", "287083", "28708", "2870820", "94287082", "２８７０８２", "287-082", "287082\0"]
        {
            assert_eq!(secret.verify(wrong, now, None), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_uri_is_encoded_and_the_secret_is_not_shown_by_accident() {
        let secret = of_the_rfc();
        assert_eq!(
            *secret.otpauth_uri("Duku & Søn", "ada+1@example.org"),
            "otpauth://totp/Duku%20%26%20S%C3%B8n:ada%2B1%40example.org\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Duku%20%26%20S%C3%B8n\
             &algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{secret:?}"), "TotpSecret(redacted)");
        assert_eq!(TotpSecret::from_bytes(&[0; 19]), None);
        assert_ne!(TotpSecret::generate(&Counting::new()), secret);
    }

    proptest! {
        #[test]
        fn a_code_is_good_for_its_step_and_one_either_way(bytes: [u8; 20], seconds in 90i64..20_000_000_000) {
            let secret = TotpSecret::from_bytes(&bytes).unwrap();
            let (code, step) = (secret.code_at(at(seconds)), seconds / 30);
            prop_assert_eq!(code.len(), 6);
            for shift in [-30, 0, 30] {
                // Neighbouring steps may share a code once in a million; then either is a right answer.
                let accepted = secret.verify(&code, at(seconds + shift), None).unwrap();
                prop_assert_eq!(&*secret.code_of(accepted), &code);
            }
            prop_assert!(secret.verify(&code, at(seconds + 60), None).is_none_or(|other| other != step));
            prop_assert!(secret.verify(&code, at(seconds - 60), None).is_none_or(|other| other != step));
        }

        #[test]
        fn a_code_is_good_once(bytes: [u8; 20], seconds in 90i64..20_000_000_000) {
            let secret = TotpSecret::from_bytes(&bytes).unwrap();
            let code = secret.code_at(at(seconds));
            let mut last = secret.verify(&code, at(seconds), None);
            while let Some(step) = last {
                let next = secret.verify(&code, at(seconds), Some(step));
                prop_assert!(next.is_none_or(|next| next > step));
                last = next;
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,40}", seconds: i64) {
            let _ = of_the_rfc().verify(&text, Timestamp::from_ms(seconds), Some(i64::MAX));
        }
    }
}
