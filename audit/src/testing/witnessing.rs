//! Logs that are witnessed, and their witnesses.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ledger::Clock;
use crate::merkle::{Frontier, Hash, consistency_proof};
use crate::note::{Checkpoint, CheckpointSigner, CheckpointVerifier, CosignatureSigner};
use crate::witness::{AddCheckpoint, StateError, Witness};

/// Unix seconds at which a [`ManualClock`] stands at first.
pub(crate) const NOW: u64 = 1_800_000_000;

/// PKCS#8 of the Ed25519 key (RFC 8410 §7) whose 32 bytes are all this one.
pub(crate) fn pkcs8(seed: u8) -> Vec<u8> {
    const HEAD: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    [&HEAD[..], &[seed; 32]].concat()
}

/// A clock that a test sets.
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW)))
    }

    pub(crate) fn set(&self, unix: u64) {
        self.0.store(unix, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst).saturating_mul(1000)
    }
}

/// A log in memory, with the key that signs it.
pub(crate) struct SignedLog {
    pub(crate) signer: CheckpointSigner,
    pub(crate) leaves: Vec<Hash>,
}

impl SignedLog {
    /// A log whose leaves are `0` to `size`.
    pub(crate) fn new(size: u64) -> Self {
        Self {
            signer: CheckpointSigner::generate("audit.example").unwrap(),
            leaves: (0..size)
                .map(|leaf| Hash::leaf(&leaf.to_be_bytes()))
                .collect(),
        }
    }

    /// The same log with another history from `size` on, under the same key.
    pub(crate) fn forked_at(&self, size: usize) -> Self {
        let key = self.signer.to_pkcs8().unwrap();
        let mut leaves = self.leaves.clone();
        for leaf in leaves.iter_mut().skip(size) {
            *leaf = Hash::leaf(&leaf.0);
        }
        Self {
            signer: CheckpointSigner::from_pkcs8("audit.example", key.as_ref()).unwrap(),
            leaves,
        }
    }

    /// What a witness has to trust.
    pub(crate) fn verifier(&self) -> CheckpointVerifier {
        self.signer.verifier().for_zone("prod")
    }

    pub(crate) fn root(&self, size: usize) -> Hash {
        let mut frontier = Frontier::new();
        for leaf in &self.leaves[..size] {
            frontier.append(*leaf);
        }
        frontier.root()
    }

    pub(crate) fn checkpoint(&self, size: usize) -> Checkpoint {
        Checkpoint {
            origin: self.signer.origin("prod"),
            size: size as u64,
            root: self.root(size),
        }
    }

    /// The signed checkpoint.
    pub(crate) fn note(&self, size: usize) -> String {
        self.signer.sign(&self.checkpoint(size))
    }

    pub(crate) fn proof(&self, old: usize, size: usize) -> Vec<Hash> {
        consistency_proof(&self.leaves[..size], old).unwrap_or_default()
    }

    /// The request of an honest log.
    pub(crate) fn request(&self, old: usize, size: usize) -> Vec<u8> {
        let request = AddCheckpoint {
            old: old as u64,
            proof: self.proof(old, size),
            note: &self.note(size),
        };
        request.to_text().into_bytes()
    }
}

/// A folder for the state of a witness, and its key.
pub(crate) struct WitnessPlace {
    directory: tempfile::TempDir,
    name: &'static str,
    key: Vec<u8>,
}

impl WitnessPlace {
    pub(crate) fn new(name: &'static str) -> Self {
        let signer = CosignatureSigner::generate(name).unwrap();
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            name,
            key: signer.to_pkcs8().unwrap().as_ref().to_vec(),
        };
        Witness::create(&place.path(), &signer).unwrap();
        place
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub(crate) fn signer(&self) -> CosignatureSigner {
        CosignatureSigner::from_pkcs8(self.name, &self.key).unwrap()
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(crate) fn try_open(
        &self,
        logs: &[CheckpointVerifier],
        clock: Arc<dyn Clock>,
    ) -> Result<Witness, StateError> {
        Witness::open(&self.path(), self.signer(), logs.to_vec(), clock)
    }

    pub(crate) fn open(&self, log: &SignedLog) -> Witness {
        self.try_open(&[log.verifier()], ManualClock::new())
            .unwrap()
    }
}
