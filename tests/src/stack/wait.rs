//! Waiting for a condition with a deadline; never for a time.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

/// Between two looks.
const STEP: Duration = Duration::from_millis(5);

/// Asks again and again until there is an answer, and says `what` was missing at the deadline.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if start.elapsed() >= deadline {
            bail!("{what}: not within {deadline:?}");
        }
        tokio::time::sleep(STEP).await;
    }
}
