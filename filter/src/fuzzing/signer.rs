//! The key of a zone whose mandates the laws are tried on. Its signatures are deterministic (RFC
//! 6979), so what it has signed can be told from what it has not.

use caracal_mandate::key::{
    KeySet, PublicKey, SIGNATURE_BYTES, SignError, SignatureVerifier, Signer,
};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

/// The zone's private and public key.
pub(super) struct ZoneKey {
    private: SigningKey,
    public: PublicKey,
}

impl ZoneKey {
    pub(super) fn new() -> Option<Self> {
        let private = SigningKey::from_slice(&[7; 32]).ok()?;
        let point = private.verifying_key().to_sec1_point(false);
        let public = PublicKey::from_sec1(point.as_bytes()).ok()?;
        Some(Self { private, public })
    }

    pub(super) fn keys(&self) -> KeySet {
        let mut keys = KeySet::default();
        keys.insert(self.public.clone());
        keys
    }
}

impl Signer for ZoneKey {
    fn kid(&self) -> &str {
        self.public.kid()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError> {
        let signature: Signature = self.private.sign(message);
        Ok(signature.to_bytes().into())
    }
}

/// Takes every signature, so that what is behind it is reached.
pub(super) struct Credulous;

impl SignatureVerifier for Credulous {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8; SIGNATURE_BYTES]) -> bool {
        true
    }
}

/// Base64url without padding (RFC 4648 §5).
pub(super) fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let padded = chunk.iter().chain([&0, &0]).take(3);
        let group = padded.fold(0_usize, |group, byte| (group << 8) | usize::from(*byte));
        for place in 0..=chunk.len() {
            let digit = (group >> (18 - 6 * place)) & 63;
            text.extend(ALPHABET.get(digit).map(|byte| char::from(*byte)));
        }
    }
    text
}
