//! Where the cases are played: an authority, five Envoys with the filter, one upstream that counts.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::case::At;
use super::forge::Forge;
use super::fuzz;
use super::upstream::Upstream;
use super::variant;
use super::wire::Door;
use crate::client::{Request, tls};
use crate::mandates::Exchange;
use crate::stack::envoy::{Envoy, Mode, Role};
use crate::stack::identity::spiffe_id;
use crate::stack::zone::Grant;
use crate::stack::{Stack, ZONE, wait};

/// The resource that the cases are about.
pub const BANK: &str = "mercury-bank.internal";
/// Another resource behind the same upstream, for which nobody has a grant.
pub const VAULT: &str = "vault.internal";

/// The mandates that the cases carry.
#[derive(Debug)]
pub struct Kit {
    /// Issued for `GET /accounts/{id}`.
    pub account: String,
    /// Issued for `POST /payments`.
    pub payment: String,
    /// Issued to another workload, for `GET /accounts/{id}`.
    pub stolen: String,
    /// Issued, and revoked since.
    pub revoked: String,
    /// Issued for the resource that the fuzzer plays with.
    pub atlas: String,
    /// Makes the rest.
    pub forge: Forge,
    /// The zone's public keys, as everybody gets them.
    pub jwks: Value,
}

/// One way in.
#[derive(Debug)]
pub struct Way {
    /// Its name in tables.
    pub name: &'static str,
    /// Which cases are sent there.
    pub at: At,
    /// How to get there.
    pub door: Door,
    _envoy: Envoy,
}

/// Everything that runs.
#[derive(Debug)]
pub struct Site {
    /// The ways in.
    pub ways: Vec<Way>,
    /// What protects nothing itself.
    pub upstream: Upstream,
    /// The mandates.
    pub kit: Kit,
    /// The authority.
    pub stack: Stack,
}

impl Site {
    /// Starts everything.
    pub async fn start() -> Result<Self> {
        let stack = Stack::start().await?;
        register(&stack).await?;
        stack.activate_policy().await?;
        let upstream = Upstream::start().await?;
        let ways = ways(&stack, &upstream, Mode::Enforce).await?;
        // A main thread and a worker each.
        let points = ways.len() * 2;
        wait::until(
            "all points are connected",
            Duration::from_mins(1),
            async || (stack.connected_points().await.ok()?.len() >= points).then_some(()),
        )
        .await?;
        let kit = kit(&stack).await?;
        Ok(Self {
            ways,
            upstream,
            kit,
            stack,
        })
    }

    /// The way with a name.
    pub fn way(&self, name: &str) -> Result<&Way> {
        let mut ways = self.ways.iter();
        ways.find(|way| way.name == name)
            .with_context(|| format!("no way {name}"))
    }
}

/// Who connects where nothing else is said.
pub(crate) const WORKLOAD: &str = "payout";

/// The way in to a port as a workload.
pub(crate) fn door(stack: &Stack, port: u16, workload: &str) -> Result<Door> {
    let identity = stack.identity(workload)?;
    let (tls, tls2) = (tls::Client::new(identity)?, tls::Client::http2(identity)?);
    Ok(Door::Mutual(port, tls, tls2))
}

/// All ways in, with an Envoy of their own each.
pub(crate) async fn ways(stack: &Stack, upstream: &Upstream, mode: Mode) -> Result<Vec<Way>> {
    let instance = |name: &str| match mode {
        Mode::Native => format!("{name}-native"),
        Mode::Enforce | Mode::Shadow => name.to_owned(),
    };
    // What is compared must not depend on how busy the machine is.
    let patience = (mode == Mode::Native).then(|| ("STS_TIMEOUT", "1.5s".to_owned()));
    let mut settings = vec![
        (
            "RESOURCE_DOMAINS",
            format!("{BANK}, {VAULT}, {}", fuzz::HOST),
        ),
        ("UPSTREAM_PORT", upstream.port.to_string()),
    ];
    settings.extend(patience.clone());
    let mut ways = Vec::new();
    for (name, role, edit) in [
        ("shipped", Role::Resource, None),
        ("bare", Role::Resource, Some(variant::bare as variant::Edit)),
        (
            "repairing",
            Role::Resource,
            Some(variant::repairing as variant::Edit),
        ),
        ("gateway", Role::Gateway, None),
    ] {
        let rendered = stack
            .render_in(mode, role, &instance(name), &settings)
            .await?;
        let rendered = match edit {
            Some(edit) => rendered.edited(edit).await?,
            None => rendered,
        };
        let envoy = Envoy::start(&stack.parts, rendered, 1, stack.folder()).await?;
        let at = if role == Role::Gateway {
            At::Gateway
        } else {
            At::Resource
        };
        let door = door(stack, envoy.port(), WORKLOAD)?;
        ways.push(Way {
            name,
            at,
            door,
            _envoy: envoy,
        });
    }
    let port = ways.first().context("no way")?.door.port();
    let mut settings = vec![
        ("RESOURCE_PORT", port.to_string()),
        ("RESOURCE_SPIFFE_ID", spiffe_id("bank-proxy")?),
    ];
    settings.extend(patience);
    let rendered = stack
        .render_in(mode, Role::Agent, &instance("agent"), &settings)
        .await?;
    let envoy = Envoy::start(&stack.parts, rendered, 1, stack.folder()).await?;
    let door = Door::Plain(envoy.port());
    ways.push(Way {
        name: "agent",
        at: At::Agent,
        door,
        _envoy: envoy,
    });
    Ok(ways)
}

async fn kit(stack: &Stack) -> Result<Kit> {
    let exchange = async |workload: &str| {
        let identity = stack.identity(workload)?;
        Exchange::connect(identity, stack.authority.grpc_port).await
    };
    let mut payout = exchange("payout").await?;
    let account = payout.mandate("GET", BANK, "/accounts/42").await?;
    let revoked = payout.mandate("GET", BANK, "/accounts/42").await?;
    let id = crate::mandates::claims(&revoked)?;
    let id = id.get("jti").and_then(Value::as_str).context("no jti")?;
    let target = format!("mandate/{id}");
    stack
        .caracal(&["revoke", &target, "--wait", "--zone", ZONE])
        .await?;
    let mut research = exchange("research").await?;
    Ok(Kit {
        forge: Forge::open(&stack.authority.data, &account).await?,
        jwks: stack.authority.jwks(ZONE).await?,
        payment: payout.mandate("POST", BANK, "/payments").await?,
        atlas: payout.mandate("GET", fuzz::HOST, fuzz::HONEST).await?,
        stolen: research.mandate("GET", BANK, "/accounts/42").await?,
        account,
        revoked,
    })
}

async fn register(stack: &Stack) -> Result<()> {
    let post = async |path: &str, body: Value| -> Result<()> {
        let request = Request::post("localhost", path, &body.to_string());
        let answer = stack.authority.call(request).await;
        answer
            .map(|_| ())
            .with_context(|| format!("POST {path} {body}"))
    };
    let zone = |kind: &str| format!("/v1/zones/{ZONE}/{kind}");
    let issuer = "https://sts.caracal.dev/payments";
    post("/v1/zones", json!({"name": ZONE, "issuer": issuer})).await?;
    for (name, workload) in [("payout-agent", "payout"), ("research-agent", "research")] {
        let body = json!({"name": name, "spiffe_ids": [spiffe_id(workload)?]});
        post(&zone("applications"), body).await?;
    }
    for resource in [bank(), vault(), fuzz::catalogue::resource()] {
        post(&zone("resources"), resource).await?;
    }
    let names = ["mercury-bank", "vault", "atlas"];
    let proxy = json!({"name": "bank-proxy", "spiffe_id": spiffe_id("bank-proxy")?, "role": "resource", "resources": names});
    post(&zone("points"), proxy).await?;
    let gateway = json!({"name": "egress", "spiffe_id": spiffe_id("gateway")?, "role": "gateway", "resources": []});
    post(&zone("points"), gateway).await?;
    for (application, resource, scopes) in [
        (
            "payout-agent",
            "mercury-bank",
            &["accounts:read", "payments:write"][..],
        ),
        ("payout-agent", "atlas", &["atlas:use"]),
        ("research-agent", "mercury-bank", &["accounts:read"]),
    ] {
        let grant = Grant {
            application,
            resource,
            scopes,
            max_lifetime: None,
        };
        stack.grant(grant).await?;
    }
    Ok(())
}

fn operation(name: &str, method: &str, path: &str, scope: &str) -> Value {
    json!({"name": name, "method": method, "path": path, "scopes": [scope]})
}

/// What can be done at the bank. The cases hold `accounts:read` or `payments:write`, never the rest.
#[must_use]
pub fn bank() -> Value {
    json!({"name": "mercury-bank", "uri": format!("http://{BANK}"), "hosts": [BANK], "operations": [
        operation("list-accounts", "GET", "/accounts", "accounts:read"),
        operation("read-account", "GET", "/accounts/{id}", "accounts:read"),
        operation("close-account", "DELETE", "/accounts/{id}", "accounts:close"),
        operation("audit-accounts", "GET", "/accounts/summary", "accounts:audit"),
        operation("create-payment", "POST", "/payments", "payments:write"),
        operation("read-payments", "GET", "/payments", "payments:read"),
    ]})
}

fn vault() -> Value {
    json!({"name": "vault", "uri": format!("http://{VAULT}"), "hosts": [VAULT], "operations": [
        operation("read-secret", "GET", "/accounts/{id}", "secrets:read"),
    ]})
}
