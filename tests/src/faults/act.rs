//! Does what a row says, and undoes it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::gate::Weather;
use super::line::{Letter, Line, Version};
use super::load::mark;
use super::mischief::{Mischief, NONE, Records};
use super::row::{Act, Trap, Whose};
use super::site::{Cast, LEASE, Site};
use super::xds::ListenerEdit;

/// A lease and a little: after that every request is asked about.
const STALE: Duration = LEASE.saturating_add(Duration::from_millis(100));

/// Until questions that nobody answers have been given up (250 ms).
const ANSWERED: Duration = Duration::from_millis(400);

/// How long a point that was suspended hears nothing when it goes on: less than its lease.
const UNTOLD: Duration = Duration::from_millis(400);

/// Until a service has dropped what is over by its clock: it looks once in a second.
const FORGOTTEN: Duration = Duration::from_millis(1200);

/// Refusals that fill a backlog of 8 MiB, by as many connections, with as long a path each.
const REFUSALS: (usize, usize, usize) = (8, 280, 3900);

/// Does it.
pub(super) async fn inject(site: &mut Site, act: Act, cast: &Cast) -> Result<()> {
    match act {
        Act::Interpose { mischief, cut } => {
            let interposer = site.interposer.as_ref().context("no interposer")?;
            interposer.play(mischief);
            if cut {
                interposer.cut();
            }
            Ok(())
        }
        Act::FillBacklog => {
            let interposer = site.interposer.as_ref().context("no interposer")?;
            interposer.play(Mischief {
                records: Records::Refused,
                ..NONE
            });
            fill(site, cast).await
        }
        Act::Gate(weather) => {
            site.gate.set(weather);
            Ok(())
        }
        Act::KillService => site.service.kill().await,
        Act::FreezeService => site.service.freeze().await,
        Act::Cluster(edit) => site.resources.edit_cluster(site.envoy()?, edit).await,
        Act::Listener(edit) => site.resources.edit_listener(site.envoy()?, edit).await,
        Act::UpdateWhileWaiting => {
            site.service.freeze().await?;
            tokio::time::sleep(STALE).await;
            let edit = ListenerEdit::Renamed;
            site.resources.edit_listener(site.envoy()?, edit).await
        }
        Act::FreezeEnvoy => site.signal_envoy("STOP").await,
        Act::RestartEnvoy => site.start_envoy().await,
        Act::Trap(Trap::Head) => arm(site, cast, "head").await,
        Act::Trap(Trap::Tick) => arm(site, cast, "tick").await,
        Act::Trap(Trap::Sync) => {
            arm(site, cast, "feed").await?;
            site.gate.cut();
            Ok(())
        }
        Act::Trap(Trap::Answer) => {
            site.service.freeze().await?;
            tokio::time::sleep(STALE).await;
            arm(site, cast, "answer").await?;
            tokio::time::sleep(ANSWERED).await;
            Ok(())
        }
        Act::Suspend(whose) => {
            if whose == Whose::Envoy {
                site.gate.set(Weather::Swallowing);
            }
            site.suspend(whose).await
        }
        Act::StepClock(Whose::Envoy, seconds) => site.set_clock(Whose::Envoy, seconds).await,
        Act::StepClock(Whose::Service, seconds) => {
            site.set_clock(Whose::Service, seconds).await?;
            tokio::time::sleep(FORGOTTEN).await;
            site.gate.cut();
            Ok(())
        }
    }
}

/// Undoes it. What was not done, or not wholly, is undone as well.
pub(super) async fn remove(site: &mut Site, act: Act) -> Result<()> {
    match act {
        Act::Interpose { .. } | Act::FillBacklog => {
            if let Some(interposer) = &site.interposer {
                interposer.play(NONE);
            }
            Ok(())
        }
        Act::Gate(_) => {
            site.gate.set(Weather::Fair);
            Ok(())
        }
        Act::KillService => site.service.restart(&site.stack.parts).await,
        Act::FreezeService | Act::Trap(Trap::Answer) => site.service.thaw().await,
        Act::Cluster(_) => site.resources.restore_clusters(site.envoy()?).await,
        Act::Listener(_) => site.resources.restore_listener(site.envoy()?).await,
        Act::UpdateWhileWaiting => {
            site.service.thaw().await?;
            site.resources.restore_listener(site.envoy()?).await
        }
        Act::FreezeEnvoy => site.signal_envoy("CONT").await,
        Act::RestartEnvoy if site.envoy.is_none() => site.start_envoy().await,
        Act::RestartEnvoy | Act::Trap(_) => Ok(()),
        Act::Suspend(Whose::Service) => site.resume(Whose::Service).await,
        Act::Suspend(Whose::Envoy) => {
            site.resume(Whose::Envoy).await?;
            // Nobody tells it what it has missed, so that it has to find out by itself.
            tokio::time::sleep(UNTOLD).await;
            site.gate.set(Weather::Fair);
            Ok(())
        }
        Act::StepClock(Whose::Envoy, _) => site.set_clock(Whose::Envoy, 0).await,
        Act::StepClock(Whose::Service, _) => {
            // Snapshots of a service whose clock is off, and of one that was set right.
            site.gate.cut();
            tokio::time::sleep(FORGOTTEN).await;
            site.set_clock(Whose::Service, 0).await?;
            site.gate.cut();
            Ok(())
        }
    }
}

fn letter(cast: &Cast) -> Letter {
    Letter {
        mark: mark(),
        mandate: cast.control.clone(),
        content: false,
        path: None,
        trap: None,
    }
}

/// Sends the request that arms a trap; what becomes of it is of no interest.
async fn arm(site: &Site, cast: &Cast, point: &'static str) -> Result<()> {
    let letter = Letter {
        trap: Some(point),
        ..letter(cast)
    };
    let mut line = Line::open(&site.control_door, Version::One).await?;
    let _ = tokio::time::timeout(Duration::from_millis(100), line.ask(&letter)).await;
    Ok(())
}

/// Fills the backlog with refusals of requests with long paths, which nobody takes.
async fn fill(site: &Site, cast: &Cast) -> Result<()> {
    let (connections, each, length) = REFUSALS;
    let path = format!("/{}", "a".repeat(length));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let door = site.control_door.clone();
        let letter = Letter {
            path: Some(path.clone()),
            ..letter(cast)
        };
        tasks.spawn(async move {
            let mut line = Line::open(&door, Version::Two).await?;
            for _ in 0..each {
                line.ask(&letter).await?;
            }
            anyhow::Ok(())
        });
    }
    tasks.join_all().await.into_iter().collect()
}
