//! How each fault is done, and undone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use caracal_store::testing::{PostgresServer, connect};
use serde_json::Value;
use tokio::time::Instant;

use super::super::cast::{BARRED, POLICY, SECOND_POLICY};
use super::super::judge::Window;
use super::super::oracle::Condition;
use super::super::plan::{LEASE, Plan};
use super::super::site::Site;
use super::{Fault, Permission, VICTIM};
use crate::stack::{ZONE, wait};

/// How long a key settles before it signs (`KEY_SETTLING_MS` in `store/src/model/key.rs`).
const SETTLING: Duration = Duration::from_secs(90);

/// How long after the zone its next key is made (`PAUSE` in `sts/src/rotation/upkeep.rs`), and a
/// little more.
const PUBLISHED: Duration = Duration::from_secs(32);

/// Longest time in which a server that crashed is back.
const RESTART: Duration = Duration::from_secs(30);

/// Between two looks at a disk that is kept full.
const REFILL: Duration = Duration::from_millis(100);

impl Fault {
    /// What has to be there before.
    pub(in super::super) async fn prepare(self, site: &Site, plan: Plan) -> Result<()> {
        if self != Self::RotateKeys {
            return Ok(());
        }
        tokio::time::sleep_until(site.zone_made + PUBLISHED).await;
        if plan.wait_for_key {
            tokio::time::sleep_until(site.zone_made + PUBLISHED + SETTLING).await;
            return Ok(());
        }
        let older = "UPDATE signing_keys SET published_ms = published_ms - 90000 \
            WHERE state = 'published'";
        let database = &site.authority_database;
        site.authority_server.execute(database, older).await;
        Ok(())
    }

    /// Does it, and undoes it. Returns what it may refuse from when to when, and when its cause was
    /// gone.
    pub(in super::super) async fn happen(
        self,
        site: &mut Site,
        plan: Plan,
    ) -> Result<(Window, Instant)> {
        let started = Instant::now();
        match self {
            Self::KillReplica => {
                site.kill(VICTIM).await?;
                tokio::time::sleep(plan.hold).await;
                site.restart(VICTIM).await?;
            }
            Self::StopRedis => {
                let redis = Arc::clone(&site.redis);
                blocking(move || redis.stop()).await?;
                tokio::time::sleep(plan.hold).await;
                let redis = Arc::clone(&site.redis);
                blocking(move || redis.restart()).await?;
            }
            Self::EmptyRedis => {
                let redis = Arc::clone(&site.redis);
                blocking(move || {
                    redis.stop();
                    redis.restart();
                })
                .await?;
                tokio::time::sleep(plan.hold).await;
            }
            Self::StopAuthority => stop(&site.authority_server, plan.outage).await?,
            Self::StopLedger => stop(&site.ledger_server, plan.outage).await?,
            Self::RotateKeys => rotate(site, plan).await?,
            Self::ActivatePolicy => activate(site, plan).await?,
            Self::FillDisk => fill(site, plan.hold).await?,
        }
        let healed = Instant::now();
        let Permission {
            reasons,
            replica,
            breaks_connections,
            after,
            recovery,
        } = self.permission();
        let window = Window {
            from: started + after,
            until: Some(healed + recovery),
            replica,
            reasons,
            breaks_connections,
        };
        Ok((window, healed))
    }
}

async fn blocking(work: impl FnOnce() + Send + 'static) -> Result<()> {
    Ok(tokio::task::spawn_blocking(work).await?)
}

async fn stop(server: &Arc<PostgresServer>, outage: Duration) -> Result<()> {
    let away = Arc::clone(server);
    blocking(move || away.stop()).await?;
    tokio::time::sleep(outage).await;
    let back = Arc::clone(server);
    blocking(move || back.start_again()).await
}

async fn rotate(site: &Site, plan: Plan) -> Result<()> {
    let keys = site.stack.caracal(&["key", "list", "--zone", ZONE]).await?;
    let keys = keys.get("items").and_then(Value::as_array);
    let text = |key: &Value, name: &str| Some(key.get(name)?.as_str()?.to_owned());
    let signs = |key: &&Value| text(key, "state").as_deref() == Some("active");
    let old = keys.and_then(|keys| keys.iter().find(signs));
    let old = old.and_then(|key| text(key, "kid"));
    let old = old.context("no key signs")?;
    let new = site.admin.rotate(1).await?;
    ensure!(new != old, "the key is the same as before");
    let mut oracle = site.admin.oracle.lock();
    oracle
        .as_mut()
        .map_err(|_| anyhow::anyhow!("a task panicked"))?
        .replace_key(old, Instant::now());
    drop(oracle);
    tokio::time::sleep(LEASE + plan.hold).await;
    Ok(())
}

async fn activate(site: &Site, plan: Plan) -> Result<()> {
    for (source, permitted) in [(SECOND_POLICY, false), (POLICY, true)] {
        let condition = Condition::Permitted(BARRED);
        site.admin.begin(condition, permitted);
        site.activate(source).await?;
        site.admin.acknowledge(condition);
        tokio::time::sleep(LEASE + plan.hold / 2).await;
    }
    Ok(())
}

async fn fill(site: &Site, hold: Duration) -> Result<()> {
    let end = Instant::now() + hold;
    while Instant::now() < end {
        let disk = Arc::clone(&site.disk);
        // Again and again: a server that has crashed gives some of it back.
        tokio::task::spawn_blocking(move || disk.fill()).await??;
        tokio::time::sleep(REFILL).await;
    }
    let (disk, server) = (Arc::clone(&site.disk), Arc::clone(&site.ledger_server));
    let freed = tokio::task::spawn_blocking(move || {
        disk.free()?;
        // One that could not even write its write-ahead log has ended, and somebody starts it again.
        if !server.is_running() {
            server.start_again();
        }
        anyhow::Ok(())
    });
    freed.await??;
    let place = &site.auditor.place;
    wait::until("the ledger's database answers", RESTART, async || {
        connect(place).await.ok()
    })
    .await
    .map(drop)
}
