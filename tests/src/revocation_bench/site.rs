//! What runs: the token service, two Envoys with the filter, and what is behind them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::client::{Connection, Request, tls};
use crate::mandates::Exchange;
use crate::stack::envoy::{Envoy, Role};
use crate::stack::identity::spiffe_id;
use crate::stack::zone::Grant;
use crate::stack::{Stack, TRUST_DOMAIN, ZONE, ports, wait};
use crate::upstream::{BANK, COMPLIANCE, INVOICES, Upstream};

/// Two workers and a main thread in each Envoy.
pub(super) const ENVOY_POINTS: usize = 6;

/// Everything but the load and the simulated points.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) agent: Envoy,
    pub(super) resource: Envoy,
    pub(super) upstream: Upstream,
    pub(super) stack: Stack,
    pub(super) metrics_port: u16,
    pub(super) client: tls::Client,
    token: String,
}

impl Site {
    /// Starts it, with as many applications that nobody uses as are to be revoked.
    pub(super) async fn build(applications: usize) -> Result<Self> {
        let metrics_port = ports::free()?;
        let metrics = ["--metrics".to_owned(), format!("127.0.0.1:{metrics_port}")];
        let stack = Stack::start_with(&metrics).await?;
        stack.register().await?;
        stack.activate_policy().await?;
        stack
            .grant(Grant {
                application: "payout-agent",
                resource: "mercury-bank",
                scopes: &["accounts:read"],
                max_lifetime: Some(900),
            })
            .await?;
        let upstream = Upstream::start().await?;
        let settings = [
            ("RESOURCE_DOMAINS", [BANK, INVOICES, COMPLIANCE].join(", ")),
            ("UPSTREAM_PORT", upstream.port.to_string()),
        ];
        let resource = stack
            .envoy(Role::Resource, "resource-side", &settings)
            .await?;
        let settings = [
            ("RESOURCE_PORT", resource.port().to_string()),
            ("RESOURCE_SPIFFE_ID", spiffe_id("bank-proxy")?),
        ];
        let agent = stack.envoy(Role::Agent, "agent-side", &settings).await?;
        let token = tokio::fs::read_to_string(stack.authority.token_file()).await?;
        let client = tls::Client::new(stack.identity("payout")?)?;
        let site = Self {
            agent,
            resource,
            upstream,
            stack,
            metrics_port,
            client,
            token: token.trim().to_owned(),
        };
        for number in 0..applications {
            let id = format!("spiffe://{TRUST_DOMAIN}/ns/unused/sa/{number}");
            let application = json!({"name": unused(number), "spiffe_ids": [id]});
            site.post("applications", &application).await?;
        }
        site.live(ENVOY_POINTS).await?;
        Ok(site)
    }

    /// Waits until so many points have acknowledged something.
    pub(super) async fn live(&self, points: usize) -> Result<()> {
        let applied = |point: &Value| {
            let epoch = point.pointer("/applied/epoch").and_then(Value::as_u64);
            epoch.unwrap_or(0) > 0
        };
        let patience = Duration::from_secs(20);
        wait::until("all points are live", patience, async || {
            let all = self.stack.connected_points().await.ok()?;
            let live = all.iter().filter(|point| applied(point)).count();
            (live == points && all.len() == points).then_some(())
        })
        .await
    }

    /// The token service's door, as the agent's workload.
    pub(super) async fn exchange(&self) -> Result<Exchange> {
        let port = self.stack.authority.grpc_port;
        Exchange::connect(self.stack.identity("payout")?, port).await
    }

    /// A connection to the management API, opened before it is needed.
    pub(super) async fn management(&self) -> Result<Connection> {
        Connection::plain(self.stack.authority.admin_port).await
    }

    /// A call that revokes and waits for the acknowledgements.
    pub(super) fn revocation(&self, target: &str) -> Request {
        let body = json!({"target": target, "wait": true});
        let path = format!("/v1/zones/{ZONE}/revocations");
        Request::post("localhost", &path, &body.to_string()).mandate(&self.token)
    }

    async fn post(&self, kind: &str, body: &Value) -> Result<()> {
        let path = format!("/v1/zones/{ZONE}/{kind}");
        let request = Request::post("localhost", &path, &body.to_string());
        let made = self.stack.authority.call(request).await;
        made.with_context(|| format!("POST {path}"))?;
        Ok(())
    }
}

/// An application that nobody uses.
pub(super) fn unused(number: usize) -> String {
    format!("unused-{number}")
}
