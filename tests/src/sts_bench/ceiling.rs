//! The most that one core could do: one ES256 signature and one verification, and nothing else, with
//! the library that the service uses.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use tokio::time::Instant;

const SECONDS: Duration = Duration::from_secs(1);

/// As long as a mandate's signed part.
const MESSAGE: [u8; 700] = [b'x'; 700];

/// Pairs in one second of CPU time of this thread.
pub(super) fn pairs_per_second() -> Result<f64> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
    let (start, spent) = (Instant::now(), thread_nanoseconds()?);
    let mut pairs = 0_u32;
    while start.elapsed() < SECONDS {
        let signature = pair.sign(&random, &MESSAGE)?;
        public.verify(&MESSAGE, signature.as_ref())?;
        pairs += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "about 10^9")]
    let spent = (thread_nanoseconds()? - spent) as f64;
    Ok(f64::from(pairs) * 1e9 / spent)
}

fn thread_nanoseconds() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let spent = text
        .split_whitespace()
        .next()
        .context("schedstat is empty")?;
    Ok(spent.parse()?)
}
