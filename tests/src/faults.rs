//! Faults, injected into real gateways around a revocation: nothing that was revoked is let through a
//! lease after the commit, nobody is refused but for the reason that the fault gives, and each gateway
//! lives again.
//!
//! - [`matrix`]: every row, with what clients may get.
//! - [`plan`]: which faults are injected on which gateway.
//! - [`gate`], [`mischief`]: what can happen to bytes and frames on their way.
//! - [`report`]: the table of `docs/faults.md`.

mod act;
mod clock;
mod committer;
pub mod gate;
mod interposer;
mod judge;
pub mod line;
mod load;
pub mod matrix;
pub mod mischief;
pub mod plan;
pub mod report;
pub mod row;
mod site;
mod stall;
mod trial;
pub mod xds;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tokio::task::{JoinSet, LocalSet};

use crate::Boxed;
use crate::stack::parts::repository;
use judge::Judged;
use plan::{Extent, Fault, KINDS, faults};
use row::Row;
use site::{Kind, Site};
use stall::Stalls;

/// How often a fault is played that proves nothing either way.
const TRIES: usize = 4;

/// One fault, and what it came to.
#[derive(Debug)]
pub struct Played {
    /// The gateway.
    pub gateway: &'static str,
    /// The fault.
    pub fault: Fault,
    /// Why it had to be played again, and what it came to in the end, if it did.
    pub void: Vec<String>,
    judged: Option<Judged>,
}

/// Everything that was found out.
#[derive(Debug)]
pub struct Report {
    /// All faults.
    pub played: Vec<Played>,
}

impl Report {
    /// The faults of a row.
    fn of(&self, row: &'static Row) -> impl Iterator<Item = &Played> {
        let own = move |played: &&Played| played.fault.row.name == row.name;
        self.played.iter().filter(own)
    }

    /// Requests with revoked mandates that were let through too late.
    #[must_use]
    pub fn late(&self) -> usize {
        self.played.iter().map(Played::late).sum()
    }
}

impl Played {
    fn late(&self) -> usize {
        self.judged.as_ref().map_or(0, |judged| judged.late)
    }

    fn lived(&self) -> bool {
        self.judged.as_ref().is_some_and(|judged| judged.lived)
    }

    fn seen(&self) -> impl Iterator<Item = &str> {
        let seen = self.judged.iter().flat_map(|judged| &judged.seen);
        seen.map(String::as_str)
    }

    fn name(&self) -> String {
        let Fault {
            row,
            moment,
            version,
        } = self.fault;
        let (moment, version) = (moment.as_str(), version.as_str());
        format!("{}, {moment}, {version}, {}", row.name, self.gateway)
    }

    fn problems(&self) -> Vec<String> {
        let name = self.name();
        let Some(judged) = &self.judged else {
            return vec![format!("{name}: proved nothing: {:?}", self.void)];
        };
        let late = (judged.late > 0).then(|| format!("{} late allows", judged.late));
        let problems = late.into_iter().chain(judged.problems.iter().cloned());
        problems
            .map(|problem| format!("{name}: {problem}"))
            .collect()
    }

    fn line(&self) -> String {
        let name = self.name();
        self.judged.as_ref().map_or_else(
            || format!("{name}: {:?}\n", self.void),
            |judged| {
                let again = if self.void.is_empty() {
                    String::new()
                } else {
                    format!(", played again: {:?}", self.void)
                };
                format!(
                    "{name}: {} requests, {} passed in time, {} late, {:?}{again}\n",
                    judged.requests, judged.passed, judged.late, judged.seen
                )
            },
        )
    }
}

/// Plays all faults, the gateways side by side. `only` names rows and gateways; empty, it is all of them.
#[must_use]
pub fn run(extent: Extent, only: &str) -> Boxed<'static, Result<Report>> {
    let only = only.to_owned();
    Box::pin(async move {
        let stalls = Stalls::watch();
        let local = LocalSet::new();
        let all = local.run_until(async {
            let mut gateways = JoinSet::new();
            for kind in KINDS {
                let (only, stalls) = (only.clone(), stalls.clone());
                gateways.spawn_local(async move { gateway(kind, extent, &only, &stalls).await });
            }
            gateways.join_all().await
        });
        let mut played = Vec::new();
        for gateway in all.await {
            played.extend(gateway?);
        }
        Ok(Report { played })
    })
}

async fn gateway(kind: Kind, extent: Extent, only: &str, stalls: &Stalls) -> Result<Vec<Played>> {
    let mut faults = faults(&kind, extent);
    faults.retain(|fault| fault.row.name.contains(only) || kind.name == only);
    let mut played = Vec::new();
    if faults.is_empty() {
        return Ok(played);
    }
    let site = Site::start(kind).await;
    let mut site = site.with_context(|| format!("starting {}", kind.name))?;
    for fault in faults {
        played.push(play(&mut site, fault, stalls).await);
    }
    Ok(played)
}

async fn play(site: &mut Site, fault: Fault, stalls: &Stalls) -> Played {
    let mut played = Played {
        gateway: site.kind.name,
        fault,
        void: Vec::new(),
        judged: None,
    };
    while played.judged.is_none() && played.void.len() < TRIES {
        match trial::play(site, &fault, stalls).await {
            Ok(judged) => played.judged = Some(judged),
            Err(error) => played.void.push(format!("{error:#}")),
        }
    }
    if std::env::var_os("CARACAL_FAULTS_VERBOSE").is_some() {
        eprint!("{}", played.line());
        played
            .problems()
            .iter()
            .for_each(|problem| eprintln!("  PROBLEM {problem}"));
    }
    played
}

/// The document that is held against the rows.
#[must_use]
pub fn document() -> PathBuf {
    repository().join("docs/faults.md")
}

/// Where the generated part of the document begins.
const BEGIN: &str = "<!-- generated by make faults -->\n";
/// And where it ends.
const END: &str = "<!-- end -->\n";

/// The document with its generated part replaced.
#[must_use]
pub fn renewed(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}
