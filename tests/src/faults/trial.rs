//! One fault, from before it is there until the gateway lives again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::time::Instant;

use super::judge::{self, Evidence, Judged};
use super::line::{Door, Letter, Version};
use super::load::{Got, Load, Sent, Voice, mark};
use super::plan::{Fault, Moment};
use super::row::{Manner, PASSED, Place, REVOKED, Row};
use super::site::{Cast, LEASE, Site};
use super::{act, stall::Stalls};

/// Mandates that are seen for the first time, in each fault.
const FIRST: usize = 48;

/// From the start of the clients to the first of fault and commit.
const BASELINE: Duration = Duration::from_millis(100);

/// How long a fault that comes first is there before the commit.
const LEAD: Duration = Duration::from_millis(250);

/// How long clients go on after the lease, or after the fault has come, before it is taken away.
const TAIL: Duration = Duration::from_millis(300);

/// A gateway is well before anything begins.
const WELL: Duration = Duration::from_secs(30);

/// Longest time until a gateway decides alone again, from when the fault is taken away. Two leases of
/// silence before a stream is given up, the longest pause before the next one (3 s), a new question
/// before that; and what a busy machine adds.
const LIVES_AGAIN: Duration = Duration::from_secs(15);

/// Between two requests of a look whether it decides alone, and until its metrics are reported.
const LOOK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(220));

/// When a revocation was committed: not before the call, not after its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed {
    pub(super) called: Instant,
    pub(super) answered: Instant,
    /// The same as wall clocks have it.
    pub(super) called_ms: u64,
    pub(super) answered_ms: u64,
}

/// Plays a fault. An error says that it proved nothing either way.
pub(super) async fn play(site: &mut Site, fault: &Fault, stalls: &Stalls) -> Result<Judged> {
    let Fault { row, version, .. } = *fault;
    let start = Instant::now();
    let cast = site.cast(row.manner == Manner::WithContent, FIRST).await?;
    let tried = attempt(site, fault, &cast).await;
    if tried.is_err() {
        // Whatever state it is in: away with the fault, and with the grant.
        let undone = act::remove(site, row.act).await;
        site.revoke(&cast.grant).await.context("taking back")?;
        undone?;
        decides_alone(site, row, version, &cast.control, WELL).await?;
    }
    let judged = tried?;
    // What is late is late, however long this process stood still.
    let proven = judged.is_good() || judged.late > 0;
    ensure!(
        proven || !stalls.any_since(start),
        "this process stood still: {judged:?}"
    );
    Ok(judged)
}

async fn attempt(site: &mut Site, fault: &Fault, cast: &Cast) -> Result<Judged> {
    let Fault { row, version, .. } = *fault;
    decides_alone(site, row, version, &cast.control, WELL)
        .await
        .context("it was not well before")?;
    let known = check(site, row, version, &site.revoked_door, &cast.known).await?;
    ensure!(known == PASSED, "the known mandate got {known} before");
    let before = Evidence::now(site).await?;
    let mut cast = cast.clone();
    let (first, control_first) = (cast.first.pop(), cast.control_first.pop());
    let load = Load::start(site, row, version, &cast);
    tokio::time::sleep(BASELINE).await;
    let began = Instant::now();
    let committed = strike(site, fault, &cast).await?;
    let end = (committed.answered + LEASE + TAIL).max(Instant::now() + TAIL);
    tokio::time::sleep_until(end).await;
    let after = Evidence::now(site).await.ok();
    act::remove(site, row.act).await?;
    let removed = Instant::now();
    let lives = decides_alone(site, row, version, &cast.control, LIVES_AGAIN).await;
    let mut sent = load.stop().await;
    let mut problems = Vec::new();
    if let Err(error) = &lives {
        problems.push(format!("it does not live again: {error:#}"));
    } else {
        // What was revoked stays revoked, seen before or not; what was not passes.
        for (voice, door, mandate, expected) in [
            (
                Voice::Known,
                &site.revoked_door,
                Some(cast.known.clone()),
                REVOKED,
            ),
            (Voice::First, &site.revoked_door, first, REVOKED),
            (
                Voice::ControlFirst,
                &site.control_door,
                control_first,
                PASSED,
            ),
        ] {
            let mandate = mandate.context("no mandate")?;
            let (mark, at, got) = once(site, row, version, door, &mandate).await?;
            let one = Sent {
                voice,
                mark,
                at,
                got,
            };
            let got = one.got.text();
            if got != expected {
                problems.push(format!("{voice:?} got {got} once it lived again"));
            }
            sent.push(one);
        }
    }
    let story = judge::Story {
        row,
        committed,
        began,
        removed,
        sent,
        before,
        after: after.unwrap_or(Evidence::now(site).await?),
        lived: lives.is_ok(),
    };
    judge::judge(site, story, problems).await
}

/// Fault and commit, in the order of the moment.
async fn strike(site: &mut Site, fault: &Fault, cast: &Cast) -> Result<Committed> {
    let Fault { row, moment, .. } = *fault;
    let spared = site.committer();
    let commit = async || -> Result<Committed> {
        let (called, called_ms) = (Instant::now(), unix_ms()?);
        spared.revoke(&cast.grant).await?;
        Ok(Committed {
            called,
            answered: Instant::now(),
            called_ms,
            answered_ms: unix_ms()?,
        })
    };
    let committed = match moment {
        Moment::Before => {
            act::inject(site, row.act, cast).await?;
            tokio::time::sleep(LEAD).await;
            commit().await?
        }
        Moment::While => {
            let (committed, injected) = tokio::join!(commit(), act::inject(site, row.act, cast));
            injected?;
            committed?
        }
        Moment::After => {
            let committed = commit().await?;
            act::inject(site, row.act, cast).await?;
            committed
        }
    };
    if row.place == Place::Frames {
        // Something that concerns nobody, so that there is a delta in any case.
        spared.stir().await?;
    }
    Ok(committed)
}

/// Waits until the gateway lets a mandate through that it has to, several times, without asking.
async fn decides_alone(
    site: &Site,
    row: &Row,
    version: Version,
    control: &str,
    patience: Duration,
) -> Result<()> {
    let start = Instant::now();
    loop {
        let why = match look(site, row, version, control).await {
            Ok(None) => return Ok(()),
            Ok(Some(why)) => why,
            Err(error) => format!("{error:#}"),
        };
        if start.elapsed() > patience {
            bail!("not within {patience:?}: {why}");
        }
        tokio::time::sleep(LOOK.0).await;
    }
}

/// What is missing.
async fn look(site: &Site, row: &Row, version: Version, control: &str) -> Result<Option<String>> {
    let before = site.asked().await?;
    for _ in 0..3 {
        let got = check(site, row, version, &site.control_door, control).await?;
        if got != PASSED {
            return Ok(Some(format!("the control got {got}")));
        }
        tokio::time::sleep(LOOK.0).await;
    }
    tokio::time::sleep(LOOK.1).await;
    let asked = site.asked().await?.saturating_sub(before);
    Ok((asked > 0).then(|| format!("it asked {asked} times")))
}

async fn check(
    site: &Site,
    row: &Row,
    version: Version,
    door: &Door,
    mandate: &str,
) -> Result<String> {
    Ok(once(site, row, version, door, mandate).await?.2.text())
}

/// One request over a connection of its own.
async fn once(
    site: &Site,
    row: &Row,
    version: Version,
    door: &Door,
    mandate: &str,
) -> Result<(u64, Instant, Got)> {
    let letter = Letter {
        mark: mark(),
        mandate: mandate.to_owned(),
        content: row.manner == Manner::WithContent,
        path: None,
        trap: None,
    };
    let at = Instant::now();
    let reply = site.ask_once(door, version, &letter, row.patience).await?;
    Ok((letter.mark, at, Got::Reply(reply)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with what the ledger says, which has wall clocks"
)]
fn unix_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}
