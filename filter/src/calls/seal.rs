//! What of a call may stand where other plugins read: names that say nothing, and sealed mandates.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

use super::board::SLOTS;
use super::{MARK_BYTES, Mark};

/// Bytes of a trace's name.
const TRACE_BYTES: usize = 16;

/// Bytes of the nonce, which stands before what is sealed.
const NONCE_BYTES: usize = 24;

/// A trace, as it is named in shared data.
pub(super) type TraceName = [u8; TRACE_BYTES];

/// One caller's mandate in one trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) trace: TraceName,
    pub(super) mark: Mark,
}

impl Name {
    pub(super) fn slot(self) -> u32 {
        slot_of(self.trace)
    }
}

/// Where the calls of a trace stand. Its name comes of the secret, so nobody who chooses traces
/// chooses slots.
pub(super) fn slot_of(trace: TraceName) -> u32 {
    let [a, b, c, d, ..] = trace;
    u32::from_be_bytes([a, b, c, d]) % SLOTS
}

/// The keys of one workload's calls.
pub(super) struct Seal {
    cipher: XChaCha20Poly1305,
    names: [u8; 32],
}

impl Seal {
    pub(super) fn new(zone: &str, secret: &str) -> Self {
        let key = |purpose: &[u8]| {
            digest(&[
                b"caracal calls 1",
                purpose,
                zone.as_bytes(),
                secret.as_bytes(),
            ])
        };
        Self {
            cipher: XChaCha20Poly1305::new(&key(b"seal").into()),
            names: key(b"names"),
        }
    }

    /// The name of a trace.
    pub(super) fn trace(&self, id: &str) -> TraceName {
        first(&self.named(b"trace", &[id.as_bytes()]))
    }

    /// The mark of a mandate.
    pub(super) fn mark(&self, token: &str) -> Mark {
        Mark(first::<MARK_BYTES>(
            &self.named(b"mark", &[token.as_bytes()]),
        ))
    }

    /// The name of a caller's session.
    pub(super) fn caller(&self, session: &str) -> [u8; MARK_BYTES] {
        first(&self.named(b"caller", &[session.as_bytes()]))
    }

    fn named(&self, what: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut all = vec![&self.names[..], what];
        all.extend(parts);
        digest(&all)
    }

    /// Seals a mandate. The nonce comes of everything that is sealed, so one nonce is never used for two
    /// things, without a source of randomness.
    pub(super) fn seal(&self, name: Name, expires: u64, token: &str) -> Option<Vec<u8>> {
        let bound = bound(name, expires);
        let nonce: [u8; NONCE_BYTES] = first(&self.named(b"nonce", &[&bound, token.as_bytes()]));
        let payload = Payload {
            msg: token.as_bytes(),
            aad: &bound,
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed under this very name.
    pub(super) fn open(&self, name: Name, expires: u64, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: &bound(name, expires),
        };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(opened).ok()
    }
}

/// What a sealed mandate cannot be taken from.
fn bound(name: Name, expires: u64) -> Vec<u8> {
    [&name.trace[..], &name.mark.0, &expires.to_be_bytes()].concat()
}

/// The digest of parts, none of which can run into the next.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The first bytes of a digest.
fn first<const N: usize>(digest: &[u8; 32]) -> [u8; N] {
    digest.first_chunk().copied().unwrap_or([0; N])
}
