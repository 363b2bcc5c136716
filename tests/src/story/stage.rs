//! What the story plays on.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::process::Command;

use super::load::Sent;
use super::narrator::Narrator;
use crate::client::{Connection, Request, Response, tls};
use crate::mandates::Exchange;
use crate::stack::envoy::{Envoy, Role};
use crate::stack::identity::spiffe_id;
use crate::stack::parts::repository;
use crate::stack::{Stack, wait};
use crate::upstream::{BANK, COMPLIANCE, INVOICES, Upstream};

/// The lease of every enforcement point here.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// Enforcement points of two workers and a main thread in each of the two Envoys.
const POINTS: usize = 6;

/// Everything that runs.
#[derive(Debug)]
pub struct Stage {
    /// Envoy beside the agent.
    pub agent: Envoy,
    /// Envoy beside the services.
    pub resource: Envoy,
    /// The protected services.
    pub upstream: Upstream,
    /// The authority.
    pub stack: Stack,
    /// Answers with status 200 that the harness was given on the guarded ways, by what it sent.
    pub(super) allowed: usize,
    /// Marks of the load's requests that were cut while they were under way.
    pub(super) cut: HashSet<u64>,
    /// Runs of the load so far.
    pub(super) loads: usize,
}

/// One line of the agent program.
#[derive(Debug, Deserialize)]
pub(super) struct AgentCall {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) reason: Option<String>,
}

impl Stage {
    /// Starts everything; nothing is granted yet.
    pub async fn build(narrator: &mut Narrator) -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        narrator.note(&format!(
            "authority: caracal up, gRPC :{} (mTLS), zone \"payments\"",
            stack.authority.grpc_port
        ))?;
        let upstream = Upstream::start().await?;
        let domains = format!("{BANK}, {INVOICES}, {COMPLIANCE}");
        let settings = [
            ("RESOURCE_DOMAINS", domains),
            ("UPSTREAM_PORT", upstream.port.to_string()),
        ];
        let resource = stack
            .envoy(Role::Resource, "resource-side", &settings)
            .await?;
        narrator.note(&format!(
            "resource side: Envoy :{} (mTLS) in front of {BANK}, {INVOICES}, {COMPLIANCE}",
            resource.port()
        ))?;
        let settings = [
            ("RESOURCE_PORT", resource.port().to_string()),
            ("RESOURCE_SPIFFE_ID", spiffe_id("bank-proxy")?),
        ];
        let agent = stack.envoy(Role::Agent, "agent-side", &settings).await?;
        narrator.note(&format!(
            "agent side: Envoy :{} (plain HTTP), the agent's HTTP_PROXY",
            agent.port()
        ))?;
        let stage = Self {
            agent,
            resource,
            upstream,
            stack,
            allowed: 0,
            cut: HashSet::new(),
            loads: 0,
        };
        stage.live().await?;
        Ok(stage)
    }

    /// Waits until every worker of both Envoys has live authority.
    pub(super) async fn live(&self) -> Result<()> {
        wait::until(
            "all enforcement points are connected",
            Duration::from_secs(20),
            async || {
                let points = self.stack.connected_points().await.ok()?;
                (points.len() >= POINTS).then_some(())
            },
        )
        .await
    }

    /// Runs the unchanged agent program; gives what it printed.
    pub(super) async fn run_agent(&mut self) -> Result<Vec<AgentCall>> {
        let program = repository().join("tests/agent/payout_agent.py");
        let output = Command::new("python3")
            .arg(program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env(
                "HTTP_PROXY",
                format!("http://127.0.0.1:{}", self.agent.port()),
            )
            .kill_on_drop(true)
            .output()
            .await
            .context("running the agent needs python3")?;
        let text = String::from_utf8(output.stdout)?;
        let calls = text
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<AgentCall>, _>>()?;
        self.allowed += calls.iter().filter(|call| call.status == 200).count();
        Ok(calls)
    }

    /// One request as the agent sends it.
    pub(super) async fn as_agent(&mut self, request: &Request) -> Result<Response> {
        let response = Connection::plain(self.agent.port())
            .await?
            .send(request)
            .await?;
        self.allowed += usize::from(response.status == 200);
        Ok(response)
    }

    /// Notes for the tally what became of the load.
    pub(super) fn note(&mut self, sent: &[Sent]) {
        self.allowed += sent.iter().filter(|request| request.status == 200).count();
        let cut = sent.iter().filter(|request| request.was_cut());
        self.cut.extend(cut.map(|request| request.mark));
        self.loads += 1;
    }

    /// One request straight to the resource side, as a workload.
    pub(super) async fn direct(&mut self, workload: &str, request: &Request) -> Result<Response> {
        let tls = tls::Client::new(self.stack.identity(workload)?)?;
        let response = Connection::mutual(self.resource.port(), &tls)
            .await?
            .send(request)
            .await?;
        self.allowed += usize::from(response.status == 200);
        Ok(response)
    }

    /// The token service's door, as a workload.
    pub(super) async fn exchange(&self, workload: &str) -> Result<Exchange> {
        Exchange::connect(
            self.stack.identity(workload)?,
            self.stack.authority.grpc_port,
        )
        .await
    }

    /// Waits until the payment goes through again, and tells how long that took. Without a pause
    /// between the tries: recovery must not depend on the mercy of the clients.
    pub(super) async fn recovered(&mut self, deadline: Duration) -> Result<Duration> {
        let start = tokio::time::Instant::now();
        let mut last = String::new();
        while start.elapsed() < deadline {
            match self.as_agent(&payment()).await {
                Ok(response) if response.status == 200 => return Ok(start.elapsed()),
                Ok(response) => last = response.verdict(),
                Err(error) => last = error.to_string(),
            }
        }
        anyhow::bail!(
            "requests are still refused {deadline:?} after the authority came back: {last}"
        )
    }
}

/// The agent's payment.
pub(super) fn payment() -> Request {
    Request::post(
        BANK,
        "/payments",
        r#"{"to":"Lynx Supplies","amount":"1250.00","currency":"EUR"}"#,
    )
}
