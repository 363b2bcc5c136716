//! The ledger, under a load of many enforcement points.

use std::time::Duration;

use anyhow::Result;
use caracal_audit::Ledger;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::events::Source;
use super::rate::Rate;

/// Enforcement points that hand in at the same time.
const PRODUCERS: usize = 16;
/// Events of one call, as a busy enforcement point has them between two of its ticks.
const BATCH: usize = 64;

/// A ledger, and those who hand in.
pub(super) struct Producers {
    pub(super) ledger: Ledger,
    /// Events that they have handed in.
    pub(super) written: u64,
    sources: Vec<Source>,
}

impl Producers {
    pub(super) fn new(ledger: Ledger) -> Self {
        let sources = (0..PRODUCERS).map(Source::new).collect();
        Self {
            ledger,
            written: 0,
            sources,
        }
    }
}

/// For a time. Whatever is counted was acknowledged, hence is durable.
pub(super) async fn measure(producers: &mut Producers, span: Duration) -> Result<Rate> {
    run(producers, move |start: Instant, _| start.elapsed() < span).await
}

/// Until each has handed in so many, in whole batches.
pub(super) async fn append(producers: &mut Producers, events: u64) -> Result<Rate> {
    let each = events.div_ceil(u64::try_from(PRODUCERS)?);
    run(producers, move |_, done| done < each).await
}

async fn run(
    producers: &mut Producers,
    goes_on: impl Fn(Instant, u64) -> bool + Clone + Send + 'static,
) -> Result<Rate> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut source in std::mem::take(&mut producers.sources) {
        let (ledger, goes_on) = (producers.ledger.clone(), goes_on.clone());
        tasks.spawn(async move {
            let mut rows = 0;
            while goes_on(start, rows) {
                rows += u64::try_from(ledger.append(source.batch(BATCH)).await?.len())?;
            }
            anyhow::Ok((source, rows))
        });
    }
    let mut rows = 0;
    while let Some(done) = tasks.join_next().await {
        let (source, of_source) = done??;
        producers.sources.push(source);
        rows += of_source;
    }
    let time = start.elapsed();
    producers.written += rows;
    Ok(Rate { rows, time })
}
