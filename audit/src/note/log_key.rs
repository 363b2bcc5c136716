//! The keys of a ledger: they sign and verify checkpoints.

use std::fmt;

use aws_lc_rs::pkcs8::Document;

use super::key::{PublicKey, SignatureType, SigningKey};
use super::signed::{Note, Verifier, signature_line};
use super::{Checkpoint, CheckpointError, KeyError, NoteError};

const KIND: SignatureType = SignatureType::Ed25519;

/// Name of the log of a zone: the checkpoint's origin, and the name of the key that signs it
/// (C2SP tlog-checkpoint wants them equal).
fn log_name(base: &str, zone: &str) -> String {
    format!("{base}/{zone}")
}

/// Signs the checkpoints of one ledger. One key pair serves all of its zones, under the name
/// `<name>/<zone>` for each, so a note for one zone never passes for another's.
pub struct CheckpointSigner(SigningKey);

// By hand: the key pair must not reach a log.
impl fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointSigner")
            .field("name", &self.0.public().name())
            .finish_non_exhaustive()
    }
}

impl CheckpointSigner {
    /// A signer with a new key pair. `name` is by custom a host without scheme, such as
    /// `audit.example.com/log`.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        SigningKey::generate(name, KIND).map(Self)
    }

    /// A signer from a stored key pair.
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8(name, KIND, pkcs8).map(Self)
    }

    /// The key pair for storage; the document wipes itself when dropped.
    pub fn to_pkcs8(&self) -> Result<Document, KeyError> {
        self.0.to_pkcs8()
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> CheckpointVerifier {
        CheckpointVerifier(self.0.public().clone())
    }

    /// Origin of a zone's log.
    #[must_use]
    pub fn origin(&self, zone: &str) -> String {
        log_name(self.0.public().name(), zone)
    }

    /// Signs a checkpoint. Its origin names the key.
    #[must_use]
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.to_text();
        let key = self.0.public().named(checkpoint.origin.clone());
        let line = signature_line(&key, &self.0.sign(text.as_bytes()));
        format!("{text}\n{line}")
    }
}

/// Verifies checkpoints with a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointVerifier(PublicKey);

impl CheckpointVerifier {
    /// Reads `name+hexid+base64(type || key)`.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        PublicKey::from_text(text, KIND).map(Self)
    }

    /// The same key under the name of a zone's log: what other tools need to verify that log.
    #[must_use]
    pub fn for_zone(&self, zone: &str) -> Self {
        Self(self.0.named(log_name(self.name(), zone)))
    }

    /// The zone that an origin names under this key, if it does.
    #[must_use]
    pub fn zone_of<'a>(&self, origin: &'a str) -> Option<&'a str> {
        origin.strip_prefix(self.name())?.strip_prefix('/')
    }

    /// The key under the name of the log that has this origin: this key itself, or, where it is that of a
    /// whole ledger, the same one of a zone's log. `None` where the origin is neither's.
    #[must_use]
    pub fn for_origin(&self, origin: &str) -> Option<Self> {
        if origin == self.name() {
            return Some(self.clone());
        }
        let zone = self.zone_of(origin).filter(|zone| !zone.is_empty())?;
        Some(self.for_zone(zone))
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The verifier key text.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.to_text()
    }

    /// Whether both are the same key, whatever their names.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.0.is_same_key(&other.0)
    }

    /// The text of a note that this key signed.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let note = Note::parse(note)?;
        note.require(self)?;
        Ok(note.text())
    }

    /// The checkpoint in a note that this key signed under the origin that the checkpoint names.
    pub fn open_checkpoint(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::from_text(self.open(note)?)?;
        if checkpoint.origin == self.name() {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin(checkpoint.origin))
        }
    }
}

impl Verifier for CheckpointVerifier {
    /// That it was signed; there is no more to say.
    type Evidence = ();

    fn name(&self) -> &str {
        self.0.name()
    }

    fn id(&self) -> [u8; 4] {
        self.0.id()
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Option<()> {
        self.0.verify(text.as_bytes(), signature).then_some(())
    }
}
