//! Ed25519 keys of notes and their text form (C2SP signed-note, "Verifier keys").

use aws_lc_rs::pkcs8::Document;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::signed::is_key_name;

/// Why a key is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Empty, or with white space or a plus sign.
    #[error("a key name has no white space and no plus sign and is not empty")]
    Name,
    /// Not `name+hexid+base64`, or of another signature type than is wanted here.
    #[error("not an ed25519 verifier key of the form name+id+base64, of the type for this use")]
    VerifierText,
    /// The id is not that of the name and the key.
    #[error("the verifier key's id does not belong to its name and key")]
    KeyId,
    /// Not PKCS#8 of an Ed25519 key pair.
    #[error("not the pkcs#8 form of an ed25519 key pair")]
    Pkcs8,
    /// No randomness, or no memory.
    #[error("the cryptographic library could not do its work")]
    Library,
}

/// What a signature says (C2SP signed-note, "Signature types"). Part of the key's id, so a key of
/// one type never stands for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum SignatureType {
    /// Of whoever wrote the text.
    Ed25519 = 0x01,
    /// Of a witness, with the time (C2SP tlog-cosignature).
    Cosignature = 0x04,
}

/// A public key under a name, for one type of signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    name: String,
    kind: SignatureType,
    bytes: [u8; 32],
}

impl PublicKey {
    /// Reads `name+hexid+base64(type || key)`, of this type alone.
    pub(super) fn from_text(text: &str, kind: SignatureType) -> Result<Self, KeyError> {
        // The base64 part may hold plus signs, the name may not: split from the left.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(blob)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::VerifierText);
        };
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let blob = STANDARD.decode(blob).map_err(|_| KeyError::VerifierText)?;
        let bytes = match blob.split_first() {
            Some((first, bytes)) if *first == kind as u8 => bytes.try_into().ok(),
            _ => None,
        };
        let key = Self {
            name: name.to_owned(),
            kind,
            bytes: bytes.ok_or(KeyError::VerifierText)?,
        };
        if key.hex_id() == id {
            Ok(key)
        } else {
            Err(KeyError::KeyId)
        }
    }

    /// The verifier key text.
    pub(super) fn to_text(&self) -> String {
        let blob = STANDARD.encode([&[self.kind as u8], self.bytes.as_slice()].concat());
        format!("{}+{}+{blob}", self.name, self.hex_id())
    }

    /// The same key under another name.
    pub(super) fn named(&self, name: String) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Which signature lines are this key's, beside the name.
    pub(super) fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind as u8])
            .chain_update(self.bytes);
        let [a, b, c, d, ..]: [u8; 32] = digest.finalize().into();
        [a, b, c, d]
    }

    /// Whether both are the same key, whatever their names (C2SP tlog-policy, "Public key
    /// representation").
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes)
            .verify(message, signature)
            .is_ok()
    }

    fn hex_id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }
}

/// A key pair. It has no `Debug`: a private key must not reach a log.
pub(super) struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    pub(super) fn generate(name: &str, kind: SignatureType) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Library)?;
        Self::new(name, kind, pair)
    }

    pub(super) fn from_pkcs8(
        name: &str,
        kind: SignatureType,
        pkcs8: &[u8],
    ) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Pkcs8)?;
        Self::new(name, kind, pair)
    }

    fn new(name: &str, kind: SignatureType, pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let bytes = pair.public_key().as_ref();
        let public = PublicKey {
            name: name.to_owned(),
            kind,
            bytes: bytes.try_into().map_err(|_| KeyError::Library)?,
        };
        Ok(Self { pair, public })
    }

    /// The key pair for storage; the document wipes itself when dropped.
    pub(super) fn to_pkcs8(&self) -> Result<Document, KeyError> {
        self.pair.to_pkcs8().map_err(|_| KeyError::Library)
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}
