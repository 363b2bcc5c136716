//! What a longer chain costs where a mandate is verified, which each VM does once for each mandate.

use std::hint::black_box;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use caracal_mandate::key::{KeySet, PublicKey, SIGNATURE_BYTES, SignatureVerifier};
use caracal_mandate::name::Name;
use caracal_mandate::verify::{Trust, verify};
use serde_json::{Value, json};

use super::stats::median;
use crate::hostile::forge::Forge;

/// Delegations between the root and the holder.
const DEPTHS: [u8; 4] = [0, 1, 5, 8];

/// Verifications of each mandate in a round.
const TIMES: u32 = 2000;

/// Verifies as the services do.
struct Es256;

impl SignatureVerifier for Es256 {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.sec1());
        key.verify(message, signature).is_ok()
    }
}

/// Takes the signature for good, so that everything else is measured.
struct Assumed;

impl SignatureVerifier for Assumed {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8; SIGNATURE_BYTES]) -> bool {
        true
    }
}

/// Mandates of one holder that were delegated more and more often.
pub(super) struct Chains {
    tokens: Vec<String>,
    zone: Name,
    issuer: String,
    keys: KeySet,
    /// Microseconds by round: all of it, and without the signature.
    rounds: Vec<Vec<[f64; 2]>>,
}

impl Chains {
    pub(super) fn new(forge: &Forge, zone: &str, issuer: &str) -> Result<Self> {
        let mut keys = KeySet::default();
        keys.insert(PublicKey::from_sec1(forge.public_key()).context("the zone's key")?);
        let chains = Self {
            tokens: DEPTHS.map(|depth| forge.delegated(depth)).into(),
            zone: zone.parse()?,
            issuer: issuer.to_owned(),
            keys,
            rounds: Vec::new(),
        };
        for token in &chains.tokens {
            let verified = verify(token.as_bytes(), chains.trust(), &Es256);
            ensure!(verified.is_ok(), "a mandate does not verify: {verified:?}");
        }
        Ok(chains)
    }

    const fn trust(&self) -> Trust<'_> {
        Trust {
            zone: &self.zone,
            issuer: self.issuer.as_str(),
            keys: &self.keys,
            delegators: None,
        }
    }

    /// One round over all depths.
    pub(super) fn measure(&mut self) -> Result<()> {
        let mut round = Vec::new();
        for token in &self.tokens {
            round.push([self.cost(token, &Es256)?, self.cost(token, &Assumed)?]);
        }
        self.rounds.push(round);
        Ok(())
    }

    /// CPU of this thread for one verification, in microseconds.
    fn cost(&self, token: &str, crypto: &dyn SignatureVerifier) -> Result<f64> {
        let before = spent()?;
        for _ in 0..TIMES {
            black_box(verify(black_box(token.as_bytes()), self.trust(), crypto).is_ok());
        }
        let nanoseconds = u32::try_from(spent()?.saturating_sub(before))?;
        Ok(f64::from(nanoseconds) / f64::from(TIMES) / 1000.0)
    }

    fn figure(&self, at: usize, which: usize) -> f64 {
        let rounds = self.rounds.iter();
        median(rounds.filter_map(|round| round.get(at)?.get(which).copied()))
    }

    /// For each depth: bytes, and microseconds.
    pub(super) fn report(&self) -> Vec<Value> {
        let depths = DEPTHS.iter().zip(&self.tokens).enumerate();
        depths
            .map(|(at, (depth, token))| {
                json!({"delegations": depth, "bytes": token.len(),
                    "verify_us": self.figure(at, 0), "without_signature_us": self.figure(at, 1)})
            })
            .collect()
    }

    /// The same for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let depths = DEPTHS.iter().zip(&self.tokens).enumerate();
        depths
            .map(|(at, (depth, token))| {
                format!(
                    "verified natively, delegated {depth} times: {} bytes, {:.1} us of which {:.1} us are not the signature",
                    token.len(),
                    self.figure(at, 0),
                    self.figure(at, 1)
                )
            })
            .collect()
    }
}

/// CPU time of this thread until now, in nanoseconds.
fn spent() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next();
    Ok(first.context("schedstat is empty")?.parse()?)
}
