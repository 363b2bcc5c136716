//! The revocations, one after the other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::time::Instant;

use super::coverage::Coverage;
use super::load::{Held, PATH, Wallet};
use super::site::{Site, unused};
use crate::mandates::{self, Exchange};
use crate::upstream::BANK;

/// The lease of every point here: the bound.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// How long the load goes on to show a mandate that was revoked.
const SHOWN: Duration = Duration::from_millis(3500);

/// What is revoked, in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The mandate that the load shows.
    Mandate,
    /// Its session, with every mandate of the workload.
    Session,
    /// An application.
    Application,
}

/// One revocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Revocation {
    kind: Kind,
    /// From the commit to the last acknowledgement, as the service measured it.
    pub(super) covered_ms: f64,
    /// From the call of the management API to its answer.
    pub(super) answered_ms: f64,
    /// When the call was made: the commit is later.
    pub(super) called: Instant,
    /// The mandate of the load that it hit.
    pub(super) hit: Option<u64>,
}

impl Revocation {
    pub(super) const fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Mandate => "mandate",
            Kind::Session => "session",
            Kind::Application => "application",
        }
    }
}

/// Who revokes, and where mandates come from.
pub(super) struct Series<'a> {
    site: &'a Site,
    exchange: Exchange,
    wallet: &'a Wallet,
    coverage: Coverage,
    /// Points that have to acknowledge.
    expected: u64,
    /// Mandates so far, over all series of a run.
    numbers: &'a mut u64,
    applications: std::ops::Range<usize>,
    /// The mandate that the load shows.
    held: Option<(u64, Value)>,
}

impl<'a> Series<'a> {
    pub(super) async fn new(
        site: &'a Site,
        wallet: &'a Wallet,
        points: usize,
        numbers: &'a mut u64,
        applications: std::ops::Range<usize>,
    ) -> Result<Self> {
        Ok(Self {
            site,
            exchange: site.exchange().await?,
            wallet,
            coverage: Coverage::open(site.metrics_port).await?,
            expected: u64::try_from(points)?,
            numbers,
            applications,
            held: None,
        })
    }

    /// Revokes so many times.
    pub(super) async fn run(&mut self, count: usize) -> Result<Vec<Revocation>> {
        let mut all = Vec::new();
        for turn in 0..count {
            let kind = match turn % 3 {
                0 => Kind::Mandate,
                1 => Kind::Session,
                _ => Kind::Application,
            };
            self.prepare().await?;
            // Long enough for the mandate to be in use, and never in step with the pings.
            let jitter = u64::try_from(turn)? * 61 % 97;
            tokio::time::sleep(Duration::from_millis(60 + jitter)).await;
            let (number, claims) = self.held.as_ref().context("a mandate")?;
            let claim = |name: &str| claims.get(name).and_then(Value::as_str);
            let (target, hit) = match kind {
                Kind::Mandate => (
                    claim("jti").map(|id| format!("mandate/{id}")),
                    Some(*number),
                ),
                Kind::Session => (
                    claim("sid").map(|id| format!("session/{id}")),
                    Some(*number),
                ),
                Kind::Application => {
                    let next = self.applications.next().map(unused);
                    (next.map(|name| format!("application/{name}")), None)
                }
            };
            let revocation = self
                .revoke(kind, &target.context("nothing to revoke")?, hit)
                .await?;
            if hit.is_some() {
                self.wallet.revoked(Instant::now() + SHOWN);
                self.held = None;
            }
            all.push(revocation);
        }
        Ok(all)
    }

    /// Sees to it that the load has a mandate to show.
    pub(super) async fn prepare(&mut self) -> Result<()> {
        if self.held.is_some() {
            return Ok(());
        }
        let token = self.exchange.mandate("GET", BANK, PATH).await?;
        *self.numbers += 1;
        let number = *self.numbers;
        let claims = mandates::claims(&token)?;
        let token: Arc<str> = token.into();
        self.wallet.hold(Held { number, token });
        self.held = Some((number, claims));
        Ok(())
    }

    /// Revokes something by one call that waits for everybody.
    pub(super) async fn revoke(
        &mut self,
        kind: Kind,
        target: &str,
        hit: Option<u64>,
    ) -> Result<Revocation> {
        let mut management = self.site.management().await?;
        let request = self.site.revocation(target);
        let called = Instant::now();
        let answer = management.send(&request).await?;
        let answered_ms = called.elapsed().as_secs_f64() * 1000.0;
        if answer.status != 201 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            bail!("{target} was not revoked: {} {text}", answer.status);
        }
        let said: Value = serde_json::from_slice(&answer.body)?;
        let number = |name: &str| said.get(name).and_then(Value::as_u64);
        ensure!(
            number("acknowledged") == Some(self.expected)
                && number("expected") == Some(self.expected),
            "not everybody acknowledged {target}: {said}"
        );
        Ok(Revocation {
            kind,
            covered_ms: self.coverage.next().await?,
            answered_ms,
            called,
            hit,
        })
    }
}

#[cfg(test)]
impl Revocation {
    /// One that hit a mandate.
    pub(super) const fn of_mandate(number: u64, called: Instant) -> Self {
        Self {
            kind: Kind::Mandate,
            covered_ms: 0.0,
            answered_ms: 0.0,
            called,
            hit: Some(number),
        }
    }
}
