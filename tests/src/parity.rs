//! One table of cases through two real Envoys each: one with the filter, one with Envoy's own
//! `ext_authz` and the same token service. What is answered, what reaches the upstream and what stands
//! in the ledger has to be the same; where Envoy itself makes that impossible, [`exception`] names it.

pub mod case;
mod compare;
pub mod exception;
mod ledger;
pub mod report;
mod site;

use anyhow::Result;

use crate::Boxed;
use case::Case;
use ledger::Books;
use site::Site;

/// One case through one pair of Envoys in one protocol.
#[derive(Debug, Clone)]
pub struct Run {
    /// The pair.
    pub way: &'static str,
    /// 1 or 2.
    pub protocol: u8,
    /// Whether a whole request got to the upstream, through the filter and through `ext_authz`.
    pub passed: [bool; 2],
    /// `x-request-id` of both answers, where there is one.
    ids: [Option<String>; 2],
    /// What differs.
    pub differs: Option<String>,
}

/// A case with everything that became of it.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The case.
    pub case: Case,
    /// Its runs, of the last time that it was sent.
    pub runs: Vec<Run>,
    /// How often it was sent.
    pub tries: usize,
}

/// Sends everything through both.
#[must_use]
pub fn run() -> Boxed<'static, Result<Vec<Compared>>> {
    Box::pin(async {
        let site = Site::start().await?;
        let mut all = Vec::new();
        all.extend(site.play(case::all(site.kit())).await?);
        site.revoke_research().await?;
        all.extend(site.play(case::revoked(site.kit())).await?);
        // Before the authority is away, or there is nobody to ask.
        let books = Books::read(&site).await?;
        for compared in &mut all {
            books.compare(compared);
        }
        site.freeze().await?;
        let away = site.play(case::away(site.kit())).await;
        site.thaw().await?;
        all.extend(away?);
        Ok(all)
    })
}
