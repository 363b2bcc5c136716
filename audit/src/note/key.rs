//! Keys of checkpoints: Ed25519, signature type 0x01 (C2SP signed-note, "Signature types").

use std::fmt;

use aws_lc_rs::pkcs8::Document;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::signed::{self, is_key_name};
use super::{Checkpoint, CheckpointError, NoteError};

const TYPE_ED25519: u8 = 0x01;

/// Why a key is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Empty, or with white space or a plus sign.
    #[error("a key name has no white space and no plus sign and is not empty")]
    Name,
    /// Not `name+hexid+base64`, or of another type than Ed25519.
    #[error("not an ed25519 verifier key of the form name+id+base64")]
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

/// Name of the log of a zone: the checkpoint's origin, and the name of the key that signs it
/// (C2SP tlog-checkpoint wants them equal).
fn log_name(base: &str, zone: &str) -> String {
    format!("{base}/{zone}")
}

fn key_id(name: &str, public: &[u8]) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', TYPE_ED25519])
        .chain_update(public);
    let [a, b, c, d, ..]: [u8; 32] = digest.finalize().into();
    [a, b, c, d]
}

/// Signs the checkpoints of one ledger. One key pair serves all of its zones, under the name
/// `<name>/<zone>` for each, so a note for one zone never passes for another's.
pub struct CheckpointSigner {
    name: String,
    pair: Ed25519KeyPair,
}

// By hand: the key pair must not reach a log.
impl fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointSigner")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl CheckpointSigner {
    /// A signer with a new key pair. `name` is by custom a host without scheme, such as
    /// `audit.example.com/log`.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        Self::new(
            name,
            Ed25519KeyPair::generate().map_err(|_| KeyError::Library)?,
        )
    }

    /// A signer from a stored key pair.
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Self, KeyError> {
        Self::new(
            name,
            Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Pkcs8)?,
        )
    }

    fn new(name: &str, pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            pair,
        })
    }

    /// The key pair for storage; the document wipes itself when dropped.
    pub fn to_pkcs8(&self) -> Result<Document, KeyError> {
        self.pair.to_pkcs8().map_err(|_| KeyError::Library)
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> CheckpointVerifier {
        CheckpointVerifier {
            name: self.name.clone(),
            public: self.pair.public_key().as_ref().to_vec(),
        }
    }

    /// Origin of a zone's log.
    #[must_use]
    pub fn origin(&self, zone: &str) -> String {
        log_name(&self.name, zone)
    }

    /// Signs a checkpoint. Its origin names the key.
    #[must_use]
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.to_text();
        let id = key_id(&checkpoint.origin, self.pair.public_key().as_ref());
        let signature = self.pair.sign(text.as_bytes());
        signed::seal(&text, &checkpoint.origin, id, signature.as_ref())
    }
}

/// Verifies checkpoints with a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointVerifier {
    name: String,
    public: Vec<u8>,
}

impl CheckpointVerifier {
    /// Reads `name+hexid+base64(type || key)`.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        // The base64 part may hold plus signs, the name may not: split from the left.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(blob)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::VerifierText);
        };
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let blob = STANDARD.decode(blob).map_err(|_| KeyError::VerifierText)?;
        let public = match blob.split_first() {
            Some((&TYPE_ED25519, public)) if public.len() == 32 => public.to_vec(),
            _ => return Err(KeyError::VerifierText),
        };
        let verifier = Self {
            name: name.to_owned(),
            public,
        };
        if verifier.hex_id() == id {
            Ok(verifier)
        } else {
            Err(KeyError::KeyId)
        }
    }

    /// The same key under the name of a zone's log: what other tools need to verify that log.
    #[must_use]
    pub fn for_zone(&self, zone: &str) -> Self {
        Self {
            name: log_name(&self.name, zone),
            public: self.public.clone(),
        }
    }

    /// The zone that an origin names under this key, if it does.
    #[must_use]
    pub fn zone_of<'a>(&self, origin: &'a str) -> Option<&'a str> {
        origin.strip_prefix(&self.name)?.strip_prefix('/')
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The verifier key text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let blob = STANDARD.encode([&[TYPE_ED25519], self.public.as_slice()].concat());
        format!("{}+{}+{blob}", self.name, self.hex_id())
    }

    /// The text of a note that this key signed.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        signed::open(note, self)
    }

    /// The checkpoint in a note that this key signed under the origin that the checkpoint names.
    pub fn open_checkpoint(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::from_text(self.open(note)?)?;
        if checkpoint.origin == self.name {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin(checkpoint.origin))
        }
    }

    pub(super) fn key_id(&self) -> [u8; 4] {
        key_id(&self.name, &self.public)
    }

    pub(super) fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(message, signature)
            .is_ok()
    }

    fn hex_id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.key_id()))
    }
}
