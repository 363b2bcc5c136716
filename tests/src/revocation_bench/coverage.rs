//! What the token service measured of a revocation: `caracal_sts_revocation_coverage_seconds`.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::client::{Connection, Request};
use crate::stack::wait;

const METRIC: &str = "caracal_sts_revocation_coverage_seconds";

/// How long the metric may be behind the answer to a call.
const PATIENCE: Duration = Duration::from_secs(5);

/// The service's histogram, read after each revocation: what its sum has grown by is that revocation.
#[derive(Debug)]
pub(super) struct Coverage {
    port: u16,
    last: Sum,
}

#[derive(Debug, Clone, Copy)]
struct Sum {
    count: u64,
    seconds: f64,
}

impl Coverage {
    /// As it is now.
    pub(super) async fn open(port: u16) -> Result<Self> {
        let last = read(port).await?;
        Ok(Self { port, last })
    }

    /// Milliseconds of the one revocation since the last time.
    pub(super) async fn next(&mut self) -> Result<f64> {
        let (port, before) = (self.port, self.last);
        let now = wait::until(
            "the revocation is covered",
            PATIENCE,
            async || match read(port).await {
                Ok(now) if now.count == before.count => None,
                read => Some(read),
            },
        )
        .await??;
        let more = now.count - before.count;
        ensure!(more == 1, "{more} revocations at once");
        self.last = now;
        Ok((now.seconds - before.seconds) * 1000.0)
    }
}

async fn read(port: u16) -> Result<Sum> {
    let mut connection = Connection::plain(port).await?;
    let request = Request::get("localhost", "/metrics");
    let answer = connection.send(&request).await?;
    if answer.status != 200 {
        bail!("the metrics are not shown: {}", answer.verdict());
    }
    let text = String::from_utf8(answer.body)?;
    let value = |end: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let mut found = lines.filter(|(name, _)| name.strip_prefix(METRIC) == Some(end));
        found.next().map(|(_, value)| value.to_owned())
    };
    let count = value("_count").context("no count")?.parse()?;
    let seconds = value("_sum").context("no sum")?.parse()?;
    Ok(Sum { count, seconds })
}
