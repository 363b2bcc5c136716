//! What the filter may take: bytes of module, CPU time of a start, memory of a worker.

mod load;
mod maps;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::Boxed;
use crate::hostile::forge::Forge;
use crate::hostile::site::BANK;
use crate::mandates::Exchange;
use crate::stack::envoy::{Envoy, Mode, Rendered, Role, validate, without_filter};
use crate::stack::zone::Grant;
use crate::stack::{Stack, revocations, wait};

/// Mandates that the worker remembers.
pub const MANDATES: usize = 10_000;

/// Revocations that are live.
pub const REVOCATIONS: u64 = 100_000;

/// Where the configuration says how many mandates are remembered.
const AUDIT: &str = "\"audit\": \"required\"";

/// Longest wait for a snapshot of [`REVOCATIONS`].
const SNAPSHOT: Duration = Duration::from_secs(30);

/// Memory of the VMs of one Envoy with one worker, in bytes.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Linear memory of each VM: the worker's, the main thread's, and of what Envoy made to try the
    /// module.
    pub linear: Vec<u64>,
    /// What is resident of it.
    pub resident: Vec<u64>,
    /// Resident memory of the whole process.
    pub process: u64,
}

impl Memory {
    /// The worker's VM: it is the one that has mandates.
    #[must_use]
    pub fn worker(&self) -> u64 {
        self.linear.iter().copied().max().unwrap_or_default()
    }

    fn of(envoy: &Envoy) -> Result<Self> {
        maps::read(envoy.pid()?)
    }
}

/// Memory by what the VM holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// A snapshot with no revocation, and one mandate.
    pub nothing: Memory,
    /// [`REVOCATIONS`].
    pub revocations: Memory,
    /// And [`MANDATES`].
    pub mandates: Memory,
    /// The same, after the token service was restarted and a second snapshot came beside the first.
    pub again: Memory,
}

/// CPU time of `envoy --mode validate` on the same configuration with the filter and without it.
#[must_use]
pub fn start_up(rounds: usize) -> Boxed<'static, Result<[Duration; 2]>> {
    Box::pin(async move {
        let stack = Stack::start().await?;
        let settings = [
            ("RESOURCE_DOMAINS", BANK.to_owned()),
            ("UPSTREAM_PORT", "1".to_owned()),
        ];
        let with = stack.render(Role::Resource, "budget", &settings).await?;
        let without = with.edited(without_filter).await?;
        let mut least = [Duration::MAX; 2];
        for _ in 0..rounds {
            for (least, file) in least.iter_mut().zip([&with, &without]) {
                let before = cpu_of_children()?;
                let complaint = validate(&stack.parts, &file.path).await?;
                anyhow::ensure!(complaint.is_none(), "{complaint:?}");
                *least = (*least).min(cpu_of_children()?.saturating_sub(before));
            }
        }
        Ok(least)
    })
}

/// CPU time of children that have ended and were waited for, in ticks of 10 ms.
fn cpu_of_children() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').context("stat")?;
    // Fields 16 and 17, of which the third is the first behind the name.
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks = ticks.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Fills a worker and reads its memory at each step.
#[must_use]
pub fn memory() -> Boxed<'static, Result<Held>> {
    Box::pin(async {
        let mut stack = Stack::start().await?;
        stack.register().await?;
        stack.activate_policy().await?;
        let grant = Grant {
            application: "payout-agent",
            resource: "mercury-bank",
            scopes: &["accounts:read"],
            max_lifetime: Some(900),
        };
        stack.grant(grant).await?;
        let identity = stack.identity("payout")?;
        let mut exchange = Exchange::connect(identity, stack.authority.grpc_port).await?;
        let good = exchange.mandate("GET", BANK, "/accounts/42").await?;
        let forge = Forge::open(&stack.authority.data, &good).await?;
        let tokens = load::tokens(&forge, MANDATES)?;

        let empty = envoy(&stack, "budget-empty").await?;
        load::send(&stack, &empty, tokens.get(..1).unwrap_or_default()).await?;
        let nothing = Memory::of(&empty)?;
        drop(empty);

        stack.authority.kill().await?;
        revocations::insert(&stack.authority.data, REVOCATIONS).await?;
        stack.authority.restart(&stack.parts.clone()).await?;
        let full = envoy(&stack, "budget-full").await?;
        load::send(&stack, &full, tokens.get(..1).unwrap_or_default()).await?;
        let revocations = Memory::of(&full)?;
        load::send(&stack, &full, &tokens).await?;
        let mandates = Memory::of(&full)?;

        stack.authority.kill().await?;
        stack.authority.restart(&stack.parts.clone()).await?;
        connected(&stack, "budget-full").await?;
        load::send(&stack, &full, tokens.get(..1).unwrap_or_default()).await?;
        let again = Memory::of(&full)?;
        Ok(Held {
            nothing,
            revocations,
            mandates,
            again,
        })
    })
}

async fn envoy(stack: &Stack, name: &str) -> Result<Envoy> {
    let settings = [
        ("RESOURCE_DOMAINS", BANK.to_owned()),
        ("UPSTREAM_PORT", load::upstream().await?.to_string()),
    ];
    let rendered = stack
        .render_in(Mode::Enforce, Role::Resource, name, &settings)
        .await?;
    let cache = format!("{AUDIT}, \"mandate_cache\": {MANDATES}");
    let rendered: Rendered = rendered
        .edited(|text| {
            anyhow::ensure!(text.contains(AUDIT), "no place for mandate_cache");
            Ok(text.replace(AUDIT, &cache))
        })
        .await?;
    let envoy = Envoy::start(&stack.parts, rendered, 1, stack.folder()).await?;
    connected(stack, name).await?;
    Ok(envoy)
}

/// Waits until both of its VMs have their snapshot.
async fn connected(stack: &Stack, name: &str) -> Result<()> {
    wait::until("both VMs have their snapshot", SNAPSHOT, async || {
        let points = stack.connected_points().await.ok()?;
        // It has a lease once it has applied what was there before its first ping.
        let whole = points.iter().filter(|point| {
            let instance = point.get("instance").and_then(Value::as_str);
            let lease = point.get("lease_remaining_ms").and_then(Value::as_u64);
            instance == Some(name) && lease > Some(0)
        });
        (whole.count() >= 2).then_some(())
    })
    .await
}

/// Size of a file.
pub fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}
