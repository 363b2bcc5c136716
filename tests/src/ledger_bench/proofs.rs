//! Proofs out of the database of a running ledger.

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::events::ZONE;
use super::place::Grown;
use crate::bench::stats::{median, quantile};

/// Proofs that are timed, of entries all over the log.
const PROOFS: u64 = 2_000;
/// Proofs before them: a service that runs has its tiles at hand.
const WARM_UP: u64 = 200;

/// How long one takes, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proofs {
    /// The first one of a process: nothing is at hand.
    pub(super) first: f64,
    pub(super) median: f64,
    pub(super) p99: f64,
}

/// Each is made for the newest checkpoint, and verified by whoever makes it before it is handed out.
pub(super) async fn measure(log: &Grown) -> Result<Proofs> {
    // A prime, so that the entries are those of all tiles in no order.
    let index = |number: u64| number.wrapping_mul(7_368_787) % log.covered;
    let mut times = Vec::new();
    for number in 1..=WARM_UP + PROOFS {
        let start = Instant::now();
        let proof = log.ledger.inclusion(ZONE, index(number), None).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(proof.index() == index(number), "a proof of another entry");
    }
    let first = times.first().copied().unwrap_or_default();
    let warm = || {
        times
            .iter()
            .skip(usize::try_from(WARM_UP).unwrap_or(0))
            .copied()
    };
    Ok(Proofs {
        first,
        median: median(warm()),
        p99: quantile(warm(), 0.99),
    })
}
