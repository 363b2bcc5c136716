//! What the benchmark runs on: the authority, an upstream, one Envoy for each variant, mandates.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::{self, Ports};
use super::generator::{self, Measurement, Requests, Target};
use super::variant::{SMALL_CACHE, Surroundings, Variant};
use crate::client::{Request, tls};
use crate::mandates::{self, Exchange};
use crate::stack::envoy::{Envoy, Rendered};
use crate::stack::identity::spiffe_id;
use crate::stack::zone::Grant;
use crate::stack::{Stack, ZONE, ports, wait};
use crate::upstream::BANK;

/// Different mandates for those variants that must not know them: more than twice of what the
/// filter's cache holds in its two generations.
const MANDATES: usize = SMALL_CACHE * 5;

/// Exchanges at the same time.
const EXCHANGES: usize = 16;

const PATH: &str = "/accounts/42";

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Stage {
    envoys: Vec<(Variant, Envoy)>,
    upstream: Envoy,
    client: tls::Client,
    known: Arc<Requests>,
    rotating: Arc<Requests>,
    /// Bytes of one mandate.
    pub(super) mandate_bytes: usize,
    /// Mandates that are shown in turn.
    pub(super) mandates: usize,
    /// The authority.
    pub(super) stack: Stack,
}

impl Stage {
    pub(super) async fn build(out: &mut (dyn Write + Send)) -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        stack.activate_policy().await?;
        let (application, resource, scopes) =
            ("payout-agent", "mercury-bank", &["accounts:read"][..]);
        // The longest life that there is: the benchmark takes longer than the usual five minutes.
        stack
            .grant(Grant {
                application,
                resource,
                scopes,
                max_lifetime: Some(900),
            })
            .await?;
        let start = Instant::now();
        let tokens = obtain(&stack).await?;
        let seconds = start.elapsed().as_secs_f64();
        writeln!(
            out,
            "{} mandates from the token service in {seconds:.1} s",
            tokens.len()
        )?;
        let first = tokens.first().context("no mandate")?;
        let mandate_bytes = first.len();
        let request = |token: &String| Request::get(BANK, PATH).mandate(token).bytes();
        let known = Arc::new(Requests::new(vec![request(first)]));
        let mandates = tokens.len();
        let rotating = Arc::new(Requests::new(tokens.iter().map(request).collect()));
        let upstream = upstream(&stack).await?;
        let envoys = envoys(&stack, upstream.port(), first).await?;
        let client = tls::Client::new(stack.identity("payout")?)?;
        let stage = Self {
            envoys,
            upstream,
            client,
            known,
            rotating,
            mandate_bytes,
            mandates,
            stack,
        };
        stage.live().await?;
        Ok(stage)
    }

    /// Waits until our filters have live authority, so that nothing but the path that is to be
    /// measured is measured.
    async fn live(&self) -> Result<()> {
        let wanted: Vec<_> = Variant::ALL
            .into_iter()
            .filter(|variant| variant.watches())
            .collect();
        wait::until(
            "the filters are connected",
            Duration::from_secs(20),
            async || {
                let points = self.stack.connected_points().await.ok()?;
                let connected = |variant: &Variant| {
                    let instance = format!("bench-{}", variant.key());
                    let is = |point: &&Value| {
                        point.get("instance").and_then(Value::as_str) == Some(&instance)
                    };
                    // The worker and the main thread.
                    points.iter().filter(is).count() >= 2
                };
                wanted.iter().all(connected).then_some(())
            },
        )
        .await
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
        let target = Target {
            port: envoy.port(),
            envoy: envoy.pid()?,
            sts: self.stack.authority.pid()?,
            upstream: self.upstream.pid()?,
        };
        let requests = if variant.rotates() {
            &self.rotating
        } else {
            &self.known
        };
        generator::measure(&target, &self.client, requests, connections, duration)
            .await
            .with_context(|| format!("measuring {}", variant.key()))
    }
}

/// Mandates from the token service, each with an id of its own.
async fn obtain(stack: &Stack) -> Result<Vec<String>> {
    let mut tasks = JoinSet::new();
    for _ in 0..EXCHANGES {
        let mut exchange =
            Exchange::connect(stack.identity("payout")?, stack.authority.grpc_port).await?;
        tasks.spawn(async move {
            let mut tokens = Vec::new();
            for _ in 0..MANDATES / EXCHANGES {
                tokens.push(exchange.mandate("GET", BANK, PATH).await?);
            }
            anyhow::Ok(tokens)
        });
    }
    let mut all = Vec::new();
    while let Some(tokens) = tasks.join_next().await {
        all.extend(tokens??);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

async fn upstream(stack: &Stack) -> Result<Envoy> {
    let (port, admin_port) = (ports::free()?, ports::free()?);
    start(
        stack,
        "bench-upstream",
        port,
        admin_port,
        &config::answering(port, admin_port),
    )
    .await
}

async fn envoys(stack: &Stack, upstream: u16, token: &str) -> Result<Vec<(Variant, Envoy)>> {
    let claims = mandates::claims(token)?;
    let text = |name: &str| -> Result<String> {
        Ok(claims
            .get(name)
            .and_then(Value::as_str)
            .with_context(|| format!("no {name}"))?
            .to_owned())
    };
    let around = Surroundings {
        wasm: stack.parts.filter.display().to_string(),
        jwks: stack.authority.jwks(ZONE).await?.to_string(),
        issuer: text("iss")?,
        audience: text("aud")?,
        zone: ZONE.to_owned(),
    };
    let sts_id = spiffe_id("sts")?;
    let mut envoys = Vec::new();
    for variant in Variant::ALL {
        let ports = Ports {
            listener: ports::free()?,
            admin: ports::free()?,
            upstream,
            sts: stack.authority.grpc_port,
            dead: ports::free()?,
        };
        let identity = stack.identity("bank-proxy")?;
        let configuration = config::enforcing(ports, variant.filters(&around), identity, &sts_id);
        let name = format!("bench-{}", variant.key());
        envoys.push((
            variant,
            start(stack, &name, ports.listener, ports.admin, &configuration).await?,
        ));
    }
    Ok(envoys)
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
