//! The Envoys in pairs, on one authority and one upstream.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::case::Case;
use super::compare::Seen;
use super::exception::is_listed;
use super::{Compared, Run};
use crate::client::Request;
use crate::hostile::case::At;
use crate::hostile::play::send;
use crate::hostile::site::{Kit, Site as Hostile, Way, door, ways};
use crate::hostile::wire::Door;
use crate::stack::envoy::Mode;
use crate::stack::identity::spiffe_id;
use crate::stack::zone::Grant;
use crate::stack::{Stack, ZONE};

/// Longer than a lease, and than the silence after which a feed is closed.
const LEASES_END: Duration = Duration::from_secs(3);

/// How often a case is sent that does not come out as it has to. A machine that stands still for longer
/// than an answer may take makes any two sides differ; what really differs does so each time.
const TRIES: usize = 3;

/// Longer than an answer may take, and than a connection needs to come back.
const RECOVERY: Duration = Duration::from_secs(2);

/// Everything that runs.
pub(super) struct Site {
    filters: Hostile,
    natives: Vec<Way>,
}

impl Site {
    pub(super) async fn start() -> Result<Self> {
        let filters = Hostile::start().await?;
        let stack = &filters.stack;
        // With a grant, and not in the policy.
        let name = "outsider";
        let application = json!({"name": name, "spiffe_ids": [spiffe_id("stranger")?]});
        let path = format!("/v1/zones/{ZONE}/applications");
        let request = Request::post("localhost", &path, &application.to_string());
        stack.authority.call(request).await?;
        let grant = Grant {
            application: name,
            resource: "mercury-bank",
            scopes: &["accounts:read"],
            max_lifetime: None,
        };
        stack.grant(grant).await?;
        let natives = ways(stack, &filters.upstream, Mode::Native).await?;
        Ok(Self { filters, natives })
    }

    pub(super) const fn kit(&self) -> &Kit {
        &self.filters.kit
    }

    pub(super) const fn stack(&self) -> &Stack {
        &self.filters.stack
    }

    pub(super) async fn revoke_research(&self) -> Result<()> {
        let target = "application/research-agent";
        let arguments = ["revoke", target, "--wait", "--zone", ZONE];
        self.stack().caracal(&arguments).await?;
        Ok(())
    }

    /// Nobody answers any more, and no lease is left.
    pub(super) async fn freeze(&self) -> Result<()> {
        self.stack().authority.freeze().await?;
        tokio::time::sleep(LEASES_END).await;
        Ok(())
    }

    pub(super) async fn thaw(&self) -> Result<()> {
        self.stack().authority.thaw().await
    }

    pub(super) async fn play(&self, cases: Vec<Case>) -> Result<Vec<Compared>> {
        // What the readiness of anything sent before does not count.
        drop(self.filters.upstream.take());
        let mut all = Vec::new();
        for case in cases {
            let mut tries = 1;
            let mut runs = self.everywhere(&case).await?;
            while tries < TRIES && runs.iter().any(|run| run.differs.is_some()) != is_listed(&case)
            {
                tokio::time::sleep(RECOVERY).await;
                drop(self.filters.upstream.take());
                runs = self.everywhere(&case).await?;
                tries += 1;
            }
            all.push(Compared { case, runs, tries });
        }
        Ok(all)
    }

    async fn everywhere(&self, case: &Case) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for filter in self.filters.ways.iter().filter(|way| way.at == case.at) {
            let mut natives = self.natives.iter();
            let native = natives.find(|way| way.name == filter.name);
            let native = native.with_context(|| format!("no twin of {}", filter.name))?;
            runs.extend(self.both(case, filter, native).await?);
        }
        Ok(runs)
    }

    async fn both(&self, case: &Case, filter: &Way, native: &Way) -> Result<Vec<Run>> {
        let upstream = &self.filters.upstream;
        let first = send(upstream, &self.door(case, filter)?, &case.message).await?;
        let second = send(upstream, &self.door(case, native)?, &case.message).await?;
        let runs = first.into_iter().zip(second);
        Ok(runs
            .map(|((protocol, answers, arrived), (_, others, other))| {
                let id = |answers: &[crate::hostile::wire::Answer]| {
                    let mut answers = answers.iter();
                    answers.find_map(|answer| answer.field("x-request-id").map(str::to_owned))
                };
                Run {
                    way: filter.name,
                    protocol,
                    passed: [&arrived, &other].map(|arrived| !arrived.requests.is_empty()),
                    ids: [id(&answers), id(&others)],
                    differs: Seen::difference(
                        &Seen::new(&answers, &arrived),
                        &Seen::new(&others, &other),
                    ),
                }
            })
            .collect())
    }

    fn door(&self, case: &Case, way: &Way) -> Result<Door> {
        match case.at {
            At::Agent => Ok(way.door.clone()),
            At::Resource | At::Gateway => door(self.stack(), way.door.port(), case.peer),
        }
    }
}
