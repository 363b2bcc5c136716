//! Two orchestrators, three agents that they call, and two that one of those calls: programs in two
//! languages, each behind its own sidecar, and the protected services behind theirs.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::agents::{Agent, Language};
use crate::stack::envoy::{Envoy, Role};
use crate::stack::identity::spiffe_id;
use crate::stack::sidecar::{Destination, Workload};
use crate::stack::zone::Grant;
use crate::stack::{Stack, ZONE, ports, wait};
use crate::upstream::{BANK, COMPLIANCE, INVOICES, Upstream};

/// Everybody, and in which language.
const AGENTS: [(&str, Language); 7] = [
    ("orchestrator", Language::Python),
    ("payroll", Language::JavaScript),
    ("invoicer", Language::Python),
    ("payer", Language::JavaScript),
    ("auditor", Language::Python),
    ("exchanger", Language::Python),
    ("booker", Language::JavaScript),
];

/// Who begins.
pub const ROOTS: [&str; 2] = ["orchestrator", "payroll"];

/// Who has whom act, where, and how.
const DELEGATIONS: [(&str, &str, &str, &str); 9] = [
    ("ROOT", "invoicer", "invoices", "invoices:read"),
    ("ROOT", "payer", "mercury-bank", "payments:write"),
    ("ROOT", "payer", "mercury-bank", "accounts:read"),
    ("ROOT", "payer", "compliance", "compliance:check"),
    ("ROOT", "payer", "exchanger", "exchanger:call"),
    ("ROOT", "payer", "booker", "booker:call"),
    ("ROOT", "auditor", "mercury-bank", "accounts:read"),
    ("payer", "exchanger", "mercury-bank", "accounts:read"),
    ("payer", "booker", "compliance", "compliance:check"),
];

/// Any application may act; grants and delegations say where.
const POLICY: &str =
    "package caracal.policy\n\ndefault allow := false\n\nallow if input.application.name\n";

/// Longest wait until every filter is connected.
const START: Duration = Duration::from_mins(1);

/// All of it, running.
pub struct Mesh {
    agents: BTreeMap<&'static str, Agent>,
    _sidecars: Vec<Envoy>,
    _services: Envoy,
    /// The protected services.
    pub upstream: Upstream,
    /// The authority.
    pub stack: Stack,
}

/// The host of an agent.
#[must_use]
pub fn host(agent: &str) -> String {
    format!("{agent}.internal")
}

impl Mesh {
    /// Starts everything and waits until every filter is connected.
    pub async fn start() -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        register(&stack).await?;
        let upstream = Upstream::start().await?;
        let settings = [
            (
                "RESOURCE_DOMAINS",
                format!("{BANK}, {INVOICES}, {COMPLIANCE}"),
            ),
            ("UPSTREAM_PORT", upstream.port.to_string()),
        ];
        let services = stack.envoy(Role::Resource, "services", &settings).await?;
        let service = |host: &str| Destination {
            host: host.to_owned(),
            port: services.port(),
            identity: "bank-proxy".to_owned(),
        };
        let mut destinations: Vec<_> = [BANK, INVOICES, COMPLIANCE].map(service).into();
        let mut places = Vec::new();
        for (name, language) in AGENTS {
            let (program, inbound) = (ports::free()?, ports::free()?);
            destinations.push(Destination {
                host: host(name),
                port: inbound,
                identity: name.to_owned(),
            });
            places.push((name, language, program, inbound));
        }
        let (mut agents, mut sidecars) = (BTreeMap::new(), Vec::new());
        for (name, language, program, inbound) in places {
            let workload = Workload {
                name,
                host: &host(name),
                program,
                inbound,
            };
            let sidecar = stack.sidecar(workload, &destinations).await?;
            let who = (name, language);
            let agent = Agent::start(who, program, sidecar.port(), stack.folder()).await?;
            agents.insert(name, agent);
            sidecars.push(sidecar);
        }
        // On two workers and the main thread: one filter before the services, two around each agent.
        let points = 3 + 6 * AGENTS.len();
        wait::until("every filter is connected", START, async || {
            (stack.connected_points().await.ok()?.len() >= points).then_some(())
        })
        .await?;
        Ok(Self {
            agents,
            _sidecars: sidecars,
            _services: services,
            upstream,
            stack,
        })
    }

    /// An agent.
    pub fn agent(&self, name: &str) -> Result<&Agent> {
        self.agents
            .get(name)
            .with_context(|| format!("there is no agent {name}"))
    }

    /// The session of an orchestrator.
    pub async fn session(&self, application: &str) -> Result<String> {
        let sessions = self
            .stack
            .caracal(&["session", "list", "--zone", ZONE])
            .await?;
        let sessions = sessions.get("items").unwrap_or(&sessions);
        let own = sessions.as_array().and_then(|sessions| {
            sessions.iter().find(|session| {
                session.get("application").and_then(Value::as_str) == Some(application)
            })
        });
        let id = own.and_then(|session| session.get("id")?.as_str());
        Ok(id
            .with_context(|| format!("{application} has no session: {sessions}"))?
            .to_owned())
    }

    /// How often a path was reached at the services.
    #[must_use]
    pub fn reached(&self, path: &str) -> usize {
        let arrivals = self.upstream.arrivals.all();
        arrivals.iter().filter(|one| one.path == path).count()
    }
}

/// Registers the agents, as applications and as resources, with what they may do.
async fn register(stack: &Stack) -> Result<()> {
    for (name, _) in AGENTS {
        let application = json!({"name": name, "spiffe_ids": [spiffe_id(name)?]});
        stack.create("applications", &application).await?;
        let host = host(name);
        let scope = format!("{name}:call");
        let operation =
            json!({"name": "work", "method": "POST", "path": "/work", "scopes": [scope]});
        let resource = json!({"name": name, "uri": format!("http://{host}"), "hosts": [host],
            "application": name, "operations": [operation]});
        stack.create("resources", &resource).await?;
    }
    for application in ROOTS {
        let called = ["invoicer", "payer", "auditor", "exchanger", "booker"];
        let calls = called.map(|name| (name, vec![format!("{name}:call")]));
        let services = [
            ("invoices", vec!["invoices:read".to_owned()]),
            ("compliance", vec!["compliance:check".to_owned()]),
            (
                "mercury-bank",
                vec!["accounts:read".to_owned(), "payments:write".to_owned()],
            ),
        ];
        for (resource, scopes) in calls.into_iter().chain(services) {
            let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
            let grant = Grant {
                application,
                resource,
                scopes: &scopes,
                max_lifetime: None,
            };
            stack.grant(grant).await?;
        }
    }
    for (from, to, resource, scope) in DELEGATIONS {
        let from = if from == "ROOT" { &ROOTS[..] } else { &[from] };
        for from in from {
            let what = ["--from", from, "--to", to, "--resource", resource];
            let how = ["--scope", scope, "--max-depth", "1", "--zone", ZONE];
            let arguments = [&["delegation", "create"][..], &what, &how].concat();
            stack.caracal(&arguments).await?;
        }
    }
    let file = stack.write("mesh.rego", POLICY).await?;
    let file = file.display().to_string();
    stack
        .caracal(&["policy", "apply", &file, "--zone", ZONE])
        .await?;
    Ok(())
}
