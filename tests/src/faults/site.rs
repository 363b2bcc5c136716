//! One gateway with everything that it needs: two replicas of the authority on the same data, one that
//! is left alone and takes the commits, and one that Envoy speaks to; Envoy; a service that counts.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::Instant;

use super::clock;
use super::committer::Committer;
use super::gate::Gate;
use super::interposer::Interposer;
use super::line::{Door, Letter, Line, Reply, Version};
use super::row::{Place, Whose};
use super::xds::{self, Resources, count};
use crate::client::tls;
use crate::mandates::Exchange;
use crate::stack::authority::Authority;
use crate::stack::envoy::{Envoy, Rendered, Role};
use crate::stack::{Stack, ZONE, parts, wait};
use crate::upstream::{BANK, Upstream};

/// The lease of every point.
pub(super) const LEASE: Duration = Duration::from_secs(1);

/// How long Envoy keeps an idle stream; the shipped configuration says a minute.
const IDLE: &str = "2s";

/// Longest time until a replica has applied its own commit.
const APPLIED: Duration = Duration::from_secs(5);

/// Who is revoked, and who never is.
const APPLICATIONS: [(&str, &str); 2] =
    [("payout", "payout-agent"), ("research", "research-agent")];

/// What the mandates of a fault are for.
const SCOPES: [&str; 2] = ["accounts:read", "payments:write"];

/// A gateway, as it is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Which rows are played on it.
    pub place: Place,
    /// Whether Envoy hands content to the filter while the head waits
    /// (`allow_on_headers_stop_iteration`).
    pub ahead: bool,
}

/// All that runs for one gateway. What is named first is dropped first.
pub(super) struct Site {
    pub(super) kind: Kind,
    pub(super) envoy: Option<Envoy>,
    pub(super) gate: Gate,
    pub(super) interposer: Option<Interposer>,
    pub(super) resources: Resources,
    pub(super) service: Authority,
    pub(super) upstream: Upstream,
    pub(super) revoked_door: Door,
    pub(super) control_door: Door,
    committer: Committer,
    revoked_exchange: Exchange,
    control_exchange: Exchange,
    rendered: Rendered,
    /// The program that starts Envoy, and what comes before Envoy's own arguments.
    program: (PathBuf, Vec<String>),
    /// Since when somebody's machine is suspended.
    suspended: Option<Instant>,
    pub(super) stack: Stack,
}

/// Mandates of one fault.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    /// The grant that is going to be revoked.
    pub(super) grant: String,
    /// Of that grant: one that the point knows, and ones that it has not seen.
    pub(super) known: String,
    pub(super) first: Vec<String>,
    /// Of a grant that stays.
    pub(super) control: String,
    pub(super) control_first: Vec<String>,
}

impl Site {
    /// Starts everything.
    pub(super) async fn start(kind: Kind) -> Result<Self> {
        let replica = |name: &str| {
            let lease = LEASE.as_millis().to_string();
            ["--lease-ms", &lease, "--replica", name].map(str::to_owned)
        };
        let mut stack = Stack::start_with(&replica("spared")).await?;
        if kind.place == Place::Trap {
            stack.parts.filter = parts::trap_filter()?;
        }
        stack.register().await?;
        stack.activate_policy().await?;
        let service = second(&stack, kind, &replica("struck")).await?;
        let upstream = Upstream::start().await?;
        let interposer = match kind.place {
            Place::Frames => {
                let (own, point) = (stack.identity("sts")?, stack.identity("bank-proxy")?);
                Some(Interposer::start(own, point, service.grpc_port).await?)
            }
            Place::Straight | Place::Trap | Place::Clock => None,
        };
        let to = interposer.as_ref().map(|interposer| interposer.port);
        let gate = Gate::start(to.unwrap_or(service.grpc_port))?;
        let (rendered, resources) = configuration(&stack, kind, gate.port, upstream.port).await?;
        let program = program(&stack, kind).await?;
        let port = rendered.port;
        let door = |workload: &str| -> Result<Door> {
            let identity = stack.identity(workload)?;
            let (one, two) = (tls::Client::new(identity)?, tls::Client::http2(identity)?);
            Ok(Door { port, one, two })
        };
        let exchange = async |workload: &str| {
            let identity = stack.identity(workload)?;
            Exchange::connect(identity, stack.authority.grpc_port).await
        };
        let [(revoked, _), (control, control_application)] = APPLICATIONS;
        let mut site = Self {
            kind,
            envoy: None,
            gate,
            interposer,
            resources,
            service,
            upstream,
            revoked_door: door(revoked)?,
            control_door: door(control)?,
            committer: Committer::of(&stack.authority).await?,
            revoked_exchange: exchange(revoked).await?,
            control_exchange: exchange(control).await?,
            rendered,
            program,
            suspended: None,
            stack,
        };
        site.start_envoy().await?;
        let committer = site.committer();
        committer
            .grant(control_application, "mercury-bank", &SCOPES)
            .await?;
        Ok(site)
    }

    /// Starts Envoy, anew where it runs.
    pub(super) async fn start_envoy(&mut self) -> Result<()> {
        self.envoy = None;
        let (program, before) = &self.program;
        let rendered = self.rendered.clone();
        let folder = self.stack.folder();
        self.envoy = Some(Envoy::start_as(program, before, rendered, 1, folder).await?);
        Ok(())
    }

    /// Envoy.
    pub(super) fn envoy(&self) -> Result<&Envoy> {
        self.envoy.as_ref().context("no Envoy runs")
    }

    /// Somebody's clock.
    fn clock(&self, whose: Whose) -> Result<clock::File> {
        let (folder, pid) = match whose {
            Whose::Envoy => (self.stack.folder().to_owned(), self.envoy()?.pid()?),
            Whose::Service => (self.stack.folder().join("struck"), self.service.pid()?),
        };
        let clock = clock::File::of(&folder);
        clock.is_read_by(pid)?;
        Ok(clock)
    }

    /// Sets somebody's wall clock so many seconds off.
    pub(super) async fn set_clock(&self, whose: Whose, seconds: i64) -> Result<()> {
        self.clock(whose)?.set(seconds).await
    }

    /// Stops somebody's machine, as it were.
    pub(super) async fn suspend(&mut self, whose: Whose) -> Result<()> {
        match whose {
            Whose::Envoy => self.signal_envoy("STOP").await?,
            Whose::Service => self.service.freeze().await?,
        }
        self.suspended = Some(Instant::now());
        Ok(())
    }

    /// Has it go on, with a monotonic clock that did not notice.
    pub(super) async fn resume(&mut self, whose: Whose) -> Result<()> {
        if let Some(since) = self.suspended.take() {
            self.clock(whose)?.stood_still(since.elapsed()).await?;
        }
        match whose {
            Whose::Envoy => self.signal_envoy("CONT").await,
            Whose::Service => self.service.thaw().await,
        }
    }

    /// Mandates for the next fault, on a grant of their own.
    pub(super) async fn cast(&self, content: bool, first: usize) -> Result<Cast> {
        let [(_, revoked), _] = APPLICATIONS;
        let grant = self
            .committer
            .grant(revoked, "mercury-bank", &SCOPES)
            .await?;
        // The replica applies a commit a moment after it has answered.
        let known = async || issue(&self.revoked_exchange, content, 1).await.ok();
        wait::until("the grant is known", APPLIED, known).await?;
        let mut own = issue(&self.revoked_exchange, content, first + 1).await?;
        let mut others = issue(&self.control_exchange, content, first / 2 + 1).await?;
        Ok(Cast {
            grant,
            known: own.pop().context("no mandate")?,
            first: own,
            control: others.pop().context("no mandate")?,
            control_first: others,
        })
    }

    /// Whoever commits, apart from everything else here.
    pub(super) fn committer(&self) -> Committer {
        self.committer.clone()
    }

    /// Revokes a grant.
    pub(super) async fn revoke(&self, grant: &str) -> Result<()> {
        self.committer.revoke(grant).await
    }

    /// Sends one request over a connection of its own.
    pub(super) async fn ask_once(
        &self,
        door: &Door,
        version: Version,
        letter: &Letter,
        patience: Duration,
    ) -> Result<Reply> {
        let ask = async { Line::open(door, version).await?.ask(letter).await };
        tokio::time::timeout(patience, ask)
            .await
            .context("no answer")?
    }

    /// How many requests Envoy's workers have asked about.
    pub(super) async fn asked(&self) -> Result<u64> {
        count(self.envoy()?, "wasmcustom.caracal_stale_checks").await
    }

    /// How often a VM has trapped.
    pub(super) async fn trapped(&self) -> Result<usize> {
        let log = self.stack.log(self.kind.name).await?;
        Ok(log.matches("trapped on demand").count())
    }

    /// When the filter decided on a request, in Unix milliseconds; from the ledger.
    pub(super) async fn decided_ms(&self, request_id: &str) -> Option<u64> {
        let command = ["explain", request_id, "--zone", ZONE];
        let told = self.stack.caracal(&command).await.ok()?;
        let items = told.get("items")?.as_array()?;
        let events = items.iter().filter_map(|item| item.get("event"));
        let filter = Value::from("filter");
        let mut own = events.filter(|event| event.get("component") == Some(&filter));
        own.next()?.get("time_ms")?.as_u64()
    }

    /// Sends Envoy a signal.
    pub(super) async fn signal_envoy(&self, signal: &str) -> Result<()> {
        let pid = self.envoy()?.pid()?.to_string();
        let status = Command::new("kill")
            .args([format!("-{signal}"), pid])
            .status()
            .await?;
        ensure!(status.success(), "kill -{signal}: {status}");
        Ok(())
    }
}

async fn issue(exchange: &Exchange, content: bool, number: usize) -> Result<Vec<String>> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..number {
        let mut exchange = exchange.clone();
        tasks.spawn(async move {
            if content {
                exchange.mandate("POST", BANK, "/payments").await
            } else {
                exchange.mandate("GET", BANK, "/accounts/42").await
            }
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// A replica on the same data.
async fn second(stack: &Stack, kind: Kind, arguments: &[String]) -> Result<Authority> {
    let folder = stack.folder().join("struck");
    tokio::fs::create_dir_all(&folder).await?;
    tokio::fs::symlink(&stack.authority.data, folder.join("data")).await?;
    let mut parts = stack.parts.clone();
    if kind.place == Place::Clock {
        let clock = clock::File::make(&folder).await?;
        parts.caracal = clock.script(&parts.caracal, &folder).await?;
    }
    Authority::start(&parts, &stack.identities, &folder, arguments).await
}

async fn configuration(
    stack: &Stack,
    kind: Kind,
    gate: u16,
    upstream: u16,
) -> Result<(Rendered, Resources)> {
    let settings = [
        ("RESOURCE_DOMAINS", BANK.to_owned()),
        ("UPSTREAM_PORT", upstream.to_string()),
        ("LEASE_MS", LEASE.as_millis().to_string()),
    ];
    let rendered = stack.render(Role::Resource, kind.name, &settings).await?;
    let service = format!("port_value: {}", stack.authority.grpc_port);
    let idle = format!("stream_idle_timeout: {IDLE}");
    // Trailers of HTTP/1.1 are dropped unless they are asked for.
    let trailers =
        "http_protocol_options: { enable_trailers: true }\n          http2_protocol_options:";
    let mut edits = vec![
        (service.as_str(), format!("port_value: {gate}")),
        ("stream_idle_timeout: 60s", idle),
        (
            "http2_protocol_options:\n            max",
            format!("{trailers}\n            max"),
        ),
    ];
    if kind.ahead {
        let policy = "failure_policy: FAIL_RELOAD\n";
        let ahead = "                allow_on_headers_stop_iteration: true\n";
        edits.push((policy, format!("{policy}{ahead}")));
    }
    let rendered = rendered
        .edited(|text| {
            edits.iter().try_fold(text.to_owned(), |text, (from, to)| {
                ensure!(text.contains(from), "the configuration has no {from}");
                Ok(text.replacen(from, to, 1))
            })
        })
        .await?;
    xds::split(&rendered, stack.folder()).await
}

/// Envoy as usual, but for how long it drains; or with a wall clock that a file sets.
async fn program(stack: &Stack, kind: Kind) -> Result<(PathBuf, Vec<String>)> {
    let drain = ["--drain-time-s".to_owned(), "1".to_owned()].to_vec();
    if kind.place != Place::Clock {
        return Ok((stack.parts.envoy.clone(), drain));
    }
    let clock = clock::File::make(stack.folder()).await?;
    let program = clock.script(&stack.parts.envoy, stack.folder()).await?;
    Ok((program, drain))
}
