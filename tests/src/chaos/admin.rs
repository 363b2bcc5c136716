//! Changes of authority, repeated until they are acknowledged, and told to the oracle.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::cast::Pair;
use super::oracle::{Condition, Oracle};
use crate::client::{Connection, Request};
use crate::stack::ZONE;

/// Longest time until a change is acknowledged: an outage and more.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// The management API of one replica.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) port: u16,
    pub(super) token: String,
}

/// The management APIs of all replicas, and what became of what was asked there.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    doors: Arc<[Door]>,
    pub(super) oracle: Arc<Mutex<Oracle>>,
    acknowledged: Arc<Mutex<Vec<u64>>>,
}

/// How one try ended.
enum Tried {
    Done(Value),
    /// It may have been done or not; the same key tells.
    Unknown(String),
    Refused(String),
}

impl Admin {
    /// For the replicas.
    pub(super) fn new(doors: Vec<Door>) -> Self {
        Self {
            doors: doors.into(),
            oracle: Arc::default(),
            acknowledged: Arc::default(),
        }
    }

    /// Positions of all changes that were acknowledged.
    pub(super) fn acknowledged(&self) -> Vec<u64> {
        let all = self.acknowledged.lock();
        all.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a grant; returns its id.
    pub(super) async fn grant(&self, replica: usize, pair: Pair) -> Result<String> {
        let Pair {
            application,
            target,
        } = pair;
        let body = json!({
            "application": application,
            "resource": target.resource,
            "scopes": [target.scope],
        });
        let condition = Condition::Granted(pair);
        let made = self
            .change(replica, condition, true, "grants", &body)
            .await?;
        let id = made.get("id").and_then(Value::as_str);
        Ok(id.context("the grant has no id")?.to_owned())
    }

    /// Revokes a grant.
    pub(super) async fn revoke_grant(&self, replica: usize, pair: Pair, id: &str) -> Result<()> {
        let body = json!({ "target": format!("grant/{id}") });
        let condition = Condition::Granted(pair);
        let done = self.change(replica, condition, false, "revocations", &body);
        done.await.map(|_| ())
    }

    /// Revokes an application for good.
    pub(super) async fn revoke_application(
        &self,
        replica: usize,
        application: &'static str,
    ) -> Result<()> {
        let body = json!({ "target": format!("application/{application}") });
        let condition = Condition::Active(application);
        let done = self.change(replica, condition, false, "revocations", &body);
        done.await.map(|_| ())
    }

    /// Lets the next key sign; returns the key.
    pub(super) async fn rotate(&self, replica: usize) -> Result<String> {
        let done = self.call(replica, "keys/rotate", &json!({})).await?;
        let kid = done.get("signing").and_then(Value::as_str);
        Ok(kid.context("no key signs")?.to_owned())
    }

    async fn change(
        &self,
        replica: usize,
        condition: Condition,
        holds: bool,
        path: &str,
        body: &Value,
    ) -> Result<Value> {
        self.begin(condition, holds);
        let done = self.call(replica, path, body).await?;
        self.acknowledge(condition);
        Ok(done)
    }

    /// Tells the oracle that a change is about to be asked for.
    pub(super) fn begin(&self, condition: Condition, holds: bool) {
        let mut oracle = self.oracle.lock().unwrap_or_else(PoisonError::into_inner);
        oracle.begin(condition, holds, Instant::now());
    }

    /// Tells it that the change was acknowledged.
    pub(super) fn acknowledge(&self, condition: Condition) {
        let mut oracle = self.oracle.lock().unwrap_or_else(PoisonError::into_inner);
        oracle.acknowledge(condition, Instant::now());
    }

    /// Posts until there is an answer that says what became of it; first at one replica, then at the
    /// next ones, with the same key.
    pub(super) async fn call(&self, replica: usize, path: &str, body: &Value) -> Result<Value> {
        let path = format!("/v1/zones/{ZONE}/{path}");
        let key = format!("chaos-{:032x}", unique());
        let start = Instant::now();
        let order = (0..self.doors.len()).cycle().skip(replica);
        for door in order.filter_map(|at| self.doors.get(at)) {
            let why = match attempt(door, &path, &key, body).await {
                Tried::Done(answer) => {
                    let seq = answer.get("seq").and_then(Value::as_u64);
                    let mut all = self.acknowledged.lock();
                    all.as_mut()
                        .map_err(|_| anyhow::anyhow!("a task panicked"))?
                        .extend(seq);
                    return Ok(answer);
                }
                Tried::Refused(why) => bail!("POST {path} {body}: {why}"),
                Tried::Unknown(why) => why,
            };
            ensure!(
                start.elapsed() < PATIENCE,
                "POST {path} {body}: not acknowledged within {PATIENCE:?}: {why}"
            );
            tokio::time::sleep(PAUSE).await;
        }
        bail!("there is no replica")
    }
}

async fn attempt(door: &Door, path: &str, key: &str, body: &Value) -> Tried {
    let request = Request::post("localhost", path, &body.to_string())
        .header("idempotency-key", key)
        .mandate(&door.token);
    let answer = async {
        let mut connection = Connection::plain(door.port).await?;
        connection.send(&request).await
    };
    match answer.await {
        Err(error) => Tried::Unknown(format!("{error:#}")),
        Ok(response) => {
            let body = serde_json::from_slice(&response.body);
            let text = || {
                let body = String::from_utf8_lossy(&response.body);
                format!("{} {body}", response.status)
            };
            match (response.status, body) {
                (200..300, Ok(body)) => Tried::Done(body),
                (500.., _) => Tried::Unknown(text()),
                _ => Tried::Refused(text()),
            }
        }
    }
}

/// A number that no other change of this run has.
fn unique() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}
