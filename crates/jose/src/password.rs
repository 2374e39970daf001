//! A person's password: Argon2id (RFC 9106), kept as a PHC string that names its own parameters.
//!
//! Every call costs about 20 ms of CPU and 19 MiB: call it in `spawn_blocking`, behind a semaphore.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash,
};

/// 19 MiB, two passes, one lane: OWASP's first recommendation for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash could not be computed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct PasswordError(#[from] password_hash::Error);

/// The PHC string of `password` (`$argon2id$v=19$m=19456,t=2,p=1$…`). `salt` is 16 random bytes, new for every password.
///
/// # Errors
/// No memory for the computation, or a password of more than 4 GiB.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, PasswordError> {
    Ok(hasher()?.hash_password_with_salt(password.as_bytes(), &salt)?.to_string())
}

/// Whether `password` is the one that `phc` was made of, with the parameters that `phc` names. A string
/// that is no Argon2id hash matches nothing.
pub fn verify(password: &str, phc: &str) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else { return false };
    let is_argon2id = hash.algorithm.as_str() == Algorithm::Argon2id.as_str();
    is_argon2id && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Spends the time of [`verify`] on nobody: the answer for an unknown person then takes as long as for a known one.
pub fn verify_nobody(password: &str) {
    std::hint::black_box(hash(password, [0; 16]).is_ok());
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| password_hash::Error::ParamsInvalid)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recognised_and_no_other() {
        let phc = hash("correct horse", [7; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify("correct horse", &phc));
        assert!(!verify("correct horsf", &phc));
        assert!(!verify("", &phc));
        assert_ne!(phc, hash("correct horse", [8; 16]).unwrap(), "the salt counts");
    }

    #[test]
    fn parameters_come_from_the_string_so_that_old_hashes_outlive_a_change() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let phc = weaker.hash_password_with_salt(b"old", &[1; 16]).unwrap().to_string();
        assert!(verify("old", &phc));
        assert!(!verify("new", &phc));
    }

    #[test]
    fn strings_that_are_no_argon2id_hash_match_nothing() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let other = Argon2::new(Algorithm::Argon2d, Version::V0x13, params);
        let argon2d = other.hash_password_with_salt(b"x", &[1; 16]).unwrap().to_string();
        for phc in ["", "x", "$argon2id$", "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA", &argon2d] {
            assert!(!verify("x", phc), "{phc}");
        }
        verify_nobody("x");
    }
}
