//! What one fault came to.
//!
//! A revocation is committed between the call and its answer. So what was *sent* a lease after the
//! answer and let through is certainly late, and what *arrived* at the service within a lease of the
//! call certainly is not. In between the ledger tells when the filter decided; where that does not
//! settle it, the fault has proved nothing and is played again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;

use super::load::{Got, Sent};
use super::row::{CLOSED, PASSED, Place, REVOKED, Row};
use super::site::{LEASE, Site};
use super::trial::Committed;
use crate::stack::wait;

/// How long the ledger may take to have a decision.
const RECORDED: Duration = Duration::from_secs(10);

/// Most requests of one fault that may be cut: each of four clients has one under way at a time, and
/// the lease may end and begin anew.
const CUTS: usize = 8;

/// That something was done to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Evidence {
    frames: u64,
    traps: usize,
}

impl Evidence {
    pub(super) async fn now(site: &Site) -> Result<Self> {
        let interposer = site.interposer.as_ref();
        Ok(Self {
            frames: interposer.map_or(0, super::interposer::Interposer::done),
            traps: site.trapped().await?,
        })
    }
}

/// Everything that is known of one fault.
pub(super) struct Story {
    pub(super) row: &'static Row,
    pub(super) committed: Committed,
    /// When the fault, or the commit before it, began.
    pub(super) began: Instant,
    /// When it was taken away.
    pub(super) removed: Instant,
    pub(super) sent: Vec<Sent>,
    pub(super) before: Evidence,
    pub(super) after: Evidence,
    pub(super) lived: bool,
}

/// What it came to.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    /// Requests with a revoked mandate that were let through later than a lease after the commit.
    pub(super) late: usize,
    /// Whether the gateway decided alone again.
    pub(super) lived: bool,
    /// What clients with a mandate that stays got while the fault lasted.
    pub(super) seen: BTreeSet<String>,
    /// Requests that were sent.
    pub(super) requests: usize,
    /// Those with a revoked mandate that were let through, rightly.
    pub(super) passed: usize,
    /// What is wrong.
    pub(super) problems: Vec<String>,
}

impl Judged {
    /// Whether nothing is wrong.
    #[must_use]
    pub(super) const fn is_good(&self) -> bool {
        self.late == 0 && self.lived && self.problems.is_empty()
    }
}

/// Judges.
pub(super) async fn judge(site: &Site, story: Story, problems: Vec<String>) -> Result<Judged> {
    let mut judged = Judged {
        late: 0,
        lived: story.lived,
        seen: BTreeSet::new(),
        requests: story.sent.len(),
        passed: 0,
        problems,
    };
    let mut arrivals = HashMap::new();
    for arrival in site.upstream.arrivals.all() {
        if arrival.leaked {
            judged
                .problems
                .push("a mandate reached the service".to_owned());
        }
        if let Some(mark) = arrival.mark {
            arrivals.insert(mark, arrival.at);
        }
    }
    let mut cuts = 0;
    for sent in &story.sent {
        let arrived = arrivals.get(&sent.mark).copied();
        if let (true, Some(arrived)) = (sent.voice.is_revoked(), arrived) {
            if is_late(site, &story, sent, arrived).await? {
                judged.late += 1;
            } else {
                judged.passed += 1;
            }
        }
        let got = sent.got.text();
        if got == PASSED && arrived.is_none() {
            judged
                .problems
                .push("a success that nobody knows of".to_owned());
        }
        let revoked = sent.voice.is_revoked() && got == REVOKED;
        // What is under way when its mandate is revoked, or the lease ends, is cut.
        let is_cut = got == CLOSED && cuts < CUTS;
        cuts += usize::from(is_cut);
        if !revoked && !is_cut && !story.row.permits(&got) {
            let after = sent.at.duration_since(story.began);
            let problem = format!("{:?} got {got}, sent {after:?} after it began", sent.voice);
            judged.problems.push(problem);
        }
        if !sent.voice.is_revoked() && (story.began..story.removed).contains(&sent.at) {
            judged.seen.insert(got);
        }
    }
    let Story { before, after, .. } = story;
    let felt = match story.row.place {
        Place::Frames => after.frames > before.frames,
        Place::Trap => after.traps > before.traps,
        Place::Straight | Place::Clock => true,
    };
    if !felt {
        judged.problems.push("nothing was done to it".to_owned());
    }
    Ok(judged)
}

async fn is_late(site: &Site, story: &Story, sent: &Sent, arrived: Instant) -> Result<bool> {
    let committed = &story.committed;
    if arrived <= committed.called + LEASE {
        return Ok(false);
    }
    if sent.at >= committed.answered + LEASE {
        return Ok(true);
    }
    // Its clock was set: what the ledger says of the time is of no use.
    let Got::Reply(reply) = &sent.got else {
        bail!("a request that arrived at the end of the lease was not answered");
    };
    if story.row.place == Place::Clock {
        bail!("a request arrived at the end of the lease");
    }
    let id = reply.request_id.as_deref().context("no request id")?;
    let decided = async || site.decided_ms(id).await;
    let decided = wait::until("the ledger has the decision", RECORDED, decided).await?;
    let lease = u64::try_from(LEASE.as_millis())?;
    if decided < committed.called_ms + lease {
        return Ok(false);
    }
    if decided > committed.answered_ms + lease {
        return Ok(true);
    }
    bail!("a request was decided on while the lease ended")
}
