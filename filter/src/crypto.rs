//! ES256 without the host: the fallback, about eight times slower than the host's own function.

use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignatureVerifier};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};

/// Verifies with the p256 crate.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortableVerifier;

impl SignatureVerifier for PortableVerifier {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let Ok(key) = VerifyingKey::from_sec1_bytes(key.sec1()) else {
            return false;
        };
        let Ok(signature) = Signature::from_slice(signature) else {
            return false;
        };
        key.verify(message, &signature).is_ok()
    }
}

/// One signature that is known to be good, for trying a verifier before it is trusted.
///
/// The key is the one of RFC 7515 Appendix A.3, whose private half is public, so that the vector
/// can be made again by anyone.
pub mod known_answer {
    use super::{PublicKey, SignatureVerifier};

    /// RFC 7515 A.3.1: the key.
    const POINT: [u8; 65] = [
        4, 127, 205, 206, 39, 112, 246, 196, 93, 65, 131, 203, 238, 111, 219, 75, 123, 88, 7, 51,
        53, 123, 233, 239, 19, 186, 207, 110, 60, 123, 209, 84, 69, 199, 241, 68, 205, 27, 189,
        155, 126, 135, 44, 223, 237, 185, 238, 185, 244, 179, 105, 93, 110, 169, 11, 36, 173, 138,
        70, 35, 40, 133, 136, 229, 173,
    ];

    /// RFC 7515 A.3.1: the signing input.
    const MESSAGE: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    /// RFC 7515 A.3.1: r and s.
    const SIGNATURE: [u8; 64] = [
        14, 209, 33, 83, 121, 99, 108, 72, 60, 47, 127, 21, 88, 7, 212, 2, 163, 178, 40, 3, 58,
        249, 124, 126, 23, 129, 154, 195, 22, 158, 166, 101, 197, 10, 7, 211, 140, 60, 112, 229,
        216, 241, 45, 175, 8, 74, 84, 128, 166, 101, 144, 197, 242, 147, 80, 154, 143, 63, 127,
        138, 131, 163, 84, 213,
    ];

    /// Whether a verifier says yes to the good signature and no to a bad one and a bad message.
    #[must_use]
    pub fn holds(verifier: &dyn SignatureVerifier) -> bool {
        let Ok(key) = PublicKey::from_sec1(&POINT) else {
            return false;
        };
        let mut forged = SIGNATURE;
        if let Some(last) = forged.last_mut() {
            *last ^= 1;
        }
        verifier.verify(&key, MESSAGE, &SIGNATURE)
            && !verifier.verify(&key, MESSAGE, &forged)
            && !verifier.verify(&key, b"another message", &SIGNATURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_verifier_knows_the_answer() {
        assert!(known_answer::holds(&PortableVerifier));
    }

    #[test]
    fn a_host_that_always_says_yes_is_found_out() {
        struct Yes;
        impl SignatureVerifier for Yes {
            fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8; SIGNATURE_BYTES]) -> bool {
                true
            }
        }
        assert!(!known_answer::holds(&Yes));
    }

    #[test]
    fn a_point_off_the_curve_verifies_nothing() {
        let key = PublicKey::from_sec1(&[4; 65]).unwrap();
        assert!(!PortableVerifier.verify(&key, b"m", &[1; 64]));
    }
}
