//! What the benchmark runs on: two authorities, an upstream, one Envoy for each variant.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::config::{self, Ports};
use super::generator::{self, Measurement, Target};
use super::side::Side;
use super::variant::{SMALL_CACHE, Variant};
use crate::stack::envoy::{Envoy, Rendered};
use crate::stack::identity::spiffe_id;
use crate::stack::{Stack, ports, wait};

/// Different mandates for those variants that must not know them: more than twice of what the
/// filter's cache holds in its two generations.
const MANDATES: usize = SMALL_CACHE * 5;

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Stage {
    envoys: Vec<(Variant, Envoy)>,
    upstream: Envoy,
    pub(super) plain: Side,
    crowded: Side,
}

impl Stage {
    pub(super) async fn build(out: &mut (dyn Write + Send)) -> Result<Self> {
        let plain = Side::start(MANDATES, out).await?;
        let crowded = Side::crowded(out).await?;
        let upstream = upstream(&plain.stack).await?;
        let mut envoys = Vec::new();
        for variant in Variant::ALL {
            let side = if variant.is_crowded() {
                &crowded
            } else {
                &plain
            };
            envoys.push((variant, enforcing(side, variant, upstream.port()).await?));
        }
        let stage = Self {
            envoys,
            upstream,
            plain,
            crowded,
        };
        stage.live().await?;
        Ok(stage)
    }

    const fn side(&self, variant: Variant) -> &Side {
        if variant.is_crowded() {
            &self.crowded
        } else {
            &self.plain
        }
    }

    /// Waits until our filters have live authority, so that nothing but the path that is to be
    /// measured is measured.
    async fn live(&self) -> Result<()> {
        let watching = Variant::ALL.into_iter().filter(|variant| variant.watches());
        for variant in watching {
            let name = format!("bench-{}", variant.key());
            let stack = &self.side(variant).stack;
            wait::until("a filter is live", Duration::from_mins(1), async || {
                let points = stack.connected_points().await.ok()?;
                let live = points.iter().filter(|point| {
                    let instance = point.get("instance").and_then(Value::as_str);
                    let lease = point.get("lease_remaining_ms").and_then(Value::as_u64);
                    instance == Some(&name) && lease > Some(0)
                });
                // The worker and the main thread.
                (live.count() >= 2).then_some(())
            })
            .await?;
        }
        Ok(())
    }

    pub(super) async fn measure(
        &self,
        variant: Variant,
        connections: usize,
        duration: Duration,
    ) -> Result<Measurement> {
        let (_, envoy) = self
            .envoys
            .iter()
            .find(|(other, _)| *other == variant)
            .context("no such Envoy")?;
        let side = self.side(variant);
        let target = Target {
            port: envoy.port(),
            envoy: envoy.pid()?,
            sts: side.stack.authority.pid()?,
            upstream: self.upstream.pid()?,
        };
        let requests = side.requests(variant.shown());
        generator::measure(&target, &side.client, requests, connections, duration)
            .await
            .with_context(|| format!("measuring {}", variant.key()))
    }
}

async fn upstream(stack: &Stack) -> Result<Envoy> {
    let (port, admin_port) = (ports::free()?, ports::free()?);
    let configuration = config::answering(port, admin_port);
    start(stack, "bench-upstream", port, admin_port, &configuration).await
}

async fn enforcing(side: &Side, variant: Variant, upstream: u16) -> Result<Envoy> {
    let ports = Ports {
        listener: ports::free()?,
        admin: ports::free()?,
        upstream,
        sts: side.stack.authority.grpc_port,
        dead: ports::free()?,
    };
    let identity = side.stack.identity("bank-proxy")?;
    let filters = variant.filters(&side.around);
    let configuration = config::enforcing(ports, filters, identity, &spiffe_id("sts")?);
    let name = format!("bench-{}", variant.key());
    start(
        &side.stack,
        &name,
        ports.listener,
        ports.admin,
        &configuration,
    )
    .await
}

async fn start(
    stack: &Stack,
    name: &str,
    port: u16,
    admin_port: u16,
    configuration: &Value,
) -> Result<Envoy> {
    let path = stack
        .write(&format!("{name}.json"), &configuration.to_string())
        .await?;
    let rendered = Rendered {
        instance: name.to_owned(),
        port,
        admin_port,
        path,
    };
    Envoy::start(&stack.parts, rendered, 1, stack.folder()).await
}
