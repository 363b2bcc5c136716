//! What a witness signs (C2SP tlog-cosignature, "Ed25519 signed message"): that at a time it has
//! seen no larger tree of this log that is consistent with all that it saw before.

use std::fmt;

use aws_lc_rs::pkcs8::Document;

use super::KeyError;
use super::key::{PublicKey, SignatureType, SigningKey};
use super::signed::{Verifier, signature_line};

const KIND: SignatureType = SignatureType::Cosignature;

/// When a cosignature was made, in Unix seconds: never 0, which the witness protocol forbids, and
/// no more than 2^63 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// `None` when the number is not one of a cosignature.
    #[must_use]
    pub const fn from_unix(seconds: u64) -> Option<Self> {
        if seconds == 0 || seconds > i64::MAX.unsigned_abs() {
            None
        } else {
            Some(Self(seconds))
        }
    }

    /// Unix time in seconds.
    #[must_use]
    pub const fn unix(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn message(text: &str, time: Timestamp) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The key of a witness. The signed message does not name the witness, so two witnesses never share
/// a key.
pub struct CosignatureSigner(SigningKey);

// By hand: the key pair must not reach a log.
impl fmt::Debug for CosignatureSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosignatureSigner")
            .field("name", &self.0.public().name())
            .finish_non_exhaustive()
    }
}

impl CosignatureSigner {
    /// A witness with a new key pair. `name` is by custom a host without scheme, such as
    /// `witness.example.com/w1`.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        SigningKey::generate(name, KIND).map(Self)
    }

    /// A witness from a stored key pair.
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8(name, KIND, pkcs8).map(Self)
    }

    /// The key pair for storage; the document wipes itself when dropped.
    pub fn to_pkcs8(&self) -> Result<Document, KeyError> {
        self.0.to_pkcs8()
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> CosignatureVerifier {
        CosignatureVerifier(self.0.public().clone())
    }

    /// The signature line for the text of a note, with its end. Whoever asks for it has checked what
    /// a witness checks: see [`Witness`](crate::witness::Witness).
    #[must_use]
    pub fn cosign(&self, text: &str, time: Timestamp) -> String {
        let signature = self.0.sign(message(text, time).as_bytes());
        let blob = [time.unix().to_be_bytes().as_slice(), &signature].concat();
        signature_line(self.0.public(), &blob)
    }
}

/// Verifies the cosignatures of one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignatureVerifier(PublicKey);

impl CosignatureVerifier {
    /// Reads `name+hexid+base64(0x04 || key)`.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        PublicKey::from_text(text, KIND).map(Self)
    }

    /// The verifier key text.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.to_text()
    }

    /// The witness's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Whether both are the same key, whatever their names.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.0.is_same_key(&other.0)
    }
}

impl Verifier for CosignatureVerifier {
    type Evidence = Timestamp;

    fn name(&self) -> &str {
        self.0.name()
    }

    fn id(&self) -> [u8; 4] {
        self.0.id()
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Option<Timestamp> {
        let (seconds, signature) = signature.split_first_chunk::<8>()?;
        let time = Timestamp::from_unix(u64::from_be_bytes(*seconds))?;
        let message = message(text, time);
        let good = self.0.verify(message.as_bytes(), signature);
        good.then_some(time)
    }
}
