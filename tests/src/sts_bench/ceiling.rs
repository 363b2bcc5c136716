//! The most that one core could do: one ES256 signature and one verification, and nothing else, with
//! the library that the service uses. Every core does it at the same time, as they do under load.

use std::ops::AddAssign;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// As long as a mandate's signed part.
const MESSAGE: [u8; 700] = [b'x'; 700];

/// How many pairs in how much CPU time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ceiling {
    pairs: u64,
    nanoseconds: u64,
}

impl AddAssign for Ceiling {
    fn add_assign(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.nanoseconds += other.nanoseconds;
    }
}

impl Ceiling {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(super) fn pairs_per_core_second(self) -> f64 {
        self.pairs as f64 * 1e9 / self.nanoseconds as f64
    }
}

/// All cores for a time.
pub(super) async fn measure(span: Duration) -> Result<Ceiling> {
    let mut threads = JoinSet::new();
    for _ in 0..std::thread::available_parallelism()?.get() {
        threads.spawn_blocking(move || of_this_thread(span));
    }
    let mut all = Ceiling::default();
    while let Some(one) = threads.join_next().await {
        all += one??;
    }
    Ok(all)
}

fn of_this_thread(span: Duration) -> Result<Ceiling> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
    let (start, before) = (Instant::now(), thread_nanoseconds()?);
    let mut pairs = 0;
    while start.elapsed() < span {
        let signature = pair.sign(&random, &MESSAGE)?;
        public.verify(&MESSAGE, signature.as_ref())?;
        pairs += 1;
    }
    Ok(Ceiling {
        pairs,
        nanoseconds: thread_nanoseconds()? - before,
    })
}

fn thread_nanoseconds() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let spent = text
        .split_whitespace()
        .next()
        .context("schedstat is empty")?;
    Ok(spent.parse()?)
}
